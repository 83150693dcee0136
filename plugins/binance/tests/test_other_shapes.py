"""The same events as other recorders, other years and other options of the exchange write them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from frames import AGGREGATE, EXAMPLES

from gateway import spi
from gateway_binance import spot
from gateway_binance.options import SpotOptions

KINDS = [(exchange, kind) for exchange, frames in EXAMPLES.items() for kind in frames]
FUTURES = ["binance-usdm", "binance-coinm"]
STRANGE = {"zz": {"e": "trade", "s": [], "E": None}, "x0": [["1", "2"]], "q9": "nan", "U9": -1, "": True}
"""Fields that nobody has heard of."""


def turned(value: Any) -> Any:
    """Return ``value`` with the keys of every object turned round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


def before_the_markets_were_merged(message: Any) -> bytes:
    """Return what only candles of a pair have always named: their pair."""
    return without("st", *([] if "Kline" in message["stream"] else ["ps"]))(message)


def without(*names: str) -> Callable[[Any], bytes]:
    """Return what leaves fields of the event out."""

    def leave_out(message: Any) -> bytes:
        rest = {key: one for key, one in message["data"].items() if key not in names}
        return compact({**message, "data": rest})

    return leave_out


def compact(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


WAYS: dict[str, Callable[[Any], bytes]] = {
    "with spaces": lambda message: json.dumps(message).encode(),
    "indented": lambda message: json.dumps(message, indent=2).encode(),
    "with an end of line": lambda message: compact(message) + b"\r\n",
    "escaped": lambda message: json.dumps(message, separators=(",", ":")).replace("@", "\\u0040").encode(),
    "the wrapping turned round": lambda message: compact({"data": message["data"], "stream": message["stream"]}),
    "all turned round": lambda message: compact(turned(message)),
    "with more around it": lambda message: compact(STRANGE | message | {"ts": 1, "recv_ns": "2"}),
    "with more in it": lambda message: compact({**message, "data": STRANGE | message["data"] | STRANGE}),
    "before the markets were merged": before_the_markets_were_merged,
    "without what says nothing": without("M", "nq", "ap", "w", "Q", "x", "n", "F", "L", "O", "C"),
}


def read(dialect: Any, frame: bytes) -> list[spi.Event]:
    stream = dialect.stream(frame, False)
    events = list(dialect.decode(frame, False))
    assert stream is None or [event.stream for event in events] == [stream]
    return events


@pytest.mark.parametrize(("exchange", "kind"), KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_an_event_is_the_same_however_it_is_written(dialect_of: Any, exchange: str, kind: str, way: str) -> None:
    frame = EXAMPLES[exchange][kind]
    (wanted,) = read(dialect_of(exchange), frame)
    assert read(dialect_of(exchange), WAYS[way](json.loads(frame))) == [wanted]


@pytest.mark.parametrize("exchange", EXAMPLES)
def test_a_stream_is_what_it_is_at_every_pace(dialect_of: Any, exchange: str) -> None:
    names = {
        b"@depth@100ms": (b"@depth", b"@depth@0ms", b"@depth@250ms", b"@depth@500ms", b"@depth@1000ms"),
        b"@depth20@100ms": (b"@depth20", b"@depth10@1000ms", b"@depth5@500ms"),
        b"@markPrice@1s": (b"@markPrice",),
        b"@kline_1m": (b"@kline_1m@+08:00",),
    }
    tried = 0
    for frame in EXAMPLES[exchange].values():
        (wanted,) = read(dialect_of(exchange), frame)
        for name in next((names[one] for one in names if one in frame), ()):
            own = next(one for one in names if one in frame)
            (event,) = read(dialect_of(exchange), frame.replace(own, name))
            assert isinstance(event, spi.Data)
            assert isinstance(wanted, spi.Data)
            assert (event.records, event.ts) == (wanted.records, wanted.ts)
            assert (dialect_of(exchange).book(event.stream) is None) == (b"epth" not in name)
            tried += 1
    assert tried > 5


@pytest.mark.parametrize("exchange", FUTURES)
def test_quotes_of_futures_once_had_no_time(dialect_of: Any, exchange: str) -> None:
    frame = without("e", "E", "T", "ps", "st")(json.loads(EXAMPLES[exchange]["bookTicker"]))
    (event,) = read(dialect_of(exchange), frame)
    assert event == spi.Data(
        dialect_of(exchange).stream(frame, False), (spi.Quote("2513.10", "33.0", "2513.11", "12.5", 990001),)
    )


@pytest.mark.parametrize("exchange", EXAMPLES)
def test_an_aggregate_of_no_trades_only_uses_an_id_up(dialect_of: Any, exchange: str) -> None:
    """There are some in the past of old symbols; what follows them has not lost anything."""
    message = json.loads(EXAMPLES[exchange]["aggTrade"])
    message["data"] |= {"f": -1, "l": -1, "p": "0.00000000", "q": "0.00000000"}
    (event,) = read(dialect_of(exchange), compact(message))
    assert isinstance(event, spi.Data)
    assert event.records == ()
    assert event.blank == spi.Blank(message["data"]["a"], message["data"]["T"] * 1000)
    message["data"]["f"] = -2
    with pytest.raises(ValueError):
        read(dialect_of(exchange), compact(message))


def test_an_aggregate_of_no_trades_keeps_no_other_from_being_fetched(target_at: Any, drive: Any) -> None:
    rows = [AGGREGATE, {**AGGREGATE, "a": 26130, "f": -1, "l": -1}, {**AGGREGATE, "a": 26131}]
    wish = spi.Subscription("binance", "trades", "ETHUSDT", "agg")
    asked = spot.plugin.gateway_backfill(target_at("binance"), wish, 26128, 26132)
    fetched = drive(asked, spi.HttpReply(200, {}, json.dumps(rows).encode())).value
    assert [trade.id for trade in fetched] == [26129, 26131]


@pytest.mark.parametrize(("exchange", "kind"), KINDS)
@pytest.mark.parametrize("asked", [None, SpotOptions(time_unit="microsecond")])
def test_an_event_is_the_same_in_microseconds_whatever_was_asked_for(
    dialect_of: Any, exchange: str, kind: str, asked: Any
) -> None:
    """All times of an event are in one unit, and some hosts do not know of the other."""
    frame = EXAMPLES[exchange][kind]
    fine = json.loads(frame)
    for place in (fine["data"], *(one for one in fine["data"].values() if isinstance(one, dict))):
        for name in {"E", "T", "C", "O", *(() if "trade" in fine["stream"] else "t")} & place.keys():
            place[name] *= 1000
    options = asked if exchange == "binance" else None
    (wanted,) = read(dialect_of(exchange), frame)
    assert read(dialect_of(exchange, options), frame) == [wanted]
    assert read(dialect_of(exchange, options), compact(fine)) == [wanted]


@pytest.mark.parametrize("exchange", EXAMPLES)
@pytest.mark.parametrize("count", [0, 1, 5_000])
def test_a_change_may_have_any_number_of_levels(dialect_of: Any, exchange: str, count: int) -> None:
    message = json.loads(EXAMPLES[exchange]["depth"])
    levels = [(f"{place}", f"0.{place:03}") for place in range(count)]
    for sides in ({"b": levels, "a": []}, {"b": [], "a": levels}, {"b": levels, "a": levels}):
        (event,) = read(dialect_of(exchange), compact({**message, "data": message["data"] | sides}))
        assert isinstance(event, spi.Data)
        (record,) = event.records
        assert (record.bids, record.asks) == (sides["b"], sides["a"])


@pytest.mark.parametrize("exchange", EXAMPLES)
def test_what_no_channel_has_passes_through_without_a_record(dialect_of: Any, exchange: str) -> None:
    names = (
        *("btcusdt@miniTicker", "btcusdt@ticker_1h", "btcusdt@avgPrice", "btcusdt@blockTrade"),
        *("btcusdt@referencePrice", "btcusdt@rpiDepth@500ms", "defiusdt@compositeIndex", "btcusdt@depthSnapshot"),
        *("btcusd@indexPrice@1s", "tradingSession", "!contractInfo", "!assetIndex@arr", "btcusdt@openInterest"),
        *("!ticker_4h@arr", "btcusdt@somethingNew@7s", "adausd@assetIndex"),
    )
    for name in names:
        for data in ({"e": "whatever"}, [{"e": "trade", "s": "BTCUSDT"}], "text", None, 17):
            frame = compact({"stream": name, "data": data})
            assert dialect_of(exchange).stream(frame, False) == name
            assert list(dialect_of(exchange).decode(frame, False)) == []


@pytest.mark.parametrize("name", ["btcusdt@miniTicker", "!ticker@arr", "\u5e01@avgPrice"])
@pytest.mark.parametrize("way", ["with spaces", "escaped", "the wrapping turned round"])
def test_what_passes_through_is_heard_however_it_is_written(dialect_of: Any, name: str, way: str) -> None:
    """It is found the long way then; were nothing reported, it would reach nobody."""
    dialect, frame = dialect_of("binance"), WAYS[way]({"stream": name, "data": [{"e": "whatever"}]})
    if dialect.stream(frame, False) is None:
        assert list(dialect.decode(frame, False)) == [spi.Data(name, ())]
    else:
        assert dialect.stream(frame, False) == name


@pytest.mark.parametrize("exchange", EXAMPLES)
def test_an_event_that_is_not_wrapped_makes_no_sense_and_harms_none_after_it(
    dialect_of: Any, exchange: str
) -> None:
    """A recording of a connection that is not combined, and of books that were fetched between."""
    dialect = dialect_of(exchange)
    for frame in EXAMPLES[exchange].values():
        for bare in (compact(json.loads(frame)["data"]), compact([json.loads(frame)["data"]])):
            assert dialect.stream(bare, False) is None
            with pytest.raises(ValueError):
                list(dialect.decode(bare, False))
        assert len(read(dialect, frame)) == 1
