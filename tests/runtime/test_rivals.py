"""Where an exchange allows one session of an account, two that want it make no war of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from gateway import Gateway
from gateway.engine.conflict import KICKS
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange
from gateway_mock.venue import MockVenue

PRIVATE = "mock/private@main"
HOUR = 3600
ELSEWHERE = 4409
"""The code with which the mock exchange ends a session for the sake of another."""


@asynccontextmanager
async def gateway(network: MemoryVenue, seed: int) -> AsyncIterator[Gateway]:
    tables = {
        "exchanges": {"mock": {"endpoints": {**network.addresses, "allow_plaintext": True}}},
        "accounts": {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}},
    }
    options: dict[str, Any] = {
        "plugins": {"mock": MockExchange()},
        "environ": {"KEY": "mock-key", "SECRET": "mock-secret"},
        "now": asyncio.get_running_loop().time,
    }
    async with Gateway(tables, network=network, rng=Random(seed), **options) as one:
        await one.listen("mock:orders:@main", lambda _: None)
        yield one


def steps(one: Gateway) -> list[tuple[str, str]]:
    history = one.get_connection_details()[PRIVATE]["history"]
    return [(step["after"], step["reason"]) for step in history]


def ends(one: Gateway) -> list[str]:
    return [reason for state, reason in steps(one) if state == "ERROR"]


@virtually
async def test_two_that_want_one_session_leave_it_to_each_other_after_a_few_kicks() -> None:
    async with MemoryVenue(MockVenue(rate=1.0)) as network:
        network.venue.faults.one_session = ELSEWHERE
        async with gateway(network, 1) as ours, gateway(network, 2) as theirs:
            await asyncio.sleep(60)
            fought = network.venue.counts.upgrades
            assert fought <= 2 * (KICKS + 2)
            assert "conflict" in ends(ours) + ends(theirs)
            await asyncio.sleep(8 * HOUR)
            assert network.venue.counts.upgrades - fought <= 8 * 12, "a dial of each in ten minutes, at most"
            views = [one.get_connection_details()[PRIVATE] for one in (ours, theirs)]
            waiting = [view for view in views if view["reason"] == "retry_due" and view["state"] == "RECONNECTING"]
            assert len(waiting) <= 1, "one of them has the session"
            conflict = next(step for one in views for step in one["history"] if step["reason"] == "conflict")
            assert "another session of the account is open elsewhere" in conflict["text"]


@virtually
async def test_it_comes_back_by_itself_once_the_other_is_gone() -> None:
    async with MemoryVenue(MockVenue(rate=1.0)) as network:
        network.venue.faults.one_session = ELSEWHERE
        async with gateway(network, 1) as ours:
            await asyncio.sleep(10)
            async with gateway(network, 2):
                await asyncio.sleep(120)
            await asyncio.sleep(HOUR)
            assert steps(ours)[-1] == ("CONNECTED", "handshake_done")
            assert ends(ours)[:KICKS].count("closed_by_peer") >= 1


@virtually
async def test_one_kick_is_an_accident_after_which_it_is_back_at_once() -> None:
    async with MemoryVenue(MockVenue(rate=1.0)) as network, gateway(network, 1) as ours:
        for _ in range(4):
            await asyncio.sleep(40)
            network.venue.drop(code=ELSEWHERE)
            await asyncio.sleep(2)
            assert steps(ours)[-1] == ("CONNECTED", "handshake_done")
        assert ends(ours) == ["closed_by_peer"] * 4


@virtually
async def test_another_end_is_no_kick_however_often_it_comes() -> None:
    async with MemoryVenue(MockVenue(rate=1.0)) as network, gateway(network, 1) as ours:
        for _ in range(10):
            await asyncio.sleep(5)
            network.venue.drop(code=4001)
        await asyncio.sleep(40)
        assert set(ends(ours)) == {"closed_by_peer"}
        assert steps(ours)[-1] == ("CONNECTED", "handshake_done")
