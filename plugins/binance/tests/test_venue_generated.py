"""Markets that are made up: the same seed makes the same, streams agree, and plugins understand them."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest

from gateway import spi
from gateway_binance.venue.events import Event, combined
from gateway_binance.venue.generated.candles import INTERVALS, Candles, stretch
from gateway_binance.venue.generated.market import Generated
from gateway_binance.venue.history import Trade
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import listed

SYMBOLS = {Market.SPOT: "BTCUSDT", Market.USDM: "BTCUSDT", Market.COINM: "BTCUSD_PERP"}
PLUGINS = {Market.SPOT: "binance", Market.USDM: "binance-usdm", Market.COINM: "binance-coinm"}
PACES = {
    Market.SPOT: ("depth", "depth@100ms"),
    Market.USDM: ("depth", "depth@0ms", "depth@100ms", "depth@500ms"),
    Market.COINM: ("depth", "depth@100ms", "depth@500ms"),
}
BEGIN = 1_764_547_200_000


def run(market: Generated, streams: Iterable[str], ticks: int) -> list[Event]:
    wanted = set(streams)
    return [
        event
        for number in range(ticks)
        for event in market.tick(BEGIN + 50 * number, wanted)
        if wanted & set(event.names)
    ]


def by_stream(events: Iterable[Event]) -> dict[str, list[Any]]:
    found = defaultdict(list)
    for event in events:
        found[event.stream].append(orjson.loads(event.data))
    return found


@pytest.mark.parametrize("market", Market)
def test_the_same_seed_makes_the_same_market_and_another_another(market: Market) -> None:
    streams = [f"{SYMBOLS[market].lower()}@{kind}" for kind in ("trade", "depth@100ms", "bookTicker")]
    one, two, other = (run(Generated(market, seed), streams, 100) for seed in (7, 7, 8))
    assert one == two
    assert [event.data for event in one] != [event.data for event in other]


def test_what_a_symbol_says_does_not_depend_on_who_asks_for_another() -> None:
    alone = run(Generated(Market.SPOT, 1), ["btcusdt@trade"], 100)
    together = run(Generated(Market.SPOT, 1), ["btcusdt@trade", "ethusdt@trade", "btcusdt@depth"], 100)
    assert [one for one in together if one.stream == "btcusdt@trade"] == alone


def test_a_symbol_that_nobody_wants_stands_still() -> None:
    market = Generated(Market.SPOT, 1, more=3000)
    before = market.book("ETHUSDT", 1000)
    run(market, ["btcusdt@trade"], 100)
    assert market.book("ETHUSDT", 1000) == before
    assert len(market._symbols) == 2
    assert len(market.listed) == 3005


class Copy:
    """A book as a client keeps it, from a snapshot and what follows."""

    def __init__(self, snapshot: Any) -> None:
        self.last = snapshot.lastUpdateId
        self.sides = {"b": dict(snapshot.bids), "a": dict(snapshot.asks)}

    def take(self, update: Mapping[str, Any]) -> None:
        for side, levels in self.sides.items():
            for price, size in update[side]:
                levels[price] = size
                if not float(size):
                    del levels[price]
        self.last = update["u"]

    @property
    def top(self) -> list[str]:
        bid = max(self.sides["b"], key=float)
        ask = min(self.sides["a"], key=float)
        return [bid, self.sides["b"][bid], ask, self.sides["a"][ask]]


@pytest.mark.parametrize(("market", "pace"), [(market, pace) for market, paces in PACES.items() for pace in paces])
@pytest.mark.parametrize("ticks", [0, 1, 45])
def test_a_snapshot_and_the_changes_after_it_make_the_book(market: Market, pace: str, ticks: int) -> None:
    made, symbol = Generated(market, 3), SYMBOLS[market]
    stream = f"{symbol.lower()}@{pace}"
    made.book(symbol, 1000)
    updates = [orjson.loads(event.data) for event in run(made, [stream], ticks)]
    copy = Copy(made.book(symbol, 1000))
    updates += [orjson.loads(event.data) for event in run(made, [stream], 400 - ticks)]
    for one, two in itertools.pairwise(updates):
        assert two["U"] == one["u"] + 1
        if market.is_futures:
            assert two["pu"] == one["u"]
    first = next(one for one in updates if one["u"] >= copy.last + (0 if market.is_futures else 1))
    assert (
        first["U"] <= copy.last <= first["u"] if market.is_futures else first["U"] <= copy.last + 1 <= first["u"]
    )
    for update in updates[updates.index(first) :]:
        copy.take(update)
    whole = made.book(symbol, 1000)
    assert copy.sides == {"b": dict(whole.bids), "a": dict(whole.asks)}
    assert copy.last == made.symbol(symbol).number - market.is_futures  # REST's own number comes after it


@pytest.mark.parametrize("market", Market)
def test_after_each_change_the_best_prices_are_the_newest_quotes(market: Market) -> None:
    made, symbol = Generated(market, 5), SYMBOLS[market]
    depth, quotes = f"{symbol.lower()}@depth@100ms", f"{symbol.lower()}@bookTicker"
    run(made, [depth, quotes], 2)
    copy = Copy(made.book(symbol, 1000))
    told: dict[int, list[str]] = {}
    compared = 0
    for event in run(made, [depth, quotes], 600):
        datum = orjson.loads(event.data)
        if event.stream == quotes:
            told[datum["u"]] = [datum[name] for name in "bBaA"]
            continue
        copy.take(datum)
        newest = max((number for number in told if number <= copy.last), default=None)
        if newest is not None:
            compared += 1
            assert copy.top == told[newest]
            assert float(copy.top[0]) < float(copy.top[2])
    assert compared > 250


def test_a_book_stays_within_its_bounds_however_long_it_moves() -> None:
    made = Generated(Market.SPOT, 11)
    run(made, ["ethbtc@trade"], 5000)
    book = made.book("ETHBTC", 5000)
    assert 40 <= len(book.bids) <= 200
    assert 40 <= len(book.asks) <= 200
    assert Decimal("0.03") < Decimal(book.bids[0][0]) < Decimal(book.asks[0][0]) < Decimal("0.05")


@pytest.mark.parametrize("market", Market)
def test_trades_are_numbered_without_holes_and_aggregates_are_made_of_them(market: Market) -> None:
    name = SYMBOLS[market].lower()
    told = by_stream(run(Generated(market, 2), [f"{name}@trade", f"{name}@aggTrade"], 300))
    trades, aggregates = told[f"{name}@trade"], told[f"{name}@aggTrade"]
    assert [one["t"] for one in trades] == list(range(1, len(trades) + 1))
    assert [one["a"] for one in aggregates] == list(range(1, len(aggregates) + 1))
    assert [number for one in aggregates for number in range(one["f"], one["l"] + 1)] == [
        one["t"] for one in trades
    ]
    for one in aggregates:
        parts = trades[one["f"] - 1 : one["l"]]
        assert {(part["p"], part["m"]) for part in parts} == {(one["p"], one["m"])}
        assert sum(Decimal(part["q"]) for part in parts) == Decimal(one["q"])


def test_candles_are_made_of_the_trades() -> None:
    streams = ["btcusdt@trade", "btcusdt@kline_1s", "btcusdt@kline_1m"]
    told = by_stream(run(Generated(Market.SPOT, 2), streams, 20 * 70))
    for interval in ("1s", "1m"):
        closed = [one["k"] for one in told[f"btcusdt@kline_{interval}"] if one["k"]["x"]]
        assert closed
        for candle in closed:
            parts = [one for one in told["btcusdt@trade"] if candle["t"] <= one["T"] <= candle["T"]]
            assert candle["n"] == len(parts)
            if parts:
                prices = [Decimal(one["p"]) for one in parts]
                shown = [Decimal(candle[letter]) for letter in "ohlc"]
                assert shown == [prices[0], max(prices), min(prices), prices[-1]]
                assert Decimal(candle["v"]) == sum(Decimal(one["q"]) for one in parts)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("1m", ("2025-12-03T10:11", "2025-12-03T10:12")),
        ("1d", ("2025-12-03T00:00", "2025-12-04T00:00")),
        ("1w", ("2025-12-01T00:00", "2025-12-08T00:00")),
        ("1M", ("2025-12-01T00:00", "2026-01-01T00:00")),
    ],
)
def test_candles_begin_where_the_calendar_says(interval: str, expected: tuple[str, str]) -> None:
    import datetime as dt

    def millis(text: str) -> int:
        return int(dt.datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)

    assert stretch(interval, millis("2025-12-03T10:11") + 12_345) == (millis(expected[0]), millis(expected[1]) - 1)


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_leave_no_time_out(interval: str) -> None:
    one = listed(Market.SPOT, "BTCUSDT", "0.01", "0.01")
    candles = Candles(one, interval, [Trade(1, "5", "1", BEGIN, True)])
    end = candles.rows[-1].end
    candles.reach(end + 1, Decimal(5))
    assert [row.start for row in candles.rows][1] == end + 1


def kinds_of(market: Market) -> list[str]:
    name = SYMBOLS[market].lower()
    pair = name.partition("_")[0]
    kinds = [
        *("trade", "aggTrade", "bookTicker", "depth@100ms", "depth5", "depth20@100ms"),
        *("kline_1m", "miniTicker", "ticker"),
    ]
    if market is Market.SPOT:
        rest = ["btcusdt@blockTrade", "btcusdt@avgPrice", "btcusdt@ticker_1h", "!miniTicker@arr", "!ticker_4h@arr"]
        return [*(f"{name}@{kind}" for kind in kinds), "btcusdt@referencePrice", *rest]
    futures = [f"{name}@{kind}" for kind in (*kinds, "markPrice", "markPrice@1s", "forceOrder")]
    everybody = ["!miniTicker@arr", "!ticker@arr", "!bookTicker", "!markPrice@arr@1s", "!forceOrder@arr"]
    if market is Market.USDM:
        indices = ["defiusdt@compositeIndex", "!assetIndex@arr", "btcusd@assetIndex", "tradingSession"]
        own = [f"{pair}_perpetual@continuousKline_1m", f"{name}@rpiDepth@500ms"]
        return [*futures, *everybody, *indices, *own]
    pairs = [f"{pair}@indexPrice", f"{pair}@indexPriceKline_1m", f"{name}@markPriceKline_1m", f"{pair}@markPrice"]
    return [*futures, *everybody, *pairs, f"{pair}_perpetual@continuousKline_1m"]


@pytest.mark.parametrize("market", Market)
def test_every_stream_speaks_and_the_plugin_understands_it(
    market: Market, dialect_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_binance.venue.generated.symbol._LIQUIDATED", 0.05)  # they are rare
    streams = kinds_of(market)
    dialect = dialect_of(PLUGINS[market])
    heard = set()
    for event in run(Generated(market, 4), streams, 300):
        for name in set(event.names) & set(streams):
            payload = combined(name, event.data)
            heard.add(name)
            assert dialect.stream(payload, False) == name
            # What several symbols share has no channel: it only passes through raw.
            for found in () if event.data.startswith(b"[") else dialect.decode(payload, False):
                assert isinstance(found, spi.Data), (name, found)
                assert found.stream == name
    assert heard == set(streams)


# --- what is told of no one symbol


def said(stream: str, ticks: int = 40, begin: int = BEGIN) -> list[Any]:
    market = Generated(Market.USDM, 4)
    events = (event for number in range(ticks) for event in market.tick(begin + 50 * number, {stream}))
    return [orjson.loads(event.data) for event in events if event.stream == stream]


def test_an_index_of_several_assets_is_what_they_are_worth_together() -> None:
    told = said("defiusdt@compositeIndex")
    assert len(told) == 2
    for one in told:
        worth = sum(Decimal(row["w"]) * Decimal(row["i"]) for row in one["c"])
        assert abs(worth - Decimal(one["p"])) < Decimal("0.0001")
        assert round(sum(Decimal(row["W"]) for row in one["c"]), 6) == 1
    assert said("btcusdt@compositeIndex") == []


def test_the_index_of_an_asset_is_told_alone_and_among_all() -> None:
    (everyones, *_), (own, *_) = said("!assetIndex@arr"), said("btcusd@assetIndex")
    assert [row["s"] for row in everyones] == ["BTCUSD", "ETHUSD", "BNBUSD"]
    assert own.keys() == everyones[0].keys()
    assert Decimal(own["B"]) == Decimal(own["i"]) * (1 - Decimal(own["b"]))
    assert said("xyzusd@assetIndex") == []


@pytest.mark.parametrize(
    ("day", "hour", "equities", "korea"),
    [
        (1, 15, "REGULAR", "NO_TRADING"),
        (1, 2, "NO_TRADING", "REGULAR"),
        (5, 22, "NO_TRADING", "NO_TRADING"),
        (6, 15, "NO_TRADING", "NO_TRADING"),
        (7, 2, "NO_TRADING", "NO_TRADING"),
        (8, 2, "NO_TRADING", "REGULAR"),
    ],
)
def test_on_working_days_there_are_sessions(day: int, hour: int, equities: str, korea: str) -> None:
    """The first of December 2025 is a Monday."""
    at = BEGIN + ((day - 1) * 24 + hour) * 3_600_000
    told = said("tradingSession", 20, at - 950)
    assert {one["e"]: one["S"] for one in told if one["e"] in {"EquityUpdate", "KR_EquityUpdate"}} == {
        "EquityUpdate": equities,
        "KR_EquityUpdate": korea,
    }
    assert len(told) == 5
    assert all(one["t"] <= at < one["T"] for one in told)


def test_blocks_are_numbered_and_change_no_other_stream() -> None:
    trades, blocks = "btcusdt@trade", "btcusdt@blockTrade"
    beside = by_stream(run(Generated(Market.SPOT, 4), [trades, blocks], 600))
    alone = by_stream(run(Generated(Market.SPOT, 4), [trades], 600))
    assert beside[trades] == alone[trades]
    assert [one["t"] for one in beside[blocks]] == [1, 2, 3]
    assert set(beside[blocks][0]) == {"e", "E", "s", "t", "p", "q", "T", "m"}
