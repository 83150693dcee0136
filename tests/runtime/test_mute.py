"""Sockets that are open and mute are left within the limits of their class; healthy ones that are quiet, never."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from measured import happened, took
from silent import BOOK, HOUR, QUOTES, TICKER, TRADES, Scene, Sparse, scene

from gateway import spi
from gateway.engine.liveness import DEFAULT_HEARTBEAT
from gateway.engine.silence import FACTOR, FIRST, LONGEST, SHORTEST
from gateway.testing.virtual import virtually
from gateway.testing.ways import Pong
from gateway_mock.plugin import INFO, MockExchange

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
HOURS = 24 if FULL else 1
"""For which it is quiet; a stream with a rhythm keeps it three times as long."""
UNANSWERED = "seconds until a peer was left that answers no ping, data or not"
ALARM = "healthy connections that were quiet and were left"
TICKS = 3.0
"""Seconds that looks once a second may be late by in all."""
MOMENTS = [number * 15.0 / 60 for number in (range(60) if FULL else (0, 13, 29, 47))]
"""Seconds after which a peer falls silent: at many points between two pings."""
DEAD = 22.5
"""Seconds within which a peer is left that does not answer our pings: one and a half of 15."""

pytestmark = pytest.mark.timeout(900 if FULL else 120)


class Heartbeated(MockExchange):
    """The mock exchange with heartbeats on every stream."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        channels = (replace(channel, rhythm=spi.Rhythm.HEARTBEATED) for channel in INFO.channels)
        return replace(INFO, channels=tuple(channels))


