"""
Public clients share one upstream: the exchange is asked for each stream once, and every client gets all of it.

Their base URLs alone point at the gateway; two clients of the gateway's own protocol listen beside them.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest
from binance import AsyncClient, BinanceSocketManager, DepthCacheManager
from place import Place, levels, until
from sharing import EXCHANGES, Sharing
from unicorn_binance_rest_api import BinanceRestApiManager
from unicorn_binance_websocket_api import BinanceWebSocketApiManager

from gateway.client import connect
from gateway_binance.venue.hosts import Market

TRADES, DEPTH = "btcusdt@trade", "btcusdt@depth@100ms"
LONG = 2.0
"""Seconds for which the exchange speaks."""
CCXT = {
    Market.SPOT: ("BTC/USDT", "btcusdt"),
    Market.USDM: ("BTC/USDT:USDT", "btcusdt"),
    Market.COINM: ("BTC/USD:BTC", "btcusd_perp"),
}


@pytest.fixture
async def sharing(place: Place) -> AsyncIterator[Sharing]:
    """A gateway between the exchange and its clients."""
    async with Sharing(place) as opened:
        yield opened


class PythonBinance:
    """python-binance: what one multiplexed socket brings."""

    def __init__(self, sharing: Sharing) -> None:
        self.trades: list[int] = []
        self.updates: list[int] = []
        self._sharing = sharing

    async def run(self) -> None:
        client = await replaced(self._sharing, AsyncClient).create()
        sockets = replaced(self._sharing, BinanceSocketManager)(client)
        try:
            async with sockets.multiplex_socket([TRADES, DEPTH]) as socket:
                while True:
                    self._take(await socket.recv())
        finally:
            await client.close_connection()

    def _take(self, message: Any) -> None:
        if message["stream"] == TRADES:
            self.trades.append(message["data"]["t"])
        else:
            self.updates.append(message["data"]["u"])


class Ccxt:
    """ccxt pro: trades, and a book that it keeps itself."""

    def __init__(self, sharing: Sharing) -> None:
        self.trades: list[int] = []
        self.book: Any = {"nonce": 0}
        self._client = ccxt_of(sharing)

    async def run(self) -> None:
        try:
            await asyncio.gather(self._watch_trades(), self._watch_book())
        finally:
            await self._client.close()

    async def _watch_trades(self) -> None:
        while True:
            self.trades += [int(one["id"]) for one in await self._client.watch_trades("BTC/USDT")]

    async def _watch_book(self) -> None:
        while True:
            self.book = await self._client.watch_order_book("BTC/USDT")


class Own:
    """A client of the gateway's own protocol: trades and the book, and the same streams raw if it likes."""

    def __init__(self, sharing: Sharing, *, raw: bool) -> None:
        self.trades: list[int] = []
        self.raw_trades: list[int] = []
        self.sides: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
        self.seq = 0
        self._sharing = sharing
        self._topics = ["binance:trades:BTC-USDT", "binance:book:BTC-USDT"]
        if raw:
            self._topics += [f"binance:raw:{TRADES}", f"binance:raw:{DEPTH}"]

    async def run(self) -> None:
        async with connect(f"ws://{self._sharing.at}", queue=10_000) as client:
            async for message in client.subscribe(self._topics):
                assert message["type"] in {"update", "snapshot", "status"}, message
                self._take(message)

    def _take(self, message: Any) -> None:
        channel = message["topic"].split(":")[1]
        if message["type"] == "status":
            assert message["status"] in {"live", "pending"}, message
        elif channel == "trades":
            self.trades += [one["id"] for one in message["data"]]
        elif channel == "book":
            self._apply(message["type"], message["data"][0])
        elif message["topic"].endswith(TRADES):
            self.raw_trades.append(message["data"]["data"]["t"])

    def _apply(self, kind: str, book: Any) -> None:
        for side, kept in self.sides.items():
            if kind == "snapshot":
                kept.clear()
            kept.update(levels(book.get(side, ())))
            for price in [price for price, size in kept.items() if not size]:
                del kept[price]
        self.seq = book["seq"]


def replaced(sharing: Sharing, kind: type[Any]) -> type[Any]:
    """Return python-binance's class with its table of URLs replaced."""
    urls = {}
    for name in dir(kind):
        url = getattr(kind, name)
        if name.endswith("_URL") and isinstance(url, str) and "://" in url:
            urls[name] = sharing.there(url.format(*(("", "com") if url.count("{}") == 2 else ("com",))))
    return type(kind.__name__, (kind,), urls)


