"""Whatever arrives on an account's stream, a dialect says what it means or that it makes no sense."""

import json
from typing import Any, get_args

import plainly_private
import pytest
from bending import bent, quietly
from captures import Kind, market_of, named
from hypothesis import example, given
from hypothesis import strategies as st
from lives import event_of
from msgspec import json as records_json
from msgspec.structs import asdict
from private import frames, listed, target

from gateway import spi
from gateway_binance import coinm, spot, usdm

PLUGINS: Any = {"binance": spot.plugin, "binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}
OWN: dict[str, list[Any]] = {
    "binance": [
        {"subscriptionId": 4, "event": {"e": "balanceUpdate", "E": 2, "a": "BTC", "d": "-1.5", "T": 1}},
        {"subscriptionId": 4, "event": {"e": "externalLockUpdate", "E": 2, "a": "BTC", "d": "1", "T": 1}},
        {"subscriptionId": 4, "event": {"e": "eventStreamTerminated", "E": 2}},
        {"event": {"e": "serverShutdown", "E": 2}},
        {"id": 3, "status": 200, "result": [{"subscriptionId": 4}]},
        {"id": None, "status": 401, "error": {"code": -2015, "msg": "no"}},
        {
            "id": 4,
            "status": 429,
            "error": {"code": -1003, "msg": "no", "data": {"serverTime": 1, "retryAfter": 5}},
        },
    ],
    "binance-usdm": [
        {"e": "listenKeyExpired", "E": 1, "listenKey": "k"},
        {"e": "MARGIN_CALL", "E": 1, "cw": "3.1", "p": [{"s": "BTCUSDT", "ps": "LONG"}]},
        {"e": "CONDITIONAL_ORDER_TRIGGER_REJECT", "E": 1, "T": 1, "or": {"s": "BTCUSDT", "i": 5, "r": "why"}},
        {"id": 1, "result": ["k"]},
        {"id": 1, "error": {"code": -1000, "msg": "no"}},
    ],
    "binance-coinm": [
        {
            "e": "ACCOUNT_UPDATE",
            "E": 2,
            "T": 1,
            "i": "SfsR",
            "a": {
                "m": "ORDER",
                "B": [{"a": "BTC", "wb": "5", "cw": "5", "bc": "-5"}],
                "P": [{"s": "BTCUSD_PERP", "pa": "-1", "ep": "1.5", "up": "-2", "mt": "cross", "ps": "BOTH"}],
            },
        },
    ],
}
LISTED = listed(*((ours, theirs) for theirs, ours in plainly_private.SYMBOLS.items()))
_kept: dict[str, list[bytes]] = {}


def recorded(exchange: str, capture: Any) -> list[bytes]:
    """Return our own frames, and those of accounts that were recorded; spot's in their present wrapping."""
    if exchange not in _kept:
        found = [json.dumps(one).encode() for one in OWN[exchange]]
        for name in [one for one in named(Kind.FRAMES) if market_of(one) == exchange]:
            for _, payload in frames(capture(name)):
                event = event_of(payload)
                if isinstance(event.get("e"), str):
                    wrapped = {"subscriptionId": 4, "event": event}
                    found.append(json.dumps(wrapped).encode() if exchange == "binance" else payload)
        _kept[exchange] = found
    return _kept[exchange]


def dialect(exchange: str) -> Any:
    """Return a dialect that has asked for something, so that there is something to answer."""
    session = spi.Session(details={"subscription": 4, "key": "k"})
    one = PLUGINS[exchange].gateway_dialect(target(exchange), session, LISTED)
    one.subscribe(["user"])
    return one


def check(exchange: str, payload: bytes, *, binary: bool = False) -> None:
    """Decode; whatever becomes a record must be what the second opinion reads, and itself again after its way."""
    one = dialect(exchange)
    stream = one.stream(payload, binary)
    assert stream in {None, "user"}
    try:
        events = list(one.decode(payload, binary))
    except ValueError:
        return
    assert stream is None or {type(event) for event in events} == {spi.Data}, "it need not be decoded"
    for event in events:
        assert isinstance(event, get_args(spi.Event))
        if type(event) is spi.Data and event.records:
            told = [(type(record).__name__, said(record)) for record in event.records]
            assert told == plainly_private.read(payload)
            for record in event.records:
                assert records_json.decode(records_json.encode(record), type=type(record)) == record


def said(record: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(record).items() if value is not None}


@pytest.mark.parametrize("exchange", OWN)
def test_an_unbent_frame_is_read(exchange: str, capture: Any) -> None:
    for payload in recorded(exchange, capture):
        list(dialect(exchange).decode(payload, False))


@pytest.mark.parametrize("exchange", OWN)
@quietly
@given(data=st.data(), binary=st.booleans())
def test_a_bent_frame_is_read_or_makes_no_sense(exchange: str, capture: Any, data: Any, binary: bool) -> None:
    frame = data.draw(st.sampled_from(recorded(exchange, capture)))
    check(exchange, data.draw(bent(frame)), binary=binary)


@pytest.mark.parametrize("exchange", OWN)
@quietly
@given(payload=st.binary(max_size=60), binary=st.booleans())
@example(payload=b"[" * 100_000, binary=False)
@example(payload=b'{"event":' + b"[" * 100_000, binary=False)
def test_what_is_no_frame_makes_no_sense(exchange: str, payload: bytes, binary: bool) -> None:
    check(exchange, payload, binary=binary)
