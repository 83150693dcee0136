"""Futures orders, positions and listenKeys: what the account is told, and where, and what REST says then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from talk import Line, Talk, talking, tick

from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import listed
from gateway_binance.venue.private.futures_desk import FuturesDesk
from gateway_binance.venue.private.positions import Position
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

STARTS = {Market.USDM: "/fapi", Market.COINM: "/dapi"}
SYMBOLS = {Market.USDM: "BTCUSDT", Market.COINM: "BTCUSD_PERP"}
KINDS = ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE", "ACCOUNT_CONFIG_UPDATE", "listenKeyExpired")
FUTURES = (Market.USDM, Market.COINM)


class Hand:
    now = 1_764_547_200.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
async def talk(clock: Hand) -> AsyncIterator[Talk]:
    async with talking(BinanceVenue(rate=None, settings=Settings(now=clock))) as opened:
        yield opened


def desk(talk: Talk, market: Market) -> FuturesDesk:
    found = talk.venue.floors[market].desk
    assert isinstance(found, FuturesDesk)
    return found


async def key_of(talk: Talk, market: Market) -> str:
    _, made, _ = await talk.call(f"POST {STARTS[market]}/v1/listenKey")
    return str(made["listenKey"])


@asynccontextmanager
async def private(talk: Talk, market: Market) -> AsyncIterator[Line]:
    key = await key_of(talk, market)
    usdm = f"/fstream.binance.com/private/ws?listenKey={key}&events={'/'.join(KINDS)}"
    async with talk.line(usdm if market is Market.USDM else f"/dstream.binance.com/ws/{key}") as line:
        yield line


async def place(talk: Talk, market: Market, **changes: Any) -> Any:
    order = {"symbol": SYMBOLS[market], "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    wanted = {**order, "price": "30000", **changes}
    return await talk.order(
        f"POST {STARTS[market]}/v1/order", **{name: value for name, value in wanted.items() if value is not None}
    )


async def position(talk: Talk, market: Market) -> Any:
    version = "v2" if market is Market.USDM else "v1"
    rows = await talk.order(f"GET {STARTS[market]}/{version}/positionRisk")
    return next(row for row in rows if row["symbol"] == SYMBOLS[market])


async def wallet(talk: Talk, market: Market) -> Decimal:
    version = "v2" if market is Market.USDM else "v1"
    rows = await talk.order(f"GET {STARTS[market]}/{version}/balance")
    return Decimal(rows[0]["balance"])


# --- positions


@pytest.mark.parametrize(
    ("market", "fills", "expected"),
    [
        (Market.USDM, [("2", "100"), ("2", "110")], ("4", "105", "0")),
        (Market.USDM, [("2", "100"), ("-1", "110")], ("1", "100", "10")),
        (Market.USDM, [("-2", "100"), ("2", "110")], ("0", "0", "-20")),
        (Market.USDM, [("2", "100"), ("-3", "110")], ("-1", "110", "20")),
        (Market.COINM, [("1", "100"), ("1", "200")], ("2", "133.33333333", "0")),
        (Market.COINM, [("4", "100"), ("-2", "200")], ("2", "100", "1")),
        (Market.COINM, [("-4", "100"), ("4", "200")], ("0", "0", "-2")),
    ],
)
def test_fills_make_a_position_and_closing_it_gains(market: Market, fills: Any, expected: Any) -> None:
    one = listed(market, SYMBOLS[market], "0.1", "1")
    held = Position()
    gained = sum(held.fill(one, Decimal(change), Decimal(price)) for change, price in fills)
    assert (held.amount, round(held.entry, 8), round(Decimal(gained), 8)) == tuple(map(Decimal, expected))
    assert held.gained == gained


@pytest.mark.parametrize("market", FUTURES)
async def test_an_order_lives_from_its_placing_to_its_last_fill(talk: Talk, market: Market) -> None:
    shop = desk(talk, market)
    before = await wallet(talk, market)
    async with private(talk, market) as line:
        placed = await place(talk, market, newClientOrderId="mine")
        assert (placed["status"], placed["clientOrderId"]) == ("NEW", "mine")
        new = await line.datum()
        assert (new["e"], new["o"]["x"], new["o"]["X"], new["o"]["i"]) == (
            *("ORDER_TRADE_UPDATE", "NEW", "NEW"),
            placed["orderId"],
        )
        order = shop.orders("main")[0]
        if market is Market.USDM:
            shop.fill(order, Decimal("0.4"), Decimal(30_000))
            lite, update, account = await line.data(3)
            assert (lite["e"], lite["l"], lite["L"]) == ("TRADE_LITE", "0.4", "30000")
            assert (update["o"]["X"], update["o"]["z"], update["o"]["n"]) == ("PARTIALLY_FILLED", "0.4", "2.4")
            assert lite["t"] == update["o"]["t"]
            shop.fill(order, Decimal("0.6"), Decimal(30_000))
            await line.datum()
        else:
            shop.fill(order, Decimal(1), Decimal(30_000))
        update, account = await line.data(2)
        assert (update["o"]["x"], update["o"]["X"], update["o"]["m"]) == ("TRADE", "FILLED", True)
        assert (account["e"], account["a"]["m"]) == ("ACCOUNT_UPDATE", "ORDER")
        [row] = account["a"]["P"]
        assert (row["s"], row["pa"], row["ep"]) == (SYMBOLS[market], "1", "30000")
        fees = sum(part.fee for part in order.fills)
        assert await wallet(talk, market) == before - fees == Decimal(account["a"]["B"][0]["wb"])
        assert ("i" in account, "i" in update, update["o"].get("ma")) == (
            (False, False, None) if market is Market.USDM else (True, True, "BTC")
        )
    held = await position(talk, market)
    assert (Decimal(held["positionAmt"]), held["entryPrice"]) == (1, "30000")
    row = await talk.order(f"GET {STARTS[market]}/v1/order", symbol=SYMBOLS[market], orderId=placed["orderId"])
    assert (row["status"], Decimal(row["executedQty"])) == ("FILLED", 1)
    trades = await talk.order(f"GET {STARTS[market]}/v1/userTrades", symbol=SYMBOLS[market])
    assert sum(Decimal(one["qty"]) for one in trades) == 1
    assert trades[-1]["id"] == update["o"]["t"]


@pytest.mark.parametrize("market", FUTURES)
async def test_closing_a_position_gains_what_rest_and_events_say(talk: Talk, market: Market) -> None:
    shop = desk(talk, market)
    await place(talk, market)
    shop.fill(shop.orders("main")[0], Decimal(1), Decimal(30_000))
    before = await wallet(talk, market)
    async with private(talk, market) as line:
        await place(talk, market, side="SELL", price="90000", reduceOnly="true")
        shop.fill(shop.orders("main")[1], Decimal(1), Decimal(60_000))
        events = await line.data(4 if market is Market.USDM else 3)
    update, account = events[-2:]
    gained = Decimal(30_000) if market is Market.USDM else Decimal(100) / 30_000 - Decimal(100) / 60_000
    assert Decimal(update["o"]["rp"]) == round(gained, 8)
    assert account["a"]["P"][0]["pa"] == "0"
    assert await wallet(talk, market) == before + round(gained, 8) - Decimal(update["o"]["n"])
    held = await position(talk, market)
    assert (Decimal(held["positionAmt"]), held["entryPrice"]) == (0, "0")


@pytest.mark.parametrize("market", FUTURES)
async def test_cancelled_and_expired_orders_are_told(talk: Talk, market: Market) -> None:
    async with private(talk, market) as line:
        placed = await place(talk, market)
        query = {"symbol": SYMBOLS[market], "orderId": placed["orderId"]}
        assert (await talk.order(f"GET {STARTS[market]}/v1/openOrder", **query))["status"] == "NEW"
        answer = await talk.order(f"DELETE {STARTS[market]}/v1/order", **query)
        assert answer["status"] == "CANCELED"
        assert (await place(talk, market, timeInForce="IOC"))["status"] == "EXPIRED"
        assert [one["o"]["x"] for one in await line.data(4)] == ["NEW", "CANCELED", "NEW", "EXPIRED"]
        await place(talk, market)
        assert len(await talk.order(f"GET {STARTS[market]}/v1/openOrders")) == 1
        done = await talk.order(f"DELETE {STARTS[market]}/v1/allOpenOrders", symbol=SYMBOLS[market])
        assert done["code"] == 200
        assert await talk.order(f"GET {STARTS[market]}/v1/openOrders", symbol=SYMBOLS[market]) == []
        every = await talk.order(f"GET {STARTS[market]}/v1/allOrders", symbol=SYMBOLS[market])
        assert [row["status"] for row in every] == ["CANCELED", "EXPIRED", "CANCELED"]
    assert (await talk.sign(f"GET {STARTS[market]}/v1/openOrder", **query))[1]["code"] == -2013


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "STOP_MARKET"}, -1116),
        ({"quantity": "0.0001"}, -1111),
        ({"price": "0.01"}, -1111),
        ({"quantity": "1000000"}, -2019),
        ({"side": "SELL", "reduceOnly": "true", "price": "99000"}, -2022),
        ({"timeInForce": "GTX", "price": "99000"}, -5022),
    ],
)
async def test_an_order_that_is_not_taken_changes_nothing(talk: Talk, changes: Any, code: int) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    status, refusal, _ = await talk.sign("POST /fapi/v1/order", **{**order, "price": "30000", **changes})
    assert (status, refusal["code"]) == (400, code)
    assert desk(talk, Market.USDM).orders("main") == []


async def test_margin_is_what_positions_and_orders_use(talk: Talk) -> None:
    await place(talk, Market.USDM, quantity="2", price="20000")
    account = await talk.order("GET /fapi/v2/account")
    assert Decimal(account["availableBalance"]) == 100_000 - 40_000 / 20
    changed = await talk.order("POST /fapi/v1/leverage", symbol="BTCUSDT", leverage=10)
    assert changed["leverage"] == 10
    account = await talk.order("GET /fapi/v3/account")
    assert Decimal(account["availableBalance"]) == 100_000 - 40_000 / 10
    assert account["totalWalletBalance"] == "100000"
    assert (await talk.sign("POST /fapi/v1/leverage", symbol="BTCUSDT", leverage=126))[1]["code"] == -4028
    [config] = await talk.order("GET /fapi/v1/symbolConfig", symbol="BTCUSDT")
    assert config["leverage"] == 10


async def test_leverage_funding_and_transfers_are_told(talk: Talk) -> None:
    shop = desk(talk, Market.USDM)
    async with private(talk, Market.USDM) as line:
        shop.lever("main", "BTCUSDT", 5)
        assert (await line.datum())["ac"] == {"s": "BTCUSDT", "l": 5}
        shop.transfer("main", "USDT", Decimal(-10))
        account = (await line.datum())["a"]
        assert (account["m"], account["B"], account["P"]) == (
            "WITHDRAW",
            [{"a": "USDT", "wb": "99990", "cw": "99990", "bc": "-10"}],
            [],
        )
        await place(talk, Market.USDM, quantity="0.5")
        shop.fill(shop.orders("main")[0], Decimal("0.5"), Decimal(30_000))
        await line.data(4)
        shop.fund("main", "BTCUSDT", Decimal("0.001"))
        paid = (await line.datum())["a"]
        assert (paid["m"], paid["S"]) == ("FUNDING_FEE", "BTCUSDT")
        assert Decimal(paid["B"][0]["bc"]) == -(shop.mark("BTCUSDT") * Decimal("0.0005"))


# --- listenKeys


@pytest.mark.parametrize("market", FUTURES)
async def test_a_key_is_the_same_until_it_is_deleted(talk: Talk, market: Market) -> None:
    route = f"{STARTS[market]}/v1/listenKey"
    assert (await talk.call(f"PUT {route}"))[1]["code"] == -1125
    key = await key_of(talk, market)
    assert await key_of(talk, market) == key
    assert (await talk.call(f"PUT {route}"))[1] == {"listenKey": key}
    async with private(talk, market) as line:
        assert (await talk.call(f"DELETE {route}"))[1] == {}
        assert await line.closed() == 1000
    assert await key_of(talk, market) != key
    assert (await talk.call(f"POST {route}", key="nobodysKey"))[0] == 401


@pytest.mark.parametrize("market", FUTURES)
async def test_a_key_lives_an_hour_from_its_last_use_and_its_end_is_told(
    talk: Talk, clock: Hand, market: Market
) -> None:
    async with private(talk, market) as line:
        key = await key_of(talk, market)
        clock.now += 3599
        assert (await talk.call(f"PUT {STARTS[market]}/v1/listenKey"))[0] == 200
        clock.now += 3599
        tick(talk.venue)
        await line.ask("LIST_SUBSCRIPTIONS")
        assert not line._data
        clock.now += 1
        tick(talk.venue)
        assert await line.datum() == {"e": "listenKeyExpired", "E": talk.venue.now_ms(), "listenKey": key}
        await place(talk, market)
        await line.ask("LIST_SUBSCRIPTIONS")
        assert not line._data
    assert (await talk.call(f"PUT {STARTS[market]}/v1/listenKey"))[1]["code"] == -1125


@pytest.mark.parametrize(
    ("path", "hears"),
    [
        (
            "/private/ws?listenKey={key}",
            ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"],
        ),
        ("/private/ws?listenKey={key}&events=ACCOUNT_UPDATE", ["ACCOUNT_UPDATE"]),
        ("/private/ws?listenKey={key}&events=TRADE_LITE/ACCOUNT_UPDATE", ["TRADE_LITE", "ACCOUNT_UPDATE"]),
        ("/private/ws/{key}", []),
        ("/public/ws?listenKey={key}", []),
        ("/private/ws?listenKey=unknown&events=ACCOUNT_UPDATE", []),
        ("/dstream.binance.com/ws/{key}", []),
    ],
)
async def test_usdm_hears_what_its_address_names(talk: Talk, path: str, hears: list[str]) -> None:
    key = await key_of(talk, Market.USDM)
    async with talk.line(path.format(key=key)) as line:
        await place(talk, Market.USDM, type="MARKET", timeInForce=None, price=None)
        await line.ask("LIST_SUBSCRIPTIONS")
        assert [one["e"] for one in line._data] == hears


async def test_a_venue_may_insist_on_events_that_are_named() -> None:
    async with talking(BinanceVenue(rate=None, settings=Settings(needs_events=True))) as talk:
        key = await key_of(talk, Market.USDM)
        async with (
            talk.line(f"/private/ws?listenKey={key}") as silent,
            talk.line(f"/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE") as told,
        ):
            await place(talk, Market.USDM)
            assert (await told.datum())["e"] == "ORDER_TRADE_UPDATE"
            await silent.ask("LIST_SUBSCRIPTIONS")
            assert not silent._data


async def test_combined_connections_wrap_events_with_the_key(talk: Talk) -> None:
    key = await key_of(talk, Market.USDM)
    async with (
        talk.line(f"/private/stream?listenKey={key}&events=ORDER_TRADE_UPDATE") as by_address,
        talk.line("/private/stream") as by_request,
    ):
        assert await by_request.ask("SUBSCRIBE", [key]) == {"result": None, "id": 1}
        await place(talk, Market.USDM)
        for line in (by_address, by_request):
            event = await line.datum()
            assert (event["stream"], event["data"]["e"]) == (key, "ORDER_TRADE_UPDATE")


async def test_a_revoked_key_takes_its_listen_keys_with_it(talk: Talk) -> None:
    async with private(talk, Market.USDM) as line:
        talk.venue.accounts.revoke("main")
        assert (await talk.call("PUT /fapi/v1/listenKey"))[1]["code"] == -2015
        assert (await line.ask("LIST_SUBSCRIPTIONS"))["result"] == []


async def test_private_events_can_be_held_back_by_their_kind(talk: Talk) -> None:
    talk.venue.faults.stalled_streams.add("ORDER_TRADE_UPDATE")
    async with private(talk, Market.USDM) as line:
        await place(talk, Market.USDM, type="MARKET", timeInForce=None, price=None)
        await line.ask("LIST_SUBSCRIPTIONS")
        assert [one["e"] for one in line._data] == ["TRADE_LITE", "ACCOUNT_UPDATE"]
