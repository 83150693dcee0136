"""Spot orders: what the account is told in which order, and that REST says the same at each moment."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from talk import NOW, Line, Talk, signed, talking, tick

from gateway_binance.venue.history import Trade
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.spot_desk import SpotDesk
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "2",
    "price": "100",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.5"}


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    async with talking(BinanceVenue(rate=None, settings=Settings(now=lambda: NOW))) as opened:
        yield opened


@pytest.fixture
async def line(talk: Talk) -> AsyncIterator[Line]:
    async with talk.line("/ws-api/v3") as opened:
        await opened.ask("userDataStream.subscribe.signature", signed(talk.venue))
        yield opened


def desk(talk: Talk) -> SpotDesk:
    found = talk.venue.floors[Market.SPOT].desk
    assert isinstance(found, SpotDesk)
    return found


async def told(line: Line, count: int) -> list[Any]:
    return [one["event"] for one in await line.data(count)]


async def balance(talk: Talk, asset: str) -> tuple[Decimal, Decimal]:
    rows = {row["asset"]: row for row in (await talk.order("GET /api/v3/account"))["balances"]}
    return Decimal(rows[asset]["free"]), Decimal(rows[asset]["locked"])


def rest_of(report: Any) -> dict[str, Any]:
    """Return what REST says of the order that a report is about."""
    names = {"orderId": "i", "clientOrderId": "c", "status": "X", "executedQty": "z", "cummulativeQuoteQty": "Z"}
    return {name: report[letter] for name, letter in names.items()}


async def test_an_order_lives_from_its_placing_to_its_last_fill(talk: Talk, line: Line) -> None:
    placed = await talk.order("POST /api/v3/order", **LIMIT, newClientOrderId="mine")
    assert (placed["status"], placed["fills"], placed["transactTime"]) == ("NEW", [], int(NOW * 1000))
    report, position = await told(line, 2)
    assert [report[name] for name in "cCxXriqpzlLntwm"] == [
        *("mine", "", "NEW", "NEW", "NONE", placed["orderId"]),
        *("2.00000000", "100.00000000", "0.00000000", "0.00000000", "0.00000000", "0", -1, True, False),
    ]
    assert (position["e"], position["B"][1]) == (
        "outboundAccountPosition",
        {"a": "USDT", "f": "99800.00000000", "l": "200.00000000"},
    )
    assert await balance(talk, "USDT") == (Decimal(99_800), Decimal(200))
    order = desk(talk).orders("main")[0]

    desk(talk).fill(order, Decimal("0.5"), Decimal(99))
    report, position = await told(line, 2)
    assert [report[name] for name in "xXlzLYZnNwm"] == [
        *("TRADE", "PARTIALLY_FILLED", "0.50000000", "0.50000000", "99.00000000", "49.50000000", "49.50000000"),
        *("0.00050000", "BTC", True, True),
    ]
    assert await balance(talk, "USDT") == (Decimal("99800.5"), Decimal(150))
    assert await balance(talk, "BTC") == (Decimal("10.4995"), Decimal(0))
    [row] = await talk.order("GET /api/v3/openOrders", symbol="BTCUSDT")
    assert row.items() >= rest_of(report).items()

    desk(talk).fill(order, Decimal("1.5"), Decimal(100))
    report, position = await told(line, 2)
    assert (report["X"], report["z"], report["w"]) == ("FILLED", "2.00000000", False)
    assert await balance(talk, "USDT") == (Decimal("99800.5"), Decimal(0))
    assert await talk.order("GET /api/v3/openOrders") == []
    row = await talk.order("GET /api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")
    assert row.items() >= rest_of(report).items()
    trades = await talk.order("GET /api/v3/myTrades", symbol="BTCUSDT")
    assert [(one["price"], one["qty"], one["commission"], one["isMaker"]) for one in trades] == [
        ("99.00000000", "0.50000000", "0.00050000", True),
        ("100.00000000", "1.50000000", "0.00150000", True),
    ]
    assert trades[1]["id"] == report["t"]


async def test_a_cancelled_order_has_two_names_and_frees_what_it_held(talk: Talk, line: Line) -> None:
    placed = await talk.order("POST /api/v3/order", **LIMIT, newClientOrderId="mine")
    answer = await talk.order(
        "DELETE /api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"], newClientOrderId="enough"
    )
    assert (answer["status"], answer["origClientOrderId"], answer["clientOrderId"]) == (
        "CANCELED",
        "mine",
        "enough",
    )
    report, _ = (await told(line, 4))[2:]
    assert [report[name] for name in "cCxX"] == ["enough", "mine", "CANCELED", "CANCELED"]
    assert await balance(talk, "USDT") == (Decimal(100_000), Decimal(0))
    status, refusal, _ = await talk.sign("DELETE /api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert (status, refusal) == (400, {"code": -2011, "msg": "Unknown order sent."})


async def test_a_market_order_meets_the_best_price_at_once(talk: Talk, line: Line) -> None:
    ask = talk.venue.floors[Market.SPOT].source.book("BTCUSDT", 1).asks[0][0]
    placed = await talk.order("POST /api/v3/order", **MARKET)
    [fill] = placed["fills"]
    assert (placed["status"], fill["price"], fill["commission"]) == ("FILLED", ask, "0.00050000")
    kinds = [(one["e"], one.get("x")) for one in await told(line, 4)]
    assert kinds == [
        ("executionReport", "NEW"),
        ("outboundAccountPosition", None),
        ("executionReport", "TRADE"),
        ("outboundAccountPosition", None),
    ]
    assert await balance(talk, "USDT") == (100_000 - Decimal(ask) / 2, Decimal(0))
    assert await balance(talk, "BTC") == (Decimal("10.4995"), Decimal(0))


async def test_a_market_order_may_say_what_it_shall_cost(talk: Talk) -> None:
    rest = {name: value for name, value in MARKET.items() if name != "quantity"}
    placed = await talk.order("POST /api/v3/order", **rest, quoteOrderQty="6000")
    ask = Decimal(talk.venue.floors[Market.SPOT].source.book("BTCUSDT", 1).asks[0][0])
    assert Decimal(placed["executedQty"]) == Decimal("0.09999") < 6000 / ask
    assert Decimal(placed["cummulativeQuoteQty"]) <= 6000


@pytest.mark.parametrize(
    ("kind", "expiry"), [("IOC", "UNFILLED_IOC_QUANTITY_EXPIRED"), ("FOK", "UNFILLED_FOK_ORDER_EXPIRED")]
)
async def test_an_order_that_may_not_rest_expires(talk: Talk, line: Line, kind: str, expiry: str) -> None:
    placed = await talk.order("POST /api/v3/order", **{**LIMIT, "timeInForce": kind})
    assert placed["status"] == "EXPIRED"
    reports = [one for one in await told(line, 4) if one["e"] == "executionReport"]
    assert [one["x"] for one in reports] == ["NEW", "EXPIRED"]
    assert reports[1]["eR"] == expiry
    assert await balance(talk, "USDT") == (Decimal(100_000), Decimal(0))


async def test_a_resting_order_is_filled_when_the_market_trades_through_it(talk: Talk, line: Line) -> None:
    for side, price in (("SELL", "70000"), ("BUY", "50000")):
        await talk.order("POST /api/v3/order", **{**LIMIT, "side": side, "price": price, "quantity": "1"})
    await told(line, 4)
    desk(talk).traded("BTCUSDT", Trade(1, "50000", "9", 0, True))
    desk(talk).traded("BTCUSDT", Trade(2, "49999", "0.25", 0, True))
    desk(talk).traded("BTCUSDT", Trade(3, "70000.01", "9", 0, False))
    fills = [one for one in await told(line, 4) if one["e"] == "executionReport"]
    assert [(one["S"], one["X"], one["l"], one["L"], one["m"]) for one in fills] == [
        ("BUY", "PARTIALLY_FILLED", "0.25000000", "50000.00000000", True),
        ("SELL", "FILLED", "1.00000000", "70000.00000000", True),
    ]


async def test_the_made_up_market_fills_what_it_trades_through(talk: Talk) -> None:
    best = Decimal(talk.venue.floors[Market.SPOT].source.book("ETHBTC", 1).asks[0][0])
    order = {**LIMIT, "symbol": "ETHBTC", "side": "SELL", "price": f"{best:f}", "quantity": "0.5"}
    await talk.order("POST /api/v3/order", **order)
    tick(talk.venue, 2000)  # nobody listens: the order is enough
    assert desk(talk).orders("main")[0].status == "FILLED"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "STOP_LOSS"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"timeInForce": ""}, -1102, "Mandatory parameter 'timeInForce'"),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"price": "0.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.01"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "x"}, -1100, "Illegal characters found in parameter 'quantity'"),
        ({"quantity": "2000"}, -2010, "Account has insufficient balance for requested action."),
        ({"type": "LIMIT_MAKER", "price": "99999"}, -2010, "Order would immediately match and take."),
        ({"newClientOrderId": "taken"}, -2010, "Duplicate order sent."),
    ],
)
async def test_an_order_that_is_not_taken_changes_nothing(talk: Talk, changes: Any, code: int, words: str) -> None:
    await talk.order("POST /api/v3/order", **LIMIT, newClientOrderId="taken")
    before = await talk.order("GET /api/v3/account")
    status, refusal, _ = await talk.sign("POST /api/v3/order", **{**LIMIT, **changes})
    assert (status, refusal["code"]) == (400, code)
    assert refusal["msg"].startswith(words)
    assert await talk.order("GET /api/v3/account") == before
    assert len(desk(talk).orders("main")) == 1


async def test_a_symbol_that_is_halted_takes_no_orders(talk: Talk) -> None:
    talk.venue.sources[Market.SPOT].relist("BTCUSDT", "HALT")
    _, info, _ = await talk.call("GET /api/v3/exchangeInfo", {"symbol": "BTCUSDT"})
    assert info["symbols"][0]["status"] == "HALT"
    status, refusal, _ = await talk.sign("POST /api/v3/order", **LIMIT)
    assert (status, refusal) == (400, {"code": -1013, "msg": "Market is closed."})


async def test_all_orders_of_a_symbol_are_cancelled_together(talk: Talk, line: Line) -> None:
    for price in ("100", "101"):
        await talk.order("POST /api/v3/order", **{**LIMIT, "price": price})
    rows = await talk.order("DELETE /api/v3/openOrders", symbol="BTCUSDT")
    assert [row["status"] for row in rows] == ["CANCELED", "CANCELED"]
    assert (await talk.sign("DELETE /api/v3/openOrders", symbol="BTCUSDT"))[1]["code"] == -2011
    every = await talk.order("GET /api/v3/allOrders", symbol="BTCUSDT")
    assert [row["price"] for row in every] == ["100.00000000", "101.00000000"]
    assert await talk.order("GET /api/v3/allOrders", symbol="BTCUSDT", orderId=every[1]["orderId"]) == every[1:]


@pytest.mark.parametrize(
    ("query", "code"), [({"orderId": 1}, -2013), ({}, -1102), ({"origClientOrderId": "x"}, -2013)]
)
async def test_an_order_that_there_is_not_is_not_found(talk: Talk, query: Any, code: int) -> None:
    status, refusal, _ = await talk.sign("GET /api/v3/order", symbol="BTCUSDT", **query)
    assert (status, refusal["code"]) == (400, code)


@pytest.mark.parametrize(("kind", "more"), [("ACK", set()), ("RESULT", {"status"}), ("FULL", {"status", "fills"})])
async def test_an_answer_says_as_much_as_was_asked_for(talk: Talk, kind: str, more: set[str]) -> None:
    answer = await talk.order("POST /api/v3/order", **LIMIT, newOrderRespType=kind)
    assert {"status", "fills"} & answer.keys() == more


async def test_money_that_comes_or_goes_is_told_twice(talk: Talk, line: Line) -> None:
    desk(talk).transfer("main", "USDT", Decimal(-25))
    change, position = await told(line, 2)
    assert [change[name] for name in ("e", "a", "d")] == ["balanceUpdate", "USDT", "-25.00000000"]
    assert position["B"] == [{"a": "USDT", "f": "99975.00000000", "l": "0.00000000"}]


def test_what_is_not_open_cannot_be_filled_or_ended() -> None:
    venue = BinanceVenue(rate=None)
    shop = venue.floors[Market.SPOT].desk
    from gateway_binance.venue.private.orders import Wish

    order = shop.place(venue.accounts.named("main"), Wish("BTCUSDT", "BUY", "LIMIT", Decimal(1), Decimal(9)))
    with pytest.raises(ValueError, match="has 1 left"):
        shop.fill(order, Decimal(2), Decimal(9))
    shop.end(order, "CANCELED")
    with pytest.raises(ValueError, match="CANCELED"):
        shop.end(order, "CANCELED")
    with pytest.raises(ValueError, match="CANCELED"):
        shop.fill(order, Decimal(1), Decimal(9))
