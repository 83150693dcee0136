"""What is fetched of an account: open orders, what became of those that were known, balances and positions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from private import KEY, NOW_US, listed, signer, target

from gateway import spi
from gateway_binance import coinm, spot, usdm
from gateway_binance.options import SpotOptions
from gateway_binance.private.signing import signature

PLUGINS: Any = {"binance": spot.plugin, "binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}
LISTED = listed(("btc_usdt", "BTCUSDT"), ("btc_usd-perp", "BTCUSD_PERP"))
NO_ORDER = (400, {"code": -2013, "msg": "Order does not exist."})
NO_PATH = (404, "<html>")
T = 1_764_547_100_000


class Bank:
    """Answers what is asked over REST, by path and parameters; what it does not know is a failure of the test."""

    def __init__(self, replies: Mapping[str, Any]) -> None:
        self._replies = replies
        self.asked: list[str] = []
        self.weight = 0
        self.limits: set[str] = set()

    def answer(self, step: spi.Fetch) -> spi.HttpReply:
        assert (step.method, step.headers) == ("GET", {"X-MBX-APIKEY": KEY})
        url = urlsplit(step.url)
        assert (url.scheme, url.netloc) == ("https", "rest.example")
        payload, _, signed = url.query.rpartition("&signature=")
        assert signed == signature(signer(), payload)
        params = dict(parse_qsl(payload))
        assert (params.pop("timestamp"), params.pop("recvWindow")) == (str(NOW_US // 1000), "60000")
        name = url.path + "".join(f" {key}={value}" for key, value in params.items())
        self.asked.append(name)
        [(limit, cost)] = step.cost.items()
        self.limits.add(limit)
        self.weight += cost
        status, body = reply if isinstance(reply := self._replies[name], tuple) else (200, reply)
        return spi.HttpReply(status, {}, json.dumps(body).encode() if body != NO_PATH[1] else NO_PATH[1].encode())


def fetch(
    bank: Bank, exchange: str = "binance", *, since: int = 0, known: Sequence[spi.Order] = (), **parts: Any
) -> list[Any]:
    """Fetch an account; return its records."""
    plugin = PLUGINS[exchange]
    conversation = plugin.gateway_reconcile(target(exchange, **parts), since, known, LISTED)
    answer = None
    while True:
        try:
            answer = bank.answer(conversation.send(answer))
        except StopIteration as end:
            [data] = end.value
            assert (data.stream, data.ts) == ("user", None)
            return list(data.records)


def of(records: Sequence[Any], kind: type) -> list[Any]:
    return [record for record in records if type(record) is kind]


def order(number: int = 1, **parts: Any) -> dict[str, Any]:
    """Return a row as both markets have it."""
    row = {
        "symbol": "BTCUSDT",
        "orderId": number,
        "clientOrderId": f"mine-{number}",
        "price": "100.5",
        "origQty": "2.0",
        "executedQty": "0.5",
        "status": "PARTIALLY_FILLED",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "time": T - 5,
        "updateTime": T,
    }
    return {**row, **parts}


def known(number: int, symbol: str = "btc_usdt", kind: str = "LIMIT") -> spi.Order:
    return spi.Order(order_id=number, symbol=symbol, side="buy", status="new", ts=1, type=kind)


RECORD = spi.Order(
    order_id=1,
    symbol="btc_usdt",
    side="buy",
    status="partially_filled",
    ts=T * 1000,
    client_order_id="mine-1",
    type="LIMIT",
    time_in_force="GTC",
    price="100.5",
    size="2.0",
    filled="0.5",
)


# --- spot


SPOT_ORDERS, SPOT_ACCOUNT = "/api/v3/openOrders", "/api/v3/account omitZeroBalances=true"
HELD = {"updateTime": T, "balances": [{"asset": "BTC", "free": "1.5", "locked": "0.5"}]}


def test_a_spot_account_is_its_open_orders_and_what_it_holds() -> None:
    bank = Bank({SPOT_ORDERS: [order()], SPOT_ACCOUNT: HELD})
    assert fetch(bank) == [RECORD, spi.Balance("BTC", T * 1000, free="1.5", locked="0.5")]
    assert (bank.asked, bank.weight, bank.limits) == ([SPOT_ORDERS, SPOT_ACCOUNT], 100, {"binance-spot-weight"})


def test_a_known_order_that_is_not_open_any_more_is_asked_for() -> None:
    gone = "/api/v3/order symbol=BTCUSDT orderId=7"
    filled = order(7, status="FILLED", executedQty="2.0")
    bank = Bank({SPOT_ORDERS: [order()], SPOT_ACCOUNT: HELD, gone: filled})
    orders = of(fetch(bank, known=[known(1), known(7)]), spi.Order)
    assert [(one.order_id, one.status, one.filled) for one in orders] == [
        (1, "partially_filled", "0.5"),
        (7, "filled", "2.0"),
    ]
    assert bank.asked == [SPOT_ORDERS, gone, SPOT_ACCOUNT]
    assert bank.weight == 104


def test_two_symbols_may_have_the_same_number() -> None:
    gone = "/api/v3/order symbol=XYZUSDT orderId=1"
    bank = Bank({SPOT_ORDERS: [order()], SPOT_ACCOUNT: HELD, gone: order(1, symbol="XYZUSDT", status="EXPIRED")})
    orders = of(fetch(bank, known=[known(1, "XYZUSDT")]), spi.Order)
    assert [(one.symbol, one.status) for one in orders] == [
        ("btc_usdt", "partially_filled"),
        ("XYZUSDT", "expired"),
    ]


def test_an_order_that_is_forgotten_is_not_told() -> None:
    bank = Bank({SPOT_ORDERS: [], SPOT_ACCOUNT: HELD, "/api/v3/order symbol=BTCUSDT orderId=7": NO_ORDER})
    assert of(fetch(bank, known=[known(7)]), spi.Order) == []


def test_an_account_without_orders_and_money_is_empty() -> None:
    assert fetch(Bank({SPOT_ORDERS: [], SPOT_ACCOUNT: {"balances": []}})) == []


def test_the_reason_of_an_end_is_kept() -> None:
    bank = Bank({SPOT_ORDERS: [order(expiryReason="EXCHANGE_CANCELED")], SPOT_ACCOUNT: HELD})
    assert of(fetch(bank), spi.Order)[0].reason == "EXCHANGE_CANCELED"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"code": -2015, "msg": "Invalid API-key"}),
        (429, {"code": -1003, "msg": "weight"}),
        (503, "?"),
        (404, {"code": -1000, "msg": "?"}),
    ],
)
@pytest.mark.parametrize("where", [SPOT_ORDERS, "/api/v3/order symbol=BTCUSDT orderId=7", SPOT_ACCOUNT])
def test_a_refusal_is_handed_on(where: str, status: int, body: Any) -> None:
    replies = {SPOT_ORDERS: [], SPOT_ACCOUNT: HELD, "/api/v3/order symbol=BTCUSDT orderId=7": order(7)}
    with pytest.raises(spi.ReplyRefused) as caught:
        fetch(Bank({**replies, where: (status, body)}), known=[known(7)])
    assert caught.value.status == status


@pytest.mark.parametrize(
    "replies",
    [
        {SPOT_ORDERS: {}},
        {SPOT_ORDERS: [{}]},
        {SPOT_ORDERS: [order(price="1e5")]},
        {SPOT_ORDERS: [order(status="?")]},
        {SPOT_ORDERS: [order(orderId="1")]},
        {SPOT_ORDERS: [order(side="HOLD")]},
        {SPOT_ACCOUNT: {"updateTime": T, "balances": [{"asset": "BTC", "free": "-1", "locked": "0"}]}},
        {SPOT_ACCOUNT: []},
        {SPOT_ACCOUNT: "x"},
    ],
)
def test_an_account_that_makes_no_sense_makes_no_record(replies: Any) -> None:
    with pytest.raises(ValueError):
        fetch(Bank({SPOT_ORDERS: [], SPOT_ACCOUNT: HELD, **replies}))


@pytest.mark.parametrize("status", ["FILLED", "CANCELED", "NEW"])
def test_what_peers_kept_of_spot_accounts_is_read(status: str, capture: Any) -> None:
    """Rows as the exchange writes them, with all that is not read."""
    bodies = {
        line["path"]: json.loads(line["frame"])
        for line in map(json.loads, capture("jkorf-rest.dev.jsonl").read_text().splitlines())
        if line["method"] == "GET"
    }
    rows = [{**row, "status": status} for row in bodies["/api/v3/openOrders"]]
    bank = Bank({SPOT_ORDERS: rows, SPOT_ACCOUNT: bodies["/api/v3/account"]})
    one, *held = fetch(bank)
    assert (one.symbol, one.order_id, one.price, one.ts) == ("LTCBTC", 1, "0.1", 1_499_827_319_559_000)
    assert [(row.asset, row.free) for row in held] == [("BTC", "4723846.89208129"), ("LTC", "4763368.68006011")]


# --- margin


CROSS: Any = {"options": SpotOptions(cross_margin=("main",))}
ISOLATED: Any = {"options": SpotOptions(isolated_margin={"main": "BTCUSDT"})}
NOTHING = {"asset": "ETH", "free": "0", "locked": "0.00", "borrowed": "0", "interest": "0", "netAsset": "0"}
SOMETHING = {"asset": "BTC", "free": "1", "locked": "0.5", "borrowed": "2", "interest": "0", "netAsset": "-0.5"}


def test_a_cross_margin_account_is_fetched_where_it_is() -> None:
    gone = "/sapi/v1/margin/order symbol=BTCUSDT orderId=7"
    replies = {
        "/sapi/v1/margin/openOrders": [order(isIsolated=False)],
        gone: order(7, status="CANCELED"),
        "/sapi/v1/margin/account": {"marginLevel": "9", "userAssets": [NOTHING, SOMETHING]},
    }
    bank = Bank(replies)
    records = fetch(bank, known=[known(7)], **CROSS)
    assert records[0] == RECORD
    assert (records[1].order_id, records[1].status) == (7, "canceled")
    assert records[2:] == [spi.Balance("BTC", NOW_US, free="1", locked="0.5")], "as of now: it says no time"
    assert (bank.weight, bank.limits) == (30, {"binance-margin-weight"})


def test_an_isolated_margin_account_is_that_of_its_symbol() -> None:
    pair = {"symbol": "BTCUSDT", "baseAsset": SOMETHING, "quoteAsset": {**SOMETHING, "asset": "USDT"}}
    replies = {
        "/sapi/v1/margin/openOrders isIsolated=TRUE symbol=BTCUSDT": [],
        "/sapi/v1/margin/order isIsolated=TRUE symbol=BTCUSDT orderId=7": order(7, status="FILLED"),
        "/sapi/v1/margin/isolated/account symbols=BTCUSDT": {"assets": [pair]},
    }
    records = fetch(Bank(replies), known=[known(7)], **ISOLATED)
    assert [one.status for one in of(records, spi.Order)] == ["filled"]
    assert [one.asset for one in of(records, spi.Balance)] == ["BTC", "USDT"]


# --- futures


ROOTS = {"binance-usdm": "/fapi/v1", "binance-coinm": "/dapi/v1"}
BALANCES = {"binance-usdm": "/fapi/v3/balance", "binance-coinm": "/dapi/v1/balance"}
POSITIONS = {"binance-usdm": "/fapi/v3/positionRisk", "binance-coinm": "/dapi/v1/positionRisk"}
MARKETS = list(ROOTS)
ASSET = {"asset": "USDT", "balance": "-10.5", "availableBalance": "9", "crossWalletBalance": "1", "updateTime": T}
POSITION = {
    "symbol": "BTCUSDT",
    "positionAmt": "-0.5",
    "entryPrice": "100.1",
    "markPrice": "99",
    "unRealizedProfit": "-0.6",
    "positionSide": "SHORT",
    "updateTime": T,
}
ALGO: Any = {
    "symbol": "BTCUSDT",
    "algoId": 2_000_000_000_000_001,
    "clientAlgoId": "mine-a",
    "algoType": "CONDITIONAL",
    "orderType": "STOP_MARKET",
    "side": "SELL",
    "timeInForce": "GTC",
    "quantity": "2.0",
    "price": "0",
    "algoStatus": "NEW",
    "actualOrderId": "",
    "updateTime": T,
}


def futures(exchange: str, **replies: Any) -> Bank:
    """Return the bank of a futures account with nothing in it, but for ``replies``."""
    root = ROOTS[exchange]
    asked = {
        "openOrders": [],
        "openAlgoOrders": [],
        "balance": [],
        "positions": [],
        **{name: reply for name, reply in replies.items() if name in {"openOrders", "openAlgoOrders"}},
    }
    named = {
        f"{root}/openOrders": asked["openOrders"],
        f"{root}/openAlgoOrders": asked["openAlgoOrders"],
        BALANCES[exchange]: replies.pop("balances", []),
        POSITIONS[exchange]: replies.pop("positions", []),
    }
    more = {name: reply for name, reply in replies.items() if name not in asked}
    return Bank({**named, **{f"{root}/{name.replace('__', ' ')}": reply for name, reply in more.items()}})


@pytest.mark.parametrize("exchange", MARKETS)
def test_a_futures_account_is_orders_balances_and_positions(exchange: str) -> None:
    bank = futures(
        exchange,
        openOrders=[order(avgPrice="100.2", origType="LIMIT")],
        openAlgoOrders=[ALGO],
        balances=[ASSET],
        positions=[{**POSITION, "marginType": "isolated"}],
    )
    records = fetch(bank, exchange)
    plain, algo = of(records, spi.Order)
    assert plain == spi.Order(**{**json_of(RECORD), "average_price": "100.2"})
    assert (algo.order_id, algo.status, algo.type, algo.client_order_id, algo.filled) == (
        ALGO["algoId"],
        "pending",
        "STOP_MARKET",
        "mine-a",
        None,
    )
    assert of(records, spi.Balance) == [spi.Balance("USDT", T * 1000, free="9", total="-10.5")]
    assert of(records, spi.Position) == [
        spi.Position(
            symbol="btc_usdt",
            size="-0.5",
            ts=T * 1000,
            side="short",
            entry_price="100.1",
            unrealised_pnl="-0.6",
            margin_mode="isolated",
        )
    ]
    assert (bank.weight, bank.limits) == (90, {"binance-futures-weight"})


def json_of(record: Any) -> Any:
    return {name: getattr(record, name) for name in record.__struct_fields__}


@pytest.mark.parametrize("exchange", MARKETS)
def test_a_market_without_conditional_orders_of_their_own_has_none(exchange: str) -> None:
    records = fetch(futures(exchange, openOrders=[order()], openAlgoOrders=NO_PATH), exchange)
    assert [one.order_id for one in of(records, spi.Order)] == [1]


def test_known_orders_that_are_not_open_any_more_are_asked_for_where_they_are_kept() -> None:
    bank = futures(
        "binance-usdm",
        **{
            "openOrders": [order()],
            "order__symbol=BTCUSDT__orderId=7": order(7, status="CANCELED"),
            "order__symbol=BTCUSDT__orderId=8": NO_ORDER,
            "algoOrder__algoId=50": {**ALGO, "algoId": 50, "algoStatus": "CANCELED"},
            "algoOrder__algoId=51": {**ALGO, "algoId": 51, "algoStatus": "FINISHED", "actualOrderId": "70"},
            "order__symbol=BTCUSDT__orderId=70": order(70, status="FILLED", executedQty="2.0"),
            "algoOrder__algoId=52": NO_ORDER,
            "order__symbol=BTCUSDT__orderId=52": NO_ORDER,
            "algoOrder__algoId=54": NO_ORDER,
            "order__symbol=BTCUSDT__orderId=54": order(54, type="STOP_MARKET", status="EXPIRED"),
            "algoOrder__algoId=53": {**ALGO, "algoId": 53, "algoStatus": "FINISHED", "actualOrderId": 71},
            "order__symbol=BTCUSDT__orderId=71": NO_ORDER,
        },
    )
    stops = [known(number, kind="STOP_MARKET") for number in (50, 51, 52, 53, 54)]
    orders = of(fetch(bank, "binance-usdm", known=[known(1), known(7), known(8), *stops]), spi.Order)
    assert [(one.order_id, one.status, one.filled) for one in orders] == [
        (1, "partially_filled", "0.5"),
        (7, "canceled", "0.5"),
        (50, "canceled", None),
        (51, "filled", "2.0"),
        (53, "canceled", None),
        (54, "expired", "0.5"),
    ]


@pytest.mark.parametrize("quantity", ["2", "2.00", "0"])
def test_a_triggered_order_is_filled_however_its_size_is_written_or_if_it_has_none(quantity: str) -> None:
    done = {**ALGO, "algoId": 50, "algoStatus": "FINISHED", "actualOrderId": "70", "quantity": quantity}
    replies = {
        "algoOrder__algoId=50": done,
        "order__symbol=BTCUSDT__orderId=70": order(70, status="FILLED", executedQty="2.0"),
    }
    [one] = of(
        fetch(futures("binance-usdm", **replies), "binance-usdm", known=[known(50, kind="STOP_MARKET")]), spi.Order
    )
    assert one.status == "filled"


def test_where_there_are_no_conditional_orders_of_their_own_one_is_asked_for_like_all_others() -> None:
    replies = {
        "openAlgoOrders": NO_PATH,
        "algoOrder__algoId=7": NO_PATH,
        "order__symbol=BTCUSDT__orderId=7": order(7, type="STOP_MARKET", status="CANCELED"),
    }
    [one] = of(
        fetch(futures("binance-coinm", **replies), "binance-coinm", known=[known(7, kind="STOP")]), spi.Order
    )
    assert (one.order_id, one.status) == (7, "canceled")


def test_a_known_order_that_waits_for_a_trigger_still_is_not_asked_for() -> None:
    bank = futures("binance-usdm", openAlgoOrders=[ALGO])
    assert len(of(fetch(bank, "binance-usdm", known=[known(ALGO["algoId"], kind="STOP")]), spi.Order)) == 1


@pytest.mark.parametrize(("since", "told"), [(0, False), (T * 1000, True), (T * 1000 + 1, False)])
def test_what_there_is_none_of_any_more_is_told_if_that_is_news(since: int, told: bool) -> None:
    bank = futures(
        "binance-usdm",
        balances=[{**ASSET, "balance": "0.00"}],
        positions=[{**POSITION, "positionAmt": "0.000", "unRealizedProfit": "0"}],
    )
    records = fetch(bank, "binance-usdm", since=since)
    assert [type(one) for one in records] == ([spi.Balance, spi.Position] if told else [])


def test_what_says_no_time_is_no_news() -> None:
    bank = futures(
        "binance-usdm", balances=[{"asset": "BNB", "balance": "0", "availableBalance": "0"}], positions=[POSITION]
    )
    records = fetch(bank, "binance-usdm", since=1)
    assert [(type(one), one.margin_mode) for one in records] == [(spi.Position, None)]


def test_an_order_that_closes_a_position_by_force_says_so() -> None:
    bank = futures("binance-usdm", openOrders=[order(status="NEW_ADL", executedQty="0")])
    [one] = of(fetch(bank, "binance-usdm"), spi.Order)
    assert (one.status, one.reason) == ("new", "NEW_ADL")


@pytest.mark.parametrize(
    "replies",
    [
        {"openOrders": [order(avgPrice="x")]},
        {"openAlgoOrders": [{**ALGO, "algoStatus": "?"}]},
        {"openAlgoOrders": [{**ALGO, "quantity": "-1"}]},
        {"balances": [{**ASSET, "balance": "1e3"}]},
        {"positions": [{**POSITION, "positionAmt": None}]},
        {"positions": [{**POSITION, "entryPrice": "?"}]},
    ],
)
def test_a_futures_account_that_makes_no_sense_makes_no_record(replies: Any) -> None:
    with pytest.raises(ValueError):
        fetch(futures("binance-usdm", **replies), "binance-usdm")


@pytest.mark.parametrize("where", ["openOrders", "openAlgoOrders", "balances", "positions"])
def test_a_refusal_of_futures_is_handed_on(where: str) -> None:
    with pytest.raises(spi.ReplyRefused):
        fetch(futures("binance-usdm", **{where: (401, {"code": -2015, "msg": "no"})}), "binance-usdm")


def test_what_peers_kept_of_futures_accounts_is_read(capture: Any) -> None:
    """Rows as the exchange writes them, with all that is not read."""
    bodies = {
        line["path"]: json.loads(line["frame"])
        for line in map(json.loads, capture("binance-usdm/jkorf-rest.dev.jsonl").read_text().splitlines())
        if line["method"] == "GET"
    }
    bank = futures(
        "binance-usdm",
        openOrders=bodies["/fapi/v1/openOrders"],
        openAlgoOrders=bodies["/fapi/v1/openAlgoOrders"],
        positions=bodies["/fapi/v3/positionRisk"],
    )
    records = fetch(bank, "binance-usdm")
    assert [(one.order_id, one.status, one.type) for one in of(records, spi.Order)] == [
        (1917641, "new", "TRAILING_STOP_MARKET"),
        (2148627, "pending", "TAKE_PROFIT"),
    ]
    [held] = of(records, spi.Position)
    assert (held.symbol, held.size, held.side, held.margin_mode) == ("btc_usdt", "0.001", "long", "cross")


def test_what_peers_kept_of_a_coinm_order_is_read(capture: Any) -> None:
    lines = map(json.loads, capture("binance-coinm/jkorf-rest.dev.jsonl").read_text().splitlines())
    [row] = [
        json.loads(line["frame"]) for line in lines if (line["method"], line["path"]) == ("GET", "/dapi/v1/order")
    ]
    [one] = of(fetch(futures("binance-coinm", openOrders=[row]), "binance-coinm"), spi.Order)
    assert (one.symbol, one.order_id, one.size, one.average_price) == ("BTCUSD_200925", 1917641, "0.40", None)
