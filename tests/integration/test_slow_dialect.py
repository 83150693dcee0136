"""A dialect that is slower than its exchange costs freshness, and no connection: with real sockets."""

import asyncio
import resource
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import pytest

from gateway import Gateway, Message, spi
from gateway.model.changes import Change
from gateway.model.states import Phase
from gateway_mock.plugin import MockDialect, MockExchange
from gateway_mock.venue import MockVenue

TAKES = 0.005
"""Seconds for each message."""
FRAMES = 900
PATIENCE = 60.0


class SlowDialect(MockDialect):
    """Takes its time with data."""

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[spi.Event]:
        if payload.startswith(b'{"stream":"quotes'):
            time.sleep(TAKES)
        return super().decode(payload, binary)


class SlowExchange(MockExchange):
    """The mock exchange, decoded slowly."""

    @spi.hookimpl
    def gateway_dialect(self, instruments: spi.Instruments) -> MockDialect:
        return SlowDialect(instruments)


class Witness:
    """An observer that remembers what is told of plugins and of connections."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.slow: list[dict[str, object]] = []

    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """Phases are details."""

    def during(self, connection_id: str, epoch: int, what: str) -> AbstractContextManager[None]:
        return nullcontext()

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        if what == "plugin_slow" and facts["hook"] == "decode":
            self.slow.append(facts)


@pytest.mark.timeout(120)
async def test_a_backlog_of_seconds_upsets_no_heartbeat_loses_nothing_and_is_told() -> None:
    witness, whole = Witness(), asyncio.Event()
    heard: list[int] = []

    def take(message: object) -> None:
        if isinstance(message, Message):
            heard.extend(record.seq for record in message.records)
            if len(heard) == FRAMES:
                whole.set()

    async with MockVenue() as venue:
        address = f"127.0.0.1:{venue.port}"
        endpoints = {
            "stream": f"ws://{address}",
            "private": f"ws://{address}/private",
            "rest": f"http://{address}",
            "allow_plaintext": True,
        }
        exchange = {"endpoints": endpoints, "heartbeat_interval": "400ms"}
        tables = {"exchanges": {"mock": exchange}}
        async with Gateway(tables, plugins={"mock": SlowExchange()}, observers=[witness]) as gateway:
            await gateway.listen("mock:quotes:BTC-USDT", take)
            async with asyncio.timeout(PATIENCE):
                while "quotes.btc_usdt" not in venue.wanted():  # noqa: ASYNC110  # the gateway asks for it
                    await asyncio.sleep(0.01)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for _ in range(FRAMES):
                venue.emit_quote("BTC-USDT")
            async with asyncio.timeout(PATIENCE):
                await whole.wait()
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            assert heard == list(range(heard[0], heard[0] + FRAMES))
            assert [change.after for change in witness.changes if change.after == "ERROR"] == []
            assert witness.slow
            assert witness.slow[0]["seconds"] >= TAKES  # type: ignore[operator]  # seconds
            assert after - before < 64 * 1024, "kibibytes: what waits is bounded"