def ccxt_of(sharing: Sharing) -> Any:
    def everywhere(urls: Any) -> Any:
        if isinstance(urls, dict):
            return {name: everywhere(one) for name, one in urls.items()}
        here = sharing.there(urls)
        # It takes for spot what has "/stream" in its URL.
        is_spot = urls.startswith("wss://stream.")
        return here.replace("/native/binance/", "/native/binance/stream.binance.com/") if is_spot else here

    client = ccxt.pro.binance()
    client.urls["api"] = everywhere(client.urls["api"])
    return client


@contextlib.contextmanager
def unicorn_of(sharing: Sharing, exchange: str, stream: str) -> Any:
    class Rest(BinanceRestApiManager):
        """Its URLs are replaced before its first request, which it makes when it is made."""

        def _init_session(self) -> Any:
            for name in ("API_URL", "FUTURES_URL"):
                setattr(self, name, sharing.there(getattr(self, name)))
            self.FUTURES_COIN_URL = sharing.there("https://dapi.binance.com/dapi")
            return super()._init_session()

    quiet = {"warn_on_update": False, "disable_colorama": True}
    rest = Rest(exchange=exchange, **quiet)
    manager = BinanceWebSocketApiManager(
        exchange=exchange,
        output_default="dict",
        websocket_base_uri=sharing.there(stream),
        ubra_manager=rest,
        **quiet,
    )
    try:
        yield manager
    finally:
        manager.stop_manager()
        rest.stop_manager()


@contextlib.asynccontextmanager
async def unicorn(sharing: Sharing, exchange: str, stream: str) -> AsyncIterator[Any]:
    """Its calls block, so they are made in threads: the gateway runs on this one's loop."""
    context = unicorn_of(sharing, exchange, stream)
    manager = await asyncio.to_thread(context.__enter__)
    try:
        yield manager
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


@contextlib.asynccontextmanager
async def running(*clients: Any) -> AsyncIterator[None]:
    """Let clients run; one that fails is told."""
    tasks = [asyncio.create_task(client.run()) for client in clients]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_five_clients_at_once_share_each_stream_and_get_all_of_it(sharing: Sharing) -> None:
    place = sharing.place
    place.hold()
    python_binance, pro = PythonBinance(sharing), Ccxt(sharing)
    first, second = Own(sharing, raw=False), Own(sharing, raw=True)
    heard: list[Any] = []
    async with (
        unicorn(sharing, "binance.com", "wss://stream.binance.com:9443/") as manager,
        running(python_binance, pro, first, second),
    ):
        await asyncio.to_thread(manager.create_stream, ["trade", "depth@100ms"], ["btcusdt"])
        await sharing.joined(f"binance:raw:{TRADES}", 4)
        await sharing.joined(f"binance:raw:{DEPTH}", 4)
        await sharing.joined("binance:trades:BTC-USDT", 2)
        await sharing.joined("binance:book:BTC-USDT", 2)
        await until(lambda: sharing.asked().keys() >= {TRADES, DEPTH})
        place.go()
        await asyncio.sleep(LONG)
        place.hold()
        trades, updates = sharing.numbers(TRADES, "t"), sharing.numbers(DEPTH, "u")
        assert len(trades) > 20
        assert len(updates) > 10

        def all_there() -> bool:
            while one := manager.pop_stream_data_from_stream_buffer():
                heard.append(one)
            everyone = (python_binance.trades, pro.trades, first.trades, second.trades, second.raw_trades)
            books = (python_binance.updates or [0])[-1], pro.book["nonce"], first.seq, second.seq
            return {len(one) for one in (*everyone, told(heard, TRADES, "t"))} == {len(trades)} and {
                *books,
                *told(heard, DEPTH, "u")[-1:],
            } == {updates[-1]}

        await until(all_there)
    assert python_binance.trades == pro.trades == trades
    assert first.trades == second.trades == second.raw_trades == trades
    assert told(heard, TRADES, "t") == trades
    assert python_binance.updates == told(heard, DEPTH, "u") == updates
    book = place.book(Market.SPOT, "BTCUSDT")
    assert {side: levels(pro.book[side]) for side in ("bids", "asks")} == book
    assert first.sides == second.sides == book
    assert sharing.asked() == {TRADES: 1, DEPTH: 1}


def told(heard: list[Any], stream: str, key: str) -> list[int]:
    return [one["data"][key] for one in heard if one.get("stream") == stream]


