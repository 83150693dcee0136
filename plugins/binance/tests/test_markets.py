"""Every channel of every market flows from the exchange to a listener, in virtual time; what cannot is named."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from places import BEGIN, PLACES, PLUGINS

from gateway import Gateway
from gateway.engine.messages import Message, Notice
from gateway.errors import SubscriptionError
from gateway.model.subscriptions import parse_topic
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import virtually
from gateway_binance.streams import COINM_STREAMS, USDM_STREAMS, stream_for
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

SYMBOLS = {"binance": "BTC-USDT", "binance-usdm": "BTC-USDT-PERP", "binance-coinm": "BTC-USD-PERP"}
RECORDS = {
    "trades": "Trade",
    "quotes": "Quote",
    "book": "Book",
    "ticker": "Ticker",
    "candles": "Candle",
    "mark": "Mark",
    "liquidations": "Liquidation",
}
ENOUGH = ("1m", "1M", "perpetual-1m", "current-quarter-5m", "index-1m", "mark-1h")
"""Intervals of candles that stand for all."""


@asynccontextmanager
async def trading(exchange: str, options: Any = None, **places: str) -> AsyncIterator[Gateway]:
    """Run a gateway of one exchange before a venue that is made up."""
    now = asyncio.get_running_loop().time
    begin = BEGIN - now()
    venue = BinanceVenue(settings=Settings(now=lambda: begin + now()), rate=20)
    async with MemoryVenue(venue) as network:
        endpoints = {**PLACES[exchange], **places, "allow_plaintext": True}
        tables: dict[str, Any] = {"exchanges": {exchange: {"endpoints": endpoints}}}
        if options is not None:
            tables["plugins"] = {"options": {exchange: options}}
        async with Gateway(tables, plugins={exchange: PLUGINS[exchange]}, network=network, now=now) as gateway:
            yield gateway


async def heard(gateway: Gateway, topics: list[str], seconds: float) -> Mapping[str, list[Message | Notice]]:
    """Return what each topic says within so many seconds."""
    told: dict[str, list[Message | Notice]] = {topic: [] for topic in topics}
    for topic in topics:
        await gateway.listen(topic, told[topic].append)
    await asyncio.sleep(seconds)
    return told


def topics_of(exchange: str) -> list[str]:
    """Return a topic of every channel and variant, of candles a few."""
    topics = []
    for channel in PLUGINS[exchange].gateway_exchange_info().channels:
        for variant in () if channel.private or channel.name == "raw" else channel.variants:
            if channel.name != "candles" or variant in ENOUGH:
                end = "" if variant is None else f":{variant}"
                topics.append(f"{exchange}:{channel.name}:{SYMBOLS[exchange]}{end}")
    return topics


@pytest.mark.parametrize("exchange", PLUGINS)
@virtually
async def test_every_channel_flows(exchange: str) -> None:
    async with trading(exchange) as gateway:
        topics = topics_of(exchange)
        told = await heard(gateway, topics, 20)
        for topic in topics:
            messages = [one for one in told[topic] if isinstance(one, Message)]
            assert messages, topic
            assert [one.status for one in told[topic] if isinstance(one, Notice)] == ["live"], topic
            kinds = {type(record).__name__ for one in messages for record in one.records}
            assert kinds == {RECORDS[topic.split(":")[1]]}
        details = gateway.get_connection_details()
        assert {one["state"] for one in details.values()} == {"CONNECTED"}
        assert not any(one["counters"]["undecodable"] or one["counters"]["unheard"] for one in details.values())


@virtually
async def test_each_category_of_usdm_has_connections_of_its_own() -> None:
    async with trading("binance-usdm") as gateway:
        public = ["btcusdt@bookTicker", "btcusdt@trade", "btcusdt@rpiDepth@500ms"]
        raw = [*public, "!markPrice@arr@1s", "!forceOrder@arr"]
        told = await heard(gateway, [f"binance-usdm:raw:{stream}" for stream in raw], 20)
        assert all(any(isinstance(one, Message) for one in said) for said in told.values())
        streams = {id_: one["streams"] for id_, one in gateway.get_connection_details().items()}
        assert streams == {"binance-usdm/public/0": 3, "binance-usdm/market/0": 2}


STREAMS = {"binance-usdm": USDM_STREAMS, "binance-coinm": COINM_STREAMS}
UNIVERSES = {"binance-usdm": 1, "binance-coinm": 2}
NATIVE = {"binance-usdm": "btcusdt", "binance-coinm": "btcusd_perp"}
OTHER = {"binance-usdm": "binance-coinm", "binance-coinm": "binance-usdm"}
EITHERS = ("@markPrice@1s", "@kline_1m")
"""What of one symbol the hosts of both futures have."""
EVERYBODYS = ("!miniTicker@arr", "!ticker@arr", "!bookTicker", "!forceOrder@arr")


def rows(said: list[Message | Notice]) -> list[Any]:
    """Return the exchange's own objects in what a raw topic said."""
    data = [orjson.loads(one.records)["data"] for one in said if isinstance(one, Message)]
    return [row for one in data for row in (one if isinstance(one, list) else [one])]