async def left(one: Scene, within: float) -> tuple[float, str]:
    """Return after how many seconds the connection is left, and why; the next may follow at once."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within):
        while not (reasons := [why for state, why in one.history if state == "ERROR"]):  # noqa: ASYNC110  # time brings it about
            await asyncio.sleep(0.1)
    return loop.time() - began, reasons[0]


def ping_as_usual(one: Scene) -> None:
    """Have pings go out as they do where nobody says otherwise; the mock exchange wants them more often."""
    one.gateway._assembly.exchanges["mock"].ground.pace.heartbeat_interval = DEFAULT_HEARTBEAT


async def speak(one: Scene, every: float, times: int) -> None:
    await asyncio.sleep(1)
    for _ in range(times):
        one.venue.emit_quote("BTC-USDT")
        await asyncio.sleep(every)


@asynccontextmanager
async def pinging(one: Scene, every: float = 5.0) -> AsyncIterator[None]:
    """Have the venue ping, as exchanges do that say nothing more."""

    async def ping() -> None:
        while True:
            for socket in one.venue.sockets.values():
                socket.ping(b"are you there")
            await asyncio.sleep(every)

    task = asyncio.create_task(ping())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


# --- left


@pytest.mark.parametrize("plugin", [MockExchange, Heartbeated])
@pytest.mark.parametrize(
    ("every", "bound"),
    [(1.0, SHORTEST), (2.0, SHORTEST), (10.0, FACTOR * 10), (20.0, FACTOR * 20), (60.0, LONGEST)],
)
@virtually
async def test_one_that_answers_pings_and_sends_no_data_is_left_by_its_streams_own_rhythm(
    plugin: Callable[[], MockExchange], every: float, bound: float
) -> None:
    """Its bound passes once until the stream is asked for anew, and once more until the connection is replaced."""
    async with scene(plugin(), rate=None) as one, pinging(one):
        await one.hear(QUOTES)
        await speak(one, every, times=12)
        assert one.ears[QUOTES].told == ["live", "data"]
        seconds, reason = await left(one, within=3 * LONGEST)
        assert reason == "data_stalled"
        took("seconds later than twice a silent stream's own limit", [seconds - 2 * bound], bound=TICKS)
        assert 2 * bound - every - TICKS <= seconds <= 2 * bound + TICKS
        assert one.ears[QUOTES].told[:4] == ["live", "data", "stale data_stalled", "disconnected data_stalled"]
        assert one.details["counters"]["pongs_received"] > 0


@pytest.mark.parametrize("plugin", [MockExchange, Heartbeated])
@virtually
async def test_one_that_has_never_sent_any_is_left_after_the_first_deadline_and_another(
    plugin: Callable[[], MockExchange],
) -> None:
    async with scene(plugin(), rate=None) as one, pinging(one):
        await one.hear(QUOTES)
        seconds, reason = await left(one, within=60)
        assert reason == "no_data"
        took("seconds until a connection was left that never had data", [seconds], bound=2 * FIRST + TICKS)
        assert 2 * FIRST - TICKS <= seconds <= 2 * FIRST + TICKS
        assert one.ears[QUOTES].told[:3] == ["live", "stale no_data", "disconnected no_data"]


@pytest.mark.parametrize("moment", MOMENTS)
@virtually
async def test_one_that_pings_us_and_answers_no_ping_is_left_though_data_flow(moment: float) -> None:
    """Neither its pings nor its data prove that what we say arrives."""
    async with scene(rate=10.0) as one, pinging(one, every=1.0):
        ping_as_usual(one)
        await one.hear(QUOTES)
        await asyncio.sleep(5 + moment)
        one.venue.faults.bend_pongs.arm(Pong.LOST)
        seconds, reason = await left(one, within=60)
        assert reason == "heartbeat_missed"
        took(UNANSWERED, [seconds], bound=DEAD + TICKS)
        assert seconds <= DEAD + TICKS
        assert one.ears[QUOTES].told[:3] == ["live", "data", "disconnected heartbeat_missed"]
        assert one.details["counters"]["pings_received"] > 0


@virtually
async def test_one_that_only_pings_is_left_by_whichever_limit_comes_first() -> None:
    async with scene(rate=10.0) as one, pinging(one, every=1.0):
        await one.hear(QUOTES)
        await asyncio.sleep(30)
        one.venue.faults.stall = True
        one.venue.faults.bend_pongs.arm(Pong.LOST)
        seconds, reason = await left(one, within=60)
        assert reason in {"heartbeat_missed", "data_stalled"}
        assert seconds <= DEAD + TICKS


@pytest.mark.parametrize("moment", MOMENTS)
@virtually
async def test_a_socket_that_is_wholly_mute_is_left_even_if_its_streams_are_thin(moment: float) -> None:
    async with scene(Sparse()) as one:
        ping_as_usual(one)
        await one.hear(QUOTES)
        await asyncio.sleep(30 + moment)
        one.venue.faults.mute = True
        seconds, reason = await left(one, within=60)
        assert reason == "heartbeat_missed"
        took(UNANSWERED, [seconds], bound=DEAD + TICKS)
        assert seconds <= DEAD + TICKS


# --- let be


@virtually
async def test_a_healthy_venue_that_is_quiet_for_an_hour_is_let_be() -> None:
    async with scene(Sparse(), rate=None) as one, pinging(one, every=60.0):
        await one.hear(QUOTES, TRADES, BOOK, TICKER)
        await asyncio.sleep(HOURS * HOUR)
        happened(ALARM, one.venue.counts.upgrades - 1, HOURS, "hours")
        assert one.venue.counts.upgrades == 1
        assert [ear.told for ear in one.ears.values()] == [["live"], ["live"], ["data", "live"], ["live"]]
        assert one.gateway.get_stats()["healthy_connections"] == 1
        assert len(one.venue.subscribes) <= 4
        assert one.noticed == []


@pytest.mark.parametrize("every", [5.0, 25.0, 110.0])
@virtually
async def test_a_stream_that_keeps_its_slow_rhythm_for_hours_is_let_be(every: float) -> None:
    async with scene(rate=None) as one:
        await one.hear(QUOTES)
        await speak(one, every, times=round(3 * HOURS * HOUR / every))
        happened(ALARM, one.venue.counts.upgrades - 1, 3 * HOURS, "hours")
        assert one.venue.counts.upgrades == 1
        assert one.ears[QUOTES].told == ["live", "data"]
        assert one.noticed == []


@virtually
async def test_a_private_connection_whose_account_does_nothing_is_let_be() -> None:
    async with scene(rate=None) as one:
        await one.gateway.connect_account("main", retry=True)
        await one.hear("mock:orders:@main")
        await asyncio.sleep(HOURS * HOUR)
        happened(ALARM, one.venue.counts.upgrades - 1, HOURS, "hours")
        assert one.venue.counts.upgrades == 1
        assert one.gateway.get_unhealthy_connections() == {}
        assert one.noticed == []
