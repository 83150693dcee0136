"""What an exchange answers over REST and while a connection is opened: each conversation of each plugin."""

import json
from collections.abc import Generator
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from private import NOW_US, listed, signer, target
from strange import DEEP, JSON, NESTED, NOISE, bent, check_told, fuzzed, spelt

from gateway import spi
from gateway.host.answers import Answers
from gateway.host.conversations import ALLOWED
from gateway_acme.plugin import Options
from gateway_acme.plugin import plugin as acme
from gateway_binance import coinm, spot, usdm
from gateway_binance.options import SpotOptions
from gateway_mock.plugin import plugin as mock

PLUGINS: Final[Any] = {
    "binance": spot.plugin,
    "binance-usdm": usdm.plugin,
    "binance-coinm": coinm.plugin,
    "mock": mock,
    "acme": acme,
}
URLS: Final = {
    "mock": {"stream": "ws://m.example", "private": "ws://m.example/private", "rest": "http://m.example"},
    "acme": {"feed": "wss://feed.acme.example", "rest": "https://api.acme.example"},
}
KNOWN: Final = spi.Order(order_id=7, symbol="BTC-USDT", side="buy", status="new", ts=1)
LISTED: Final = listed(("BTC-USDT", "BTCUSDT"), ("BTC-USD-PERP", "BTCUSD_PERP"))
MOST: Final = 60
"""Steps of a conversation that are answered; one that wants more waits for what is no answer to it."""

TRADE: Final = {
    "id": 5,
    "price": "1.5",
    "qty": "2",
    "time": 1_764_547_200_000,
    "isBuyerMaker": True,
    "quoteQty": "3",
}
AGGREGATE: Final = {"a": 5, "p": "1.5", "q": "2", "f": 1, "l": 2, "T": 1_764_547_200_000, "m": False}
SYMBOL: Final = {
    "symbol": "BTCUSD_PERP",
    "baseAsset": "BTC",
    "quoteAsset": "USD",
    "status": "TRADING",
    "contractType": "CURRENT_QUARTER",
    "deliveryDate": 1_790_323_200_000,
    "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.1"}, {"filterType": "LOT_SIZE", "stepSize": "1"}],
}
ORDER: Final = {
    "symbol": "BTCUSDT",
    "orderId": 1,
    "clientOrderId": "a",
    "price": "100.5",
    "origQty": "2.0",
    "executedQty": "0.5",
    "status": "PARTIALLY_FILLED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "updateTime": 1_764_547_100_000,
    "avgPrice": "1",
}
ASSET: Final = {
    "asset": "BTC",
    "balance": "1",
    "availableBalance": "1",
    "free": "1",
    "locked": "0",
    "updateTime": 1,
}
HOLDING: Final = {
    "symbol": "BTCUSDT",
    "positionAmt": "-1",
    "entryPrice": "5",
    "unRealizedProfit": "-2",
    "positionSide": "BOTH",
    "updateTime": 3,
}
RIGHTS: Final = {
    "ipRestrict": False,
    "enableReading": True,
    "enableWithdrawals": True,
    "canTrade": True,
    "canWithdraw": True,
}
GOOD: Final[list[tuple[str, Any]]] = [
    ("exchangeInfo", {"symbols": [SYMBOL]}),
    ("/markets", [{"market": "btceur", "base": "btc", "counter": "eur", "state": "open", "tick": 0.1}]),
    ("/symbols", [{"symbol": "BTC-USDT", "native": "btc_usdt", "base": "BTC", "quote": "USDT"}]),
    ("/trades?symbol=btc_usdt", [{"id": 5, "price": "1", "size": "2", "side": "buy", "ts": 3}]),
    ("http://m.example/time", {"now": 5}),
    ("time", {"serverTime": 1_764_547_200_000}),
    ("depth", {"lastUpdateId": 5, "E": 1_764_547_200_000, "bids": [["1.5", "2"]], "asks": [["1.6", "2"]]}),
    ("aggTrades", [AGGREGATE, {**AGGREGATE, "a": 6, "f": -1, "l": -1}]),
    ("rades", [TRADE, {**TRADE, "id": 6}]),
    ("listenKey", {"listenKey": "abc"}),
    ("userListenToken", {"token": "abc", "expirationTime": 5}),
    ("margin/account", {"userAssets": [ASSET]}),
    ("openOrders", [ORDER]),
    ("openAlgoOrders", []),
    ("/order", ORDER),
    ("alance", [ASSET]),
    ("ositionRisk", [HOLDING]),
    ("apiRestrictions", RIGHTS),
    ("account", {"balances": [ASSET], "updateTime": 5, **RIGHTS}),
]
RECEIVED: Final[list[Any]] = [
    {"id": 2, "status": 200, "result": {"subscriptionId": 4, "expirationTime": 1_764_547_900_000}},
    {"id": 2, "status": 200, "result": {"subscriptionId": 4}},
    {"id": 1, "status": 200, "result": {}},
    {"id": 3, "status": 200, "result": [{"subscriptionId": 4}]},
    {"id": 2, "status": 400, "error": {"code": -2035, "msg": "there is one"}},
    {"id": 2, "status": 429, "error": {"code": -1003, "msg": "no", "data": {"serverTime": 1, "retryAfter": 5}}},
    {"event": {"e": "serverShutdown", "E": 2}},
    {"event": "welcome", "protocol": 3, "patience": 30},
    {"op": "hello", "nonce": "x"},
    {"op": "ok"},
]
STATUSES: Final = st.sampled_from([200, 200, 200, 200, 201, 400, 401, 404, 418, 429, 451, 503])