@pytest.mark.parametrize("exchange", OTHER)
@virtually
async def test_what_a_host_has_of_the_other_futures_market_only_passes_through_marked(exchange: str) -> None:
    theirs = [f"{exchange}:raw:{NATIVE[OTHER[exchange]]}{kind}" for kind in EITHERS]
    everybodys = [f"{exchange}:raw:{stream}" for stream in EVERYBODYS]
    async with trading(exchange) as gateway:
        told = await heard(gateway, [*theirs, *everybodys, *topics_of(exchange)], 20)
        for topic in theirs:
            symbols = {(row["s"].lower(), row.get("st", UNIVERSES[OTHER[exchange]])) for row in rows(told[topic])}
            assert symbols == {(NATIVE[OTHER[exchange]], UNIVERSES[OTHER[exchange]])}
        for topic in everybodys[:3]:
            assert {row["st"] for row in rows(told[topic])} == {1, 2}
        assert not any(one["counters"]["undecodable"] for one in gateway.get_connection_details().values())


@pytest.mark.parametrize("exchange", OTHER)
@virtually
async def test_whatever_becomes_a_record_is_of_ones_own_market(exchange: str) -> None:
    """Streams of both are open: whatever one of its own says names its symbol or pair, and its market if any."""
    async with trading(exchange) as gateway:
        topics = topics_of(exchange)
        wishes = [replace(parse_topic(topic), symbol=NATIVE[exchange]) for topic in topics]
        raw = sorted({f"{exchange}:raw:{stream_for(STREAMS[exchange], wish)}" for wish in wishes})
        theirs = [f"{exchange}:raw:{NATIVE[OTHER[exchange]]}{kind}" for kind in EITHERS]
        told = await heard(gateway, [*topics, *raw, *theirs, f"{exchange}:raw:!bookTicker"], 20)
        for topic in raw:
            said = rows(told[topic])
            assert said, topic
            assert {row.get("st", UNIVERSES[exchange]) for row in said} == {UNIVERSES[exchange]}
            named = {row.get("s") or row.get("ps") or row["o"]["s"] for row in said}
            assert {one.lower() for one in named} <= {NATIVE[exchange], NATIVE[exchange].partition("_")[0]}
        for topic in topics:
            assert any(isinstance(one, Message) for one in told[topic]), topic
        with pytest.raises(SubscriptionError, match="has no symbol"):
            await gateway.listen(f"{exchange}:mark:{SYMBOLS[OTHER[exchange]]}", told[topics[0]].append)


@pytest.mark.parametrize("place", ["ws://memory/fstream.binance.com/public", "ws://memory/fstream.binance.com"])
@virtually
async def test_where_a_category_is_looked_for_in_the_wrong_place_it_is_said_at_once(place: str) -> None:
    """The exchange would acknowledge everything there, and never send it."""
    async with trading("binance-usdm", market=place) as gateway:
        topic = "binance-usdm:mark:BTC-USDT-PERP"
        (told,) = (await heard(gateway, [topic], 1)).values()
        (closed,) = [one for one in told if isinstance(one, Notice)]
        assert closed.status == "closed"
        assert closed.reason.startswith("the URL of endpoint market must end in /market")
        (problem,) = gateway.problems()
        assert "/market" in problem


@virtually
async def test_a_kind_that_has_moved_is_silent_and_that_is_told() -> None:
    """So it would be if Binance moved it: quotes are asked for where the exchange has them not."""
    async with trading("binance-usdm", {"categories": {"bookTicker": "market"}}) as gateway:
        quotes, mark = "binance-usdm:quotes:BTC-USDT-PERP", "binance-usdm:mark:BTC-USDT-PERP"
        told = await heard(gateway, [quotes, mark], 60)
        statuses = [(one.status, one.reason) for one in told[quotes] if isinstance(one, Notice)]
        assert statuses[:2] == [("live", ""), ("stale", "no_data")]
        assert [one.status for one in told[mark] if isinstance(one, Notice)] == ["live"]


@virtually
async def test_times_in_microseconds_arrive() -> None:
    async with trading("binance", {"time_unit": "microsecond"}) as gateway:
        (told,) = (await heard(gateway, ["binance:trades:BTC-USDT"], 5)).values()
        times = [record.ts for one in told if isinstance(one, Message) for record in one.records]
        assert BEGIN * 1_000_000 < min(times) <= max(times) < (BEGIN + 10) * 1_000_000


@pytest.mark.parametrize("symbol", ["币安人生-USDT", "币安人生USDT"])
@virtually
async def test_a_symbol_of_another_script_flows(symbol: str) -> None:
    async with trading("binance") as gateway:
        topics = [f"binance:{channel}:{symbol}" for channel in ("trades", "quotes", "book", "ticker")]
        told = await heard(gateway, [*topics, "binance:raw:币安人生usdt@trade"], 10)
        for topic, said in told.items():
            assert any(isinstance(one, Message) for one in said), topic
            assert [one.status for one in said if isinstance(one, Notice)] == ["live"]
