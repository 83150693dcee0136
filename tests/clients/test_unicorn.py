"""unicorn-binance-websocket-api, with its REST client and its local depth cache: the threads of it in full."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from place import KEY, SECRET, Place, levels, until
from unicorn_binance_local_depth_cache import BinanceLocalDepthCacheManager
from unicorn_binance_rest_api import BinanceRestApiManager
from unicorn_binance_websocket_api import BinanceWebSocketApiManager

from gateway_binance.venue.hosts import Market

EXCHANGES = {
    Market.SPOT: ("binance.com", "wss://stream.binance.com:9443/", "wss://ws-api.binance.com/ws-api/v3"),
    Market.USDM: ("binance.com-futures", "wss://fstream.binance.com/", "wss://ws-fapi.binance.com/ws-fapi/v1"),
    Market.COINM: ("binance.com-coin_futures", "wss://dstream.binance.com/", None),
}
SYMBOLS = {Market.SPOT: "BTCUSDT", Market.USDM: "BTCUSDT", Market.COINM: "BTCUSD_PERP"}
ORDERS = {
    Market.SPOT: ("create_order", ["executionReport", "outboundAccountPosition"] * 2),
    Market.USDM: (
        "futures_create_order",
        ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"],
    ),
    Market.COINM: ("futures_coin_create_order", ["ORDER_TRADE_UPDATE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]),
}
QUIET = {"warn_on_update": False, "disable_colorama": True}
COIN_URL = "https://dapi.binance.com/dapi"
"""Where COIN-M is; the client's own table has USD-M's host there."""


def rest_of(place: Place, market: Market) -> Any:
    class Rest(BinanceRestApiManager):
        """The client with its URLs replaced before its first request, which it makes when it is made."""

        def _init_session(self) -> Any:
            for name in ("API_URL", "MARGIN_API_URL", "FUTURES_URL"):
                setattr(self, name, place.there(getattr(self, name)))
            self.FUTURES_COIN_URL = place.there(COIN_URL)
            return super()._init_session()

    return Rest(KEY, SECRET, exchange=EXCHANGES[market][0], **QUIET)


@contextlib.contextmanager
def manager_of(place: Place, market: Market) -> Iterator[Any]:
    exchange, stream, api = EXCHANGES[market]
    rest = rest_of(place, market)
    manager = BinanceWebSocketApiManager(
        exchange=exchange,
        output_default="dict",
        websocket_base_uri=place.there(stream),
        websocket_api_base_uri=api and place.there(api),
        ubra_manager=rest,
        **QUIET,
    )
    manager.restclient.ubra = rest  # it makes another of its own, with the real URLs, for listenKeys
    try:
        yield manager
    finally:
        manager.stop_manager()
        rest.stop_manager()


@contextlib.asynccontextmanager
async def opened(place: Place, market: Market) -> Any:
    """Its calls block, so they are made in threads: the exchange runs on this one's loop."""
    context = manager_of(place, market)
    manager = await asyncio.to_thread(context.__enter__)
    try:
        yield manager
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


async def hear(manager: Any, done: Any) -> list[Any]:
    """Take what comes until ``done`` with it."""
    heard: list[Any] = []

    def take() -> bool:
        while one := manager.pop_stream_data_from_stream_buffer():
            heard.append(one)
        return bool(done(heard))

    await until(take)
    return heard


@pytest.mark.parametrize("market", Market)
async def test_public_streams_bring_trades_candles_and_quotes(place: Place, market: Market) -> None:
    symbol = SYMBOLS[market].lower()
    async with opened(place, market) as manager:
        for kinds in (["aggTrade", "kline_1m"], ["bookTicker", "depth@100ms"]):  # USD-M: one category for each
            await asyncio.to_thread(manager.create_stream, kinds, [symbol])
        wanted = {f"{symbol}@{kind}" for kind in ("aggTrade", "kline_1m", "bookTicker", "depth@100ms")}
        heard = await hear(manager, lambda found: wanted <= {one.get("stream") for one in found})
    assert {one["data"]["s"] for one in heard if "data" in one} == {SYMBOLS[market]}


@pytest.mark.parametrize("market", Market)
async def test_a_user_is_told_of_its_orders(place: Place, market: Market) -> None:
    call, kinds = ORDERS[market]
    async with opened(place, market) as manager:
        stream = await asyncio.to_thread(manager.create_stream, "arr", "!userData", api_key=KEY, api_secret=SECRET)
        await until(lambda: any(listens(one) for one in place.venue.clients()))
        order = {"symbol": SYMBOLS[market], "side": "BUY", "type": "MARKET", "quantity": "1"}
        placed = await asyncio.to_thread(lambda: getattr(manager.ubra, call)(**order))
        events = await hear(manager, lambda found: len([one for one in found if kind(one)]) == len(kinds))
        assert [kind(one) for one in events if kind(one)] == kinds
        assert placed["status"] == "FILLED" or market is not Market.SPOT
        await asyncio.to_thread(manager.stop_stream, stream)


def kind(message: Any) -> str | None:
    return message.get("e") or message.get("event", {}).get("e") if isinstance(message, dict) else None


def listens(socket: Any) -> bool:
    """Say whether a connection gets an account's events."""
    return bool(socket.streams) or bool(socket.door.api and socket.frames)


@pytest.mark.parametrize("market", [Market.SPOT, Market.USDM])
async def test_the_local_depth_cache_is_the_exchanges_book(place: Place, market: Market) -> None:
    exchange, stream, _ = EXCHANGES[market]

    def start() -> Any:
        made = BinanceLocalDepthCacheManager(exchange=exchange, ubra_manager=rest_of(place, market), **QUIET)
        made.ubwa.websocket_base_uri = place.there(stream)
        made.create_depth_cache("BTCUSDT")
        return made

    cache = await asyncio.to_thread(start)
    try:
        await until(lambda: cache.is_depth_cache_synchronized("BTCUSDT"))
        await asyncio.sleep(1)
        place.hold()
        book = place.book(market, "BTCUSDT")
        await until(lambda: kept(cache) == book)
    finally:
        await asyncio.to_thread(cache.stop_manager)


def kept(cache: Any) -> Any:
    return {"bids": levels(cache.get_bids("BTCUSDT")), "asks": levels(cache.get_asks("BTCUSDT"))}
