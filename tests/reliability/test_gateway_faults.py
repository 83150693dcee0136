"""Faults that no venue plays: of the way to it, of clocks and the event loop, and of whoever uses the gateway."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from expected import AFTERWARDS, BEGUN, BTC, CAP, DIAL, Expected, back_within, fails, step
from judging import differences, own_ends
from stage import PRIVATE, PUBLIC, Meanwhile, Played, play

from gateway.errors import Reason, TransportLost
from gateway.testing.scenario import Scenario
from gateway.testing.scenario_files import build

LASTS = 240.0
PACE = 5.0
"""Seconds between two pings of the mock exchange."""
AWAY = 20.0
"""Seconds for which there is no way."""


def no_way(reason: Reason) -> Meanwhile:
    """Drop what there is and fail every dial for a while, each at once."""

    async def meanwhile(played: Played) -> None:
        network = played.network
        open_ = network.open

        async def fail(step: Any, *, max_frame: int) -> Any:
            played.found["failed"] = played.found.get("failed", 0) + 1
            raise TransportLost("no way", reason=reason)

        await asyncio.sleep(BEGUN)
        network.open = fail  # type: ignore[method-assign]
        played.venue.drop()
        await asyncio.sleep(AWAY)
        network.open = open_  # type: ignore[method-assign]

    return meanwhile


async def no_answer(played: Played) -> None:
    """Drop what there is and let the next dial of each hang, until whoever dials gives it up."""
    network = played.network
    open_ = network.open

    async def hang(step: Any, *, max_frame: int) -> Any:
        played.found["hung"] = played.found.get("hung", 0) + 1
        if played.found["hung"] == 2:
            network.open = open_  # type: ignore[method-assign]
        await asyncio.get_running_loop().create_future()

    await asyncio.sleep(BEGUN)
    network.open = hang  # type: ignore[method-assign]
    played.venue.drop()


def no_storm(played: Played) -> bool:
    """Say whether dials that fail at once are as rare as any: one in two seconds of each connection."""
    return 2 <= played.found["failed"] <= 2 * AWAY / 2


def stands_still(seconds: float) -> Meanwhile:
    """Let the process stand still again and again: all that was due meanwhile is late by so much."""

    async def meanwhile(played: Played) -> None:
        loop: Any = asyncio.get_running_loop()
        for _ in range(5):
            await asyncio.sleep(BEGUN)
            loop._now += seconds

    return meanwhile


async def jumping(played: Played) -> None:
    """Set the wall clock an hour ahead and back, and half a second as a leap second would."""
    for ahead in (3600.0, -3600.0, 0.5, -1.0, 0.0):
        await asyncio.sleep(BEGUN)
        played.ahead = ahead


async def join_while_away(played: Played) -> None:
    """Want a topic while its connection is away, and be told at once how it stands."""
    told: list[str] = []
    await asyncio.sleep(BEGUN + 5)
    began = asyncio.get_running_loop().time()
    await played.gateway.listen(BTC, lambda one: told.append(getattr(one, "status", "data")))
    played.found["seconds"] = asyncio.get_running_loop().time() - began
    played.found["at once"] = list(told)
    await asyncio.sleep(AWAY + CAP)
    played.found["afterwards"] = told[-1]


CALLS = 20


async def call_back(played: Played) -> None:
    """Ask the gateway for something in the midst of every move that it tells."""
    changed, calls = played.moves.changed, []

    def calling(change: Any) -> None:
        changed(change)
        name = "main" if change.connection_id == PRIVATE else PUBLIC
        if len(calls) < CALLS:
            calls.append(change.after)
            played.gateway.connect_account(name, retry=True)
        if len(calls) < CALLS and change.after == "CONNECTED":
            calls.append(change.after)
            played.gateway.reconnect(name)

    played.moves.changed = calling  # type: ignore[method-assign]
    await asyncio.sleep(BEGUN)
    played.venue.drop()
    await asyncio.sleep(BEGUN)
    played.found["calls"] = len(calls)


FAULTS: Mapping[str, Expected] = {
    "A02": fails("deadline_missed", meanwhile=no_answer, checks={"in time": back_within(DIAL + 2)}),
    "A03": fails("unreachable", meanwhile=no_way(Reason.UNREACHABLE), checks={"no storm": no_storm}),
    "A04": fails("name_not_resolved", meanwhile=no_way(Reason.NAME_NOT_RESOLVED), checks={"no storm": no_storm}),
    "D11": Expected(meanwhile=stands_still(30.0)),
    "D12": Expected(
        meanwhile=jumping,
        checks={"it is pinged as ever": lambda played: played.venue.counts.pings >= 2 * LASTS / PACE - 4},
    ),
    "D13": Expected(meanwhile=stands_still(5.0)),
    "H08": fails(
        "upgrade_refused",
        steps=(step(BEGUN, "refuse_upgrades", status=503, lasts=14_400), step(BEGUN, "drop")),
        checks={AFTERWARDS: back_within(CAP, BEGUN + 14_400)},
    ),
    "I14": fails(
        "connection_refused",
        steps=(step(BEGUN, "refuse_dials", lasts=AWAY), step(BEGUN, "drop")),
        meanwhile=join_while_away,
        checks={
            "it is told at once": lambda played: played.found["at once"] == ["disconnected"],
            "nobody waits": lambda played: played.found["seconds"] < 1.0,
            "it flows at last": lambda played: played.found["afterwards"] == "data",
        },
    ),
    "J06": fails(
        "asked",
        meanwhile=call_back,
        checks={"it was called": lambda played: played.found["calls"] == CALLS},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_it_is_survived(name: str) -> None:
    expected = FAULTS[name]
    scenario = build({"steps": [dict(one) for one in expected.steps]}, name) if expected.steps else Scenario(())
    seconds = LASTS + max((moment.at for moment in scenario.moments()), default=0.0)
    played = play(scenario, seconds, rate=min(1.0, 1200 / seconds), meanwhile=expected.meanwhile)
    assert differences(played, expected, own_ends(scenario) | {"closed_by_peer"}) == []


class Raising:
    """An observer that raises whenever it is told of a new connection."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, change: Any) -> None:
        if change.after == "CONNECTED" and self.times < 3:
            self.times += 1
            raise RuntimeError("an observer's own mistake")


async def observed_by_one_who_raises(played: Played) -> None:
    """Let an observer raise at the next three moves to CONNECTED."""
    changed, raising = played.moves.changed, Raising()

    def telling(change: Any) -> None:
        changed(change)
        raising(change)

    played.moves.changed = telling  # type: ignore[method-assign]
    await asyncio.sleep(BEGUN)
    played.venue.drop()
    await asyncio.sleep(CAP)
    played.found["raised"] = raising.times


def test_whoever_observes_and_raises_ends_no_more_than_an_epoch() -> None:
    expected = fails(
        "internal_error",
        meanwhile=observed_by_one_who_raises,
        checks={"it was raised": lambda played: played.found["raised"] == 3},
    )
    played = play(None, LASTS, meanwhile=expected.meanwhile)
    assert differences(played, expected, {"closed_by_peer"}) == []
