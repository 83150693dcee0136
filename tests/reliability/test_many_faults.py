"""Faults that take many connections: they share what an address may do."""

import asyncio
from random import Random

import pytest

from gateway import Gateway
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.records import busiest
from gateway.testing.virtual import run
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

ACCOUNTS = 400
PACE = 30
"""Seconds between two pings of one connection: they are not what is looked at."""
[DIALS] = [limit for limit in INFO.limits if limit.name == "mock-dials"]


async def dials_of(accounts: int) -> tuple[list[float], int]:
    """Return when each dial came, and how many accounts are up in the end; all are lost at once in between."""
    loop = asyncio.get_running_loop()
    names = [f"a{number}" for number in range(accounts)]
    async with MemoryVenue(MockVenue(now=lambda: 1, accounts=dict.fromkeys(names, "secret"))) as network:
        at: list[float] = []
        open_ = network.open

        async def opening(step, *, max_frame):
            at.append(loop.time())
            return await open_(step, max_frame=max_frame)

        network.open = opening  # type: ignore[method-assign]
        endpoints = {**network.addresses, "allow_plaintext": True}
        account = {"exchange": "mock", "secret": "env:SECRET"}
        tables = {
            "exchanges": {"mock": {"endpoints": endpoints, "heartbeat_interval": PACE}},
            "accounts": {name: {**account, "api_key": f"env:KEY_{name.upper()}"} for name in names},
        }
        environ = {"SECRET": "secret", **{f"KEY_{name.upper()}": name for name in names}}
        gateway = Gateway(
            tables,
            plugins={"mock": MockExchange()},
            environ=environ,
            network=network,
            now=loop.time,
            wall_us=lambda: round(loop.time() * 1e6),
            rng=Random(1),
        )
        async with gateway:
            for name in names:
                await gateway.listen(f"mock:orders:@{name}", lambda _: None)
            await asyncio.sleep(2 * DIALS.per)
            network.venue.drop()
            await asyncio.sleep(3 * DIALS.per)
            up = len(gateway.registry.snapshot.live)
    return at, up


@pytest.mark.timeout(300)  # much to do, most of all while coverage is measured
def test_four_hundred_accounts_dial_no_more_often_than_their_address_may() -> None:
    at, up = run(dials_of(ACCOUNTS))
    assert up == ACCOUNTS
    assert len(at) >= 2 * ACCOUNTS
    assert busiest(at, DIALS.per) <= DIALS.count
