"""What a market's streams lose comes over REST, and is what the stream would have said; in virtual time."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from gateway import Gateway, spi
from gateway.engine.messages import Message
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import run
from gateway_binance import coinm, spot, usdm
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

BEGIN = 1_795_000_000
MARKETS: dict[str, tuple[Any, str, str, dict[str, str]]] = {
    "binance": (
        spot.plugin,
        "BTC-USDT",
        "btcusdt",
        {"stream": "ws://memory/stream.binance.com", "rest": "http://memory/api.binance.com"},
    ),
    "binance-usdm": (
        usdm.plugin,
        "BTC-USDT-PERP",
        "btcusdt",
        {
            "public": "ws://memory/fstream.binance.com/public",
            "market": "ws://memory/fstream.binance.com/market",
            "rest": "http://memory/fapi.binance.com",
        },
    ),
    "binance-coinm": (
        coinm.plugin,
        "BTC-USD-PERP",
        "btcusd_perp",
        {"stream": "ws://memory/dstream.binance.com", "rest": "http://memory/dapi.binance.com"},
    ),
}
CUT = 15
"""When the connections are cut, in seconds from the beginning."""
KINDS = {None: "trade", "agg": "aggTrade"}


async def heard(exchange: str, *, harmed: bool) -> tuple[dict[str | None, list[Any]], int]:
    """Return what both topics of trades say, and how much of it was fetched; ``harmed`` loses data and cuts."""
    plugin, symbol, native, places = MARKETS[exchange]
    now = asyncio.get_running_loop().time
    venue = BinanceVenue(settings=Settings(now=lambda: BEGIN + now()), rate=20)
    told: dict[str | None, list[Any]] = {variant: [] for variant in KINDS}
    async with MemoryVenue(venue) as network:
        tables: Any = {"exchanges": {exchange: {"endpoints": {**places, "allow_plaintext": True}}}}
        async with Gateway(tables, plugins={exchange: plugin}, network=network, now=now, rng=Random(1)) as gateway:
            for variant, said in told.items():
                await gateway.listen(
                    f"{exchange}:trades:{symbol}" + (f":{variant}" if variant else ""), said.append
                )
            await asyncio.sleep(CUT - 10 - now())
            for kind in KINDS.values() if harmed else ():
                venue.faults.lose(f"{native}@{kind}", 7)
            await asyncio.sleep(10)
            if harmed:
                venue.drop()
            await asyncio.sleep(15)
            filled = gateway.get_stats()["filled"]
    return told, filled


def trades(said: Sequence[Any]) -> dict[int, spi.Trade]:
    return {record.id: record for one in said if isinstance(one, Message) for record in one.records}


@pytest.mark.parametrize("exchange", MARKETS)
def test_what_is_fetched_is_what_the_stream_would_have_said(exchange: str) -> None:
    (whole, none), (harmed, filled) = run(heard(exchange, harmed=False)), run(heard(exchange, harmed=True))
    assert none == 0
    assert filled >= 14, "what was lost, and what the cut has cost"
    for variant in KINDS:
        expected, got = trades(whole[variant]), trades(harmed[variant])
        statuses = [one.status for one in harmed[variant] if not isinstance(one, Message)]
        assert statuses == ["live", "disconnected", "restored", "live", "disconnected"], "the last is the end"
        assert list(got) == list(range(min(got), max(got) + 1))
        # While nobody listens the venue trades nothing: from the cut on its times are others.
        before = {id_: one for id_, one in expected.items() if one.ts < (BEGIN + CUT) * 1_000_000 and id_ in got}
        assert len(before) > 100
        assert {id_: got[id_] for id_ in before} == before
