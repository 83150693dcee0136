"""
How soon data flow again after a cut, and how soon a half-open peer is left.

In virtual time nothing takes any but what the gateway waits for on purpose, so its
own rules can be measured exactly. ``bench/recovery.py`` measures the same over sockets, in
real time, with as many connections as one likes.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from measured import happened, took

from gateway import Gateway
from gateway.testing.faults import Refusal
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import virtually

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
SIZE = ("--connections", "1000", "--streams", "100") if FULL else ("--quick",)
SCRIPT = Path(__file__).parents[2] / "bench/recovery.py"
MANY = (1000, 100) if FULL else (60, 20)
"""Connections, and streams of each, in virtual time."""
HALF_OPEN = 1000 if FULL else 90
FAILING = 400 if FULL else 40
"""How often dials fail."""
FIRST = 1.0
"""Seconds within which a connection that had worked is dialled again."""
HEARTBEAT = 3.0

pytestmark = pytest.mark.timeout(1200 if FULL else 240)


@pytest.fixture
def cutting(bench: Any) -> Any:
    """What starts a gateway in virtual time, with a venue that cuts, and someone who listens to each stream."""

    @asynccontextmanager
    async def started(
        connections: int, streams: int, *observers: Any, spread: float = 0.0
    ) -> AsyncIterator[SimpleNamespace]:
        loop = asyncio.get_running_loop()
        venue, heard = bench("cuts").CuttingVenue(connections, streams), bench("outages").Outages(loop.time)
        async with MemoryVenue(venue) as network:
            gateway = Gateway(
                {"exchanges": {"mock": {"heartbeat_interval": HEARTBEAT}}},
                plugins={"mock": bench("recovery").Sharded(streams)},
                network=network,
                observers=observers,
                now=loop.time,
                wall_us=lambda: round(loop.time() * 1e6),
                rng=Random(1),  # type: ignore[arg-type]
            )
            flowing = asyncio.create_task(venue.flow())
            async with gateway:
                for group in range(connections):
                    for name in [f"g{group}s{one}" for one in range(streams)]:
                        await gateway.listen(f"mock:trades:{name}", heard.listener(name))
                    await asyncio.sleep(spread / connections)
                await heard.wait_for(lambda: heard.heard == connections * streams)
                assert gateway.get_stats()["live_connections"] == connections
                yield SimpleNamespace(venue=venue, network=network, heard=heard)
            flowing.cancel()

    return started


@virtually
async def test_a_connection_that_worked_is_back_within_a_second(bench, cutting) -> None:
    """And a datum's interval, since the venue sends one of each stream only so often."""
    every = bench("cuts").EVERY
    async with cutting(*MANY) as one:
        heard = one.heard
        await one.venue.cut_each(20.0)
        assert len(heard.lasted) == MANY[0] * MANY[1], "each stream was told to be cut off, and came back"
        assert (heard.down, heard.unannounced, heard.doubled) == (0, 0, 0)
        assert heard.lost > 0, "and it was told what it had missed meanwhile"
        took("seconds without data, cut one by one", heard.lasted, bound=FIRST + every)
        happened("records that were missing and not told, or came twice", 0, heard.lost, "missed")
        assert max(heard.lasted) <= FIRST + every + 1e-6
        middle = bench("outages").percentile(heard.lasted, 0.5)
        assert 0.3 < middle < 0.8, "it is drawn from the whole of that second"


@virtually
async def test_all_at_once_is_no_slower_by_rule(bench, cutting) -> None:
    async with cutting(*MANY) as one:
        heard = one.heard
        heard.since = asyncio.get_running_loop().time()
        one.venue.cut_all()
        await heard.wait_for(lambda: len(heard.lasted) == MANY[0] * MANY[1])
        took("seconds without data, all cut at once", heard.lasted, bound=FIRST)
        assert max(heard.lasted) <= FIRST + 1e-6
        assert (heard.unannounced, heard.doubled) == (0, 0)


@pytest.mark.parametrize(("fails", "bound"), [(1, 1.5), (2, 2.5)])
@virtually
async def test_dials_that_fail_cost_half_a_second_and_then_a_second_at_most(
    bench, cutting, fails: int, bound: float
) -> None:
    """So even two of them fit into what 99 of 100 streams may be without data."""
    every = bench("cuts").EVERY
    async with cutting(1, 5) as one:
        for _ in range(FAILING):
            one.venue.faults.refuse_upgrades.arm(Refusal(503), times=fails)
            await one.venue.cut_each(1.0)
        assert one.venue.counts.refused == FAILING * fails
        assert len(one.heard.lasted) == FAILING * 5
        took(f"seconds without data, dials failed: {fails}", one.heard.lasted, bound=bound + every)
        assert FIRST < max(one.heard.lasted) <= bound + every + 1e-6


@virtually
async def test_a_half_open_peer_is_left_within_one_and_a_half_intervals(bench, cutting) -> None:
    """Wherever in its interval each connection's ping is when its peer falls silent; and it is dialled at once."""
    leaving, loop = bench("half_open").Leaving(), asyncio.get_running_loop()
    async with cutting(HALF_OPEN, 1, leaving, spread=HEARTBEAT) as one:
        leaving.at.clear()
        begun = loop.time()
        for peer in one.network.open_peers:
            peer.mute()
        await one.heard.wait_for(lambda: len(one.heard.lasted) == HALF_OPEN)
        left = sorted((at - begun) / HEARTBEAT for at in leaving.at.values())
        assert len(left) == HALF_OPEN
        took("heartbeat intervals until a half-open peer was left", left, bound=1.5)
        assert left[-1] <= 1.5 + 1e-6
        assert left[0] >= 0.5 - 1e-6, "no pong is missed before its time is up"
        assert left[-1] - left[0] > 0.9, "pings were at every point of their intervals"
        assert loop.time() - begun <= 1.5 * HEARTBEAT + FIRST + 1e-6, "nobody waits for its goodbye"


def test_over_sockets_every_stream_comes_back_and_misses_nothing_untold(tmp_path: Path) -> None:
    """How soon depends on the machine, too; here it need only happen."""
    told = tmp_path / "told.json"
    words = [sys.executable, str(SCRIPT), *SIZE, "--json", str(told)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert told.exists(), ended.stderr
    found: Mapping[str, Any] = json.loads(told.read_text())
    assert found["complaints"] == [], ended.stdout
    assert {how: len(lasted) for how, lasted in found["outages"].items()} == {
        "one by one": found["expected"],
        "all at once": found["expected"],
    }
    assert found["lost"] > 0
    assert len(found["left"]) == 4
    assert all(len(took) > 1 and max(took) < 10 for took in found["left"].values())
    assert ended.returncode == int(bool(found["late"])), ended.stdout