def at(exchange: str, **parts: Any) -> spi.Target:
    """Return a target of any exchange, of an account or not."""
    if exchange in URLS:
        urls = URLS[exchange]
        given = {
            "environment": "live",
            "now": lambda: NOW_US,
            "nonce": lambda: 1,
            "urls": urls,
            "signer": signer(),
        }
        return spi.Target(exchange=exchange, **{"options": Options(), "account": "main", **given, **parts})
    return target(exchange, **parts)


def conversations(exchange: str) -> dict[str, Any]:
    """Return what begins each conversation that the plugin holds."""
    plugin, public = PLUGINS[exchange], {"account": None, "signer": None}
    symbol = {"binance": "BTCUSDT", "mock": "btc_usdt"}.get(exchange, "BTCUSD_PERP")
    first = {"mock": "private", "acme": "feed"}.get(exchange, "private")
    found: dict[str, Any] = {
        "instruments": lambda: plugin.gateway_instruments(at(exchange, endpoint="rest", **public)),
        "handshake": lambda: plugin.gateway_handshake(at(exchange, endpoint=first)),
    }
    if exchange != "acme":
        found["time"] = lambda: plugin.gateway_server_time(at(exchange, endpoint="rest", **public))
        for variant in (None, "agg"):
            wish = spi.Subscription(exchange, "trades", symbol, variant)
            found[f"trades {variant}"] = lambda wish=wish: plugin.gateway_backfill(
                at(exchange, endpoint="rest", **public), wish, 4, 1000
            )
    if exchange.startswith("binance"):
        found["account"] = lambda: plugin.gateway_reconcile(at(exchange), 1, (KNOWN,), LISTED)
        dialect = plugin.gateway_dialect(
            target(exchange, account=None, signer=None), spi.Session(), spi.Instruments()
        )
        rule = dialect.book(f"{symbol.lower()}@depth@100ms")
        assert callable(rule.snapshot)
        found["book"] = rule.snapshot
        found["rights"] = lambda: plugin.gateway_key_rights(at(exchange))
    if exchange == "binance":
        ways = {"logon": {"session_logon": ("main",)}, "margin": {"cross_margin": ("main",)}}
        for way, chosen in ways.items():
            options = SpotOptions.model_validate(chosen)
            found[f"handshake {way}"] = lambda options=options: plugin.gateway_handshake(
                at(exchange, options=options)
            )
    return found


CASES: Final = [(exchange, what) for exchange in PLUGINS for what in conversations(exchange)]


def body_for(draw: Any, url: str) -> bytes:
    good = next((body for part, body in GOOD if part in url), {})
    written = spelt(good)
    return draw(st.sampled_from([written] * 3) | bent(written) | NOISE | JSON.map(spelt))


def reply(draw: Any, step: Any) -> Any:
    """Answer ``step`` as whoever is there might."""
    if isinstance(step, spi.Fetch):
        status = draw(STATUSES)
        body = body_for(draw, step.url) if status == 200 else draw(NOISE | bent(b'{"code":-2013,"msg":"x"}'))
        return spi.HttpReply(status, draw(st.sampled_from([{}, {"retry-after": "7"}])), body)
    if isinstance(step, spi.Receive):
        good = draw(st.sampled_from(RECEIVED))
        return draw(st.just(spelt(good)) | bent(spelt(good)) | NOISE)
    return None


def held(draw: Any, conversation: Generator[Any, Any, Any]) -> tuple[Any, list[tuple[Any, Any]]]:
    """Hold a conversation; return what came of it, nothing if it was ended, and what was asked and answered."""
    said: list[tuple[Any, Any]] = []
    answer = None
    try:
        while len(said) < MOST:
            step = conversation.send(answer)
            answer = reply(draw, step)
            said.append((step, answer))
    except StopIteration as end:
        return end.value, said
    except ALLOWED as exc:
        check_told(exc, secret="demoSecret456")
    finally:
        conversation.close()
    return None, said


