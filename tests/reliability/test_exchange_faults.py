"""Every fault that a venue can play is played to a whole gateway in virtual time and judged by every oracle."""

import pytest
from expected import EXPECTED, Expected
from judging import ROWS, differences, own_ends
from stage import PRIVATE, PUBLIC, Played, play

from gateway.model.states import ConnectionState as S
from gateway.testing.catalogue import Row
from gateway.testing.scenario import Scenario
from gateway.testing.scenario_files import build

AFTERWARDS = 240.0
"""Seconds for which it goes on after the last step."""
ORDERS = 12
"""In so many orders what happens in one instant may happen, until it is the one that is meant."""
ONCE = {"B01", "B04", "B05", "B07", "B08", "F03", "F04"}
"""What strikes once when both connections are cut, and is meant for the account's: which comes first is drawn."""
MOST = 1_200
"""Data of each stream, at most: a play of hours is one of few."""


def scenario_of(row: Row, expected: Expected) -> Scenario:
    scenario = (
        build({"steps": [dict(step) for step in expected.steps]}, row.id) if expected.steps else row.scenario
    )
    assert scenario is not None
    return scenario


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_survived(name: str) -> None:
    expected = EXPECTED[name]
    scenario = scenario_of(ROWS[name], expected)
    seconds = max((moment.at for moment in scenario.moments()), default=0.0) + AFTERWARDS
    for seed in range(ORDERS):
        played = play(scenario, seconds, rate=min(1.0, MOST / seconds), meanwhile=expected.meanwhile, seed=seed)
        if name not in ONCE or redialled(played) == PRIVATE:
            break
        assert played.wrong == []
        assert played.moves.wrong == []
    assert differences(played, expected, own_ends(scenario)) == []


def redialled(played: Played) -> str | None:
    """Return which connection came first once both had been cut."""
    dials = [one.connection_id for one in played.moves.changes if one.after is S.CONNECTING]
    return dials[2] if len(dials) > 2 else None


def test_without_a_fault_nothing_happens() -> None:
    played = play(None, AFTERWARDS)
    assert differences(played, Expected(), set()) == []
    assert all(len(played.moves.of(id_)) == 4 for id_ in (PUBLIC, PRIVATE)), "up, and down in the end"


def test_every_row_that_a_venue_plays_is_expected_or_shown_elsewhere() -> None:
    elsewhere = {"E10", "E17", "E19", "F18", "F22"}
    assert {name for name, row in ROWS.items() if row.scenario is not None} == EXPECTED.keys() | elsewhere
