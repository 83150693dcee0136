"""Every fault that a venue can play is played to a whole gateway in virtual time and judged by every oracle."""

import pytest
from expected import EXPECTED, Expected
from judging import ROWS, differences, own_ends
from stage import PRIVATE, PUBLIC, play

from gateway.testing.catalogue import Row
from gateway.testing.scenario import Scenario
from gateway.testing.scenario_files import build

AFTERWARDS = 240.0
"""Seconds for which it goes on after the last step."""
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
    played = play(scenario, seconds, rate=min(1.0, MOST / seconds), meanwhile=expected.meanwhile)
    assert differences(played, expected, own_ends(scenario)) == []


def test_without_a_fault_nothing_happens() -> None:
    played = play(None, AFTERWARDS)
    assert differences(played, Expected(), set()) == []
    assert all(len(played.moves.of(id_)) == 4 for id_ in (PUBLIC, PRIVATE)), "up, and down in the end"


def test_every_row_that_a_venue_plays_is_expected_or_shown_elsewhere() -> None:
    elsewhere = {"E10", "E17", "E19", "F18", "F22"}
    assert {name for name, row in ROWS.items() if row.scenario is not None} == EXPECTED.keys() | elsewhere