@pytest.mark.parametrize(("exchange", "what"), CASES)
@fuzzed(6)
@given(data=st.data())
def test_an_answer_is_read_or_is_the_exchanges_fault(exchange: str, what: str, data: Any) -> None:
    """Nothing but what a plugin may raise comes out, and what is returned is what the core can work with."""
    value, said = held(data.draw, conversations(exchange)[what]())
    if value is None:
        return
    checked = Answers(exchange, PLUGINS[exchange].gateway_exchange_info())
    last = said[-1][1]
    match what.partition(" ")[0]:
        case "handshake":
            assert checked.session("gateway_handshake", value)
        case "instruments":
            told = json.loads(last.body)
            rows = told["symbols"] if isinstance(told, dict) else told
            names = {
                row.get("symbol") if exchange.startswith("binance") else row.get("native", row.get("market"))
                for row in rows
            }
            assert {one.native for one in value} == names
        case "time":
            assert type(value) is int
        case "trades":
            ids = {str(row.get("id", row.get("a"))) for row in json.loads(last.body)}
            assert {str(one.id) for one in value} <= ids
        case "book":
            told = json.loads(last.body)
            assert [list(level) for level in value.bids] == told["bids"]
            assert [list(level) for level in value.asks] == told["asks"]
            assert value.last == told["lastUpdateId"]
        case "account":
            assert checked.data("gateway_reconcile", value)


DEEPLY: Final = [b"[" * DEEP, b'{"zz":' + b"[" * DEEP + b"]" * DEEP + b"}", b'{"result":' + NESTED[0] + b"}"]


@pytest.mark.parametrize(("exchange", "what"), CASES)
@pytest.mark.parametrize("body", DEEPLY, ids=["open", "unknown", "result"])
def test_what_is_nested_too_deeply_makes_no_sense(exchange: str, what: str, body: bytes) -> None:
    conversation = conversations(exchange)[what]()
    answer = None
    try:
        for _ in range(MOST):
            step = conversation.send(answer)
            if isinstance(step, spi.Fetch):
                answer = spi.HttpReply(400 if "order?" in step.url else 200, {}, body)
            else:
                answer = body if isinstance(step, spi.Receive) else None
    except ALLOWED:
        pass


FRAMES: Final = [
    {
        "op": "data",
        "stream": "trades.btc_usdt",
        "kind": "update",
        "ts": 1,
        "data": [{"id": 1, "price": "1", "size": "1", "side": "buy", "ts": 1}],
    },
    {
        "op": "data",
        "stream": "book.btc_usdt",
        "kind": "snapshot",
        "data": [{"bids": [["1", "2"]], "asks": [], "last": 4, "ts": 1}],
    },
    {
        "op": "data",
        "stream": "quotes.btc_usdt",
        "data": [{"bid": "1", "bid_size": "1", "ask": "2", "ask_size": "1", "ts": 1}],
    },
    {"op": "error", "id": 1, "reason": "no", "rejected": ["x"]},
    {"op": "closing", "deadline": 5},
    {"op": "ended", "stream": "x", "reason": "y"},
    {"stream": "trade/btceur", "at": 5, "trades": [{"no": 1, "price": 1.5, "amount": 2, "taker": "B", "ms": 4}]},
    {"stream": "quote/btceur", "at": 5, "quote": {"no": 1, "bid": [1, 2], "ask": [2.5, 1]}},
    {"event": "done", "do": "subscribe", "of": "trade/btceur"},
    {"event": "refused", "do": "subscribe", "of": "trade/btceur", "why": "no"},
]


@pytest.mark.parametrize("exchange", ["mock", "acme"])
@fuzzed(25)
@given(data=st.data())
@example(data=None)
def test_a_frame_is_read_or_makes_no_sense(exchange: str, data: Any) -> None:
    if data is None:
        for payload in NESTED:
            frame_read(exchange, payload, binary=False)
        return
    good = spelt(data.draw(st.sampled_from(FRAMES)))
    payload = data.draw(st.just(good) | bent(good) | NOISE)
    frame_read(exchange, payload, binary=data.draw(st.booleans()))


def frame_read(exchange: str, payload: bytes, *, binary: bool) -> None:
    plugin = PLUGINS[exchange]
    dialect = plugin.gateway_dialect(LISTED) if exchange == "mock" else plugin.gateway_dialect()
    stream = dialect.stream(payload, binary)
    assert stream is None or isinstance(stream, str)
    try:
        events = list(dialect.decode(payload, binary))
    except ValueError as exc:
        check_told(exc)
        return
    for event in events:
        if type(event) is spi.Data:
            assert event.stream == json.loads(payload)["stream"]
            assert stream == event.stream or stream is None or "\\" in payload.decode()