async def test_a_depth_cache_of_python_binance_is_the_exchanges_book(sharing: Sharing) -> None:
    place = sharing.place
    client = await replaced(sharing, AsyncClient).create()
    sockets = replaced(sharing, BinanceSocketManager)(client)
    try:
        async with DepthCacheManager(client, symbol="BTCUSDT", bm=sockets, ws_interval=100) as cache:
            for _ in range(10):
                await cache.recv()
            place.hold()
            while cache._last_update_id < place.number(Market.SPOT, "BTCUSDT"):
                await cache.recv()
            kept = cache.get_depth_cache()
            book = {"bids": levels(kept.get_bids()), "asks": levels(kept.get_asks())}
            assert book == place.book(Market.SPOT, "BTCUSDT")
            place.go()  # it closes with the next message
    finally:
        await client.close_connection()


@pytest.mark.parametrize("market", [Market.USDM, Market.COINM])
async def test_futures_are_shared_by_ccxt_and_unicorn(sharing: Sharing, market: Market) -> None:
    symbol, native = CCXT[market]
    exchange, stream = {
        Market.USDM: ("binance.com-futures", "wss://fstream.binance.com/"),
        Market.COINM: ("binance.com-coin_futures", "wss://dstream.binance.com/"),
    }[market]
    pro, trades = ccxt_of(sharing), f"{native}@aggTrade"
    pro.options["watchTrades"]["name"] = "aggTrade"
    sharing.place.hold()
    ids: list[int] = []
    heard: list[Any] = []

    async def watch() -> None:
        while True:
            ids.extend(int(one["id"]) for one in await pro.watch_trades(symbol))

    async with unicorn(sharing, exchange, stream) as manager:
        watching = asyncio.create_task(watch())
        await asyncio.to_thread(manager.create_stream, ["aggTrade"], [native])
        await sharing.joined(f"{EXCHANGES[market]}:raw:{trades}", 2)
        await until(lambda: trades in sharing.asked())
        sharing.place.go()
        await asyncio.sleep(LONG)
        sharing.place.hold()
        sent = sharing.numbers(trades, "a", market)
        assert len(sent) > 5

        def all_there() -> bool:
            while one := manager.pop_stream_data_from_stream_buffer():
                heard.append(one)
            return len(ids) >= len(sent) <= len(told(heard, trades, "a"))

        await until(all_there)
        watching.cancel()
        await asyncio.wait({watching})
        await pro.close()
    assert ids == told(heard, trades, "a") == sent
    assert sharing.asked() == {trades: 1}


PAGE = (Path(__file__).parents[2] / "docs" / "binance.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- native: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))


def run(sharing: Sharing, name: str) -> dict[str, Any]:
    """Run an example of the documentation, but for the port; return what it has made."""
    made: dict[str, Any] = {}
    exec(EXAMPLES[name].replace("127.0.0.1:8765", sharing.at), made)
    return made


async def test_the_documented_lines_are_all_that_python_binance_needs(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, name in ((AsyncClient, "API_URL"), (BinanceSocketManager, "STREAM_URL")):
        monkeypatch.setattr(kind, name, "")  # and so put back in the end
    run(sharing, "python-binance")
    client = await AsyncClient.create()
    try:
        async with BinanceSocketManager(client).trade_socket("BTCUSDT") as socket:
            assert (await socket.recv())["s"] == "BTCUSDT"
    finally:
        await client.close_connection()


async def test_the_documented_lines_are_all_that_ccxt_needs(sharing: Sharing) -> None:
    exchange = run(sharing, "ccxt")["exchange"]
    try:
        [trade, *_] = await exchange.watch_trades("BTC/USDT")
        book = await exchange.watch_order_book("BTC/USDT")
        assert (trade["symbol"], book["symbol"]) == ("BTC/USDT", "BTC/USDT")
    finally:
        await exchange.close()


async def test_the_documented_lines_are_all_that_unicorn_needs(sharing: Sharing) -> None:
    manager = (await asyncio.to_thread(run, sharing, "unicorn"))["manager"]
    heard: list[Any] = []

    def comes() -> bool:
        while one := manager.pop_stream_data_from_stream_buffer():
            heard.append(json.loads(one))
        return any(one.get("stream") == TRADES for one in heard)

    try:
        await asyncio.to_thread(manager.create_stream, ["trade"], ["btcusdt"])
        await until(comes)
    finally:
        await asyncio.to_thread(manager.stop_manager)
