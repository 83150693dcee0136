"""python-binance: sockets of all three markets, its depth cache, and what users' sockets bring."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, DepthCacheManager
from binance.enums import FuturesType
from place import KEY, SECRET, Place, levels

from gateway_binance.venue.hosts import Market

COINM = {"futures_type": FuturesType.COIN_M}


def replaced(place: Place, kind: type[Any]) -> type[Any]:
    """Return the class with its table of URLs replaced."""
    urls = {}
    for name in dir(kind):
        url = getattr(kind, name)
        if name.endswith("_URL") and isinstance(url, str) and "://" in url:
            parts = ("", "com") if url.count("{}") == 2 else ("com",)
            urls[name] = place.there(url.format(*parts))
    return type(kind.__name__, (kind,), urls)


@pytest.fixture
async def client(place: Place) -> AsyncIterator[Any]:
    opened = await replaced(place, AsyncClient).create(KEY, SECRET)
    yield opened
    await opened.close_connection()


@pytest.fixture
def sockets(place: Place, client: Any) -> Any:
    return replaced(place, BinanceSocketManager)(client)


async def hear(socket: Any, count: int = 1) -> list[Any]:
    async with socket as opened:
        return [await opened.recv() for _ in range(count)]


async def test_spots_sockets_bring_trades_candles_and_tickers(sockets: Any) -> None:
    [trade] = await hear(sockets.trade_socket("BTCUSDT"))
    [candle] = await hear(sockets.kline_socket("BTCUSDT"))
    [ticker] = await hear(sockets.symbol_ticker_socket("BTCUSDT"))
    assert (trade["e"], candle["e"], ticker["e"]) == ("trade", "kline", "24hrTicker")
    assert float(candle["k"]["l"]) <= float(trade["p"]) <= float(candle["k"]["h"])


async def test_futures_sockets_bring_trades_candles_and_marks(sockets: Any) -> None:
    [trade] = await hear(sockets.aggtrade_futures_socket("BTCUSDT"))
    [candle] = await hear(sockets.kline_futures_socket("BTCUSDT"))
    [mark] = await hear(sockets.symbol_mark_price_socket("BTCUSDT"))
    [quote] = await hear(sockets.symbol_ticker_futures_socket("BTCUSDT"))
    assert (trade["data"]["e"], candle["e"]) == ("aggTrade", "continuous_kline")
    assert (mark["data"]["e"], quote["data"]["e"]) == ("markPriceUpdate", "bookTicker")
    [contract] = await hear(sockets.aggtrade_futures_socket("BTCUSD_PERP", **COINM))
    assert contract["data"]["s"] == "BTCUSD_PERP"


async def test_the_depth_cache_is_the_exchanges_book(place: Place, client: Any, sockets: Any) -> None:
    cache = DepthCacheManager(client, symbol="BTCUSDT", bm=sockets, ws_interval=100)
    async with cache:
        for _ in range(20):
            await cache.recv()
        place.hold()
        while cache._last_update_id < place.number(Market.SPOT, "BTCUSDT"):
            await cache.recv()
        kept = cache.get_depth_cache()
        book = {"bids": levels(kept.get_bids()), "asks": levels(kept.get_asks())}
        assert book == place.book(Market.SPOT, "BTCUSDT")
        place.go()  # it closes with the next message


@pytest.mark.parametrize(("market", "symbol"), [(Market.USDM, "BTCUSDT"), (Market.COINM, "BTCUSD_PERP")])
async def test_futures_depth_is_the_best_of_the_book(
    place: Place, sockets: Any, market: Market, symbol: str
) -> None:
    kind = {} if market is Market.USDM else COINM
    async with sockets.futures_depth_socket(symbol, **kind) as socket:
        await socket.recv()
        place.hold()
        last = place.number(market, symbol)
        while (told := (await socket.recv())["data"])["u"] < last:
            pass
        book = place.book(market, symbol)
        place.go()  # it closes with the next message
    for side, letter, best_first in (("bids", "b", True), ("asks", "a", False)):
        best = sorted(book[side].items(), reverse=best_first)[:10]
        assert sorted(levels(told[letter]).items(), reverse=best_first) == best


async def test_spots_user_is_told_of_its_orders(client: Any, sockets: Any) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    async with sockets.user_socket() as user:
        placed = await client.create_order(**order, price="30000")
        report, position = [await user.recv() for _ in range(2)]
        assert (report["i"], report["X"], position["e"]) == (placed["orderId"], "NEW", "outboundAccountPosition")
        [row] = await client.get_open_orders()
        assert row["orderId"] == placed["orderId"]
        over_ws = await client.ws_cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
        assert over_ws["status"] == "CANCELED"
        report, position = [await user.recv() for _ in range(2)]
        assert (report["X"], position["B"][1]["l"]) == ("CANCELED", "0.00000000")
    rows = {row["asset"]: row for row in (await client.get_account())["balances"]}
    assert rows["USDT"]["free"] == "100000.00000000"


@pytest.mark.parametrize("coinm", [False, True])
async def test_futures_users_are_told_of_fills_and_positions(client: Any, sockets: Any, coinm: bool) -> None:
    if coinm:
        socket, order, symbol = sockets.coin_futures_user_socket, client.futures_coin_create_order, "BTCUSD_PERP"
        kinds = ["ORDER_TRADE_UPDATE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]
    else:
        socket, order, symbol = sockets.futures_user_socket, client.futures_create_order, "BTCUSDT"
        kinds = ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]
    async with socket() as user:
        placed = await order(symbol=symbol, side="BUY", type="MARKET", quantity="1")
        events = [await user.recv() for _ in kinds]
    assert [one["e"] for one in events] == kinds
    assert events[-2]["o"]["i"] == placed["orderId"]
    held = events[-1]["a"]["P"][0]
    rows = await (client.futures_coin_position_information if coinm else client.futures_position_information)()
    assert float(rows[0]["positionAmt"]) == float(held["pa"]) == 1


async def test_margins_socket_opens_with_a_token(sockets: Any) -> None:
    async with sockets.margin_socket() as user:
        assert user._subscription_id == 0
        await asyncio.sleep(0)
