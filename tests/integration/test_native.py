"""
Native clients of a gateway before Binance's venue: the bytes are the exchange's, and so is a book made of them.

Nothing moves at the exchange but when a test lets it.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from gateway import Gateway
from gateway.client import connect
from gateway.serving import Server
from gateway_binance.venue.events import Event
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.replay import BinanceVenue

NAMES = {Market.SPOT: "binance", Market.USDM: "binance-usdm", Market.COINM: "binance-coinm"}
PLACES = {Market.SPOT: "", Market.USDM: "/public", Market.COINM: ""}
APIS = {Market.SPOT: "/api/v3", Market.USDM: "/fapi/v1", Market.COINM: "/dapi/v1"}
SYMBOLS = {Market.SPOT: "BTCUSDT", Market.USDM: "BTCUSDT", Market.COINM: "BTCUSD_PERP"}
OURS = {Market.SPOT: "BTC-USDT", Market.USDM: "BTC-USDT-PERP", Market.COINM: "BTC-USD-PERP"}
PATIENCE = 30.0


class Stage:
    """The venue, the gateway before it, and what the venue has told."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self.venue = BinanceVenue(rate=None)
        self.told: dict[tuple[Market, str], list[bytes]] = {}
        publish: Callable[[Market, Event], int] = self.venue.delivery.publish

        def noted(market: Market, event: Event) -> int:
            for name in event.names:
                self.told.setdefault((market, name), []).append(event.data)
            return publish(market, event)

        self.venue.delivery.publish = noted  # type: ignore[method-assign]

    async def start(self) -> None:
        await self.stack.enter_async_context(self.venue)
        endpoints = {
            name: {"endpoints": {**self.venue.addresses_of(market), "allow_plaintext": True}}
            for market, name in NAMES.items()
        }
        self.gateway = await self.stack.enter_async_context(Gateway({"exchanges": endpoints}, environ={}))
        self.server = Server(
            self.gateway.hub,
            self.gateway.operations,
            host="127.0.0.1",
            port=0,
            now=time.monotonic,
            wall_us=lambda: time.time_ns() // 1000,
            version="0",
        )
        await self.server.start()
        self.stack.push_async_callback(self.server.stop, 1.0)
        self.http = await self.stack.enter_async_context(aiohttp.ClientSession())

    def url(self, market: Market, path: str) -> str:
        host, port = self.server.address
        return f"http://{host}:{port}/native/{NAMES[market]}{path}"

    async def client(self, market: Market, path: str) -> aiohttp.ClientWebSocketResponse:
        return await self.stack.enter_async_context(self.http.ws_connect(self.url(market, PLACES[market] + path)))

    async def get(self, market: Market, path: str) -> tuple[int, bytes]:
        async with self.http.get(self.url(market, APIS[market] + path)) as reply:
            return reply.status, await reply.read()

    async def served(self, *streams: str) -> None:
        """Wait until the exchange serves streams."""
        await self.venue.wait_for(lambda: {*streams} <= {one for it in self.venue.clients() for one in it.streams})

    def asked(self) -> Counter[str]:
        return Counter(stream for wish in self.venue.subscribes for stream in wish.streams)

    def depths(self) -> int:
        return sum(request.path.endswith("/depth") for request in self.venue.requests)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with asyncio.timeout(120), AsyncExitStack() as stack:
        one = Stage(stack)
        await one.start()
        yield one


async def heard(ws: aiohttp.ClientWebSocketResponse, count: int) -> list[bytes]:
    async with asyncio.timeout(PATIENCE):
        return [(await ws.receive_str()).encode() for _ in range(count)]


def until(stage: Stage, key: tuple[Market, str], count: int) -> int:
    """Let the exchange go on until it has told so many; return how many it has."""
    while len(stage.told.get(key, ())) < count:
        stage.venue.tick()
    return len(stage.told[key])


@pytest.mark.parametrize("market", Market)
async def test_the_bytes_are_the_exchanges_and_each_stream_is_asked_for_once(stage: Stage, market: Market) -> None:
    trades = f"{SYMBOLS[market].lower()}@trade"
    bare = [await stage.client(market, f"/ws/{trades}") for _ in range(3)]
    wrapped = [await stage.client(market, f"/stream?streams={trades}") for _ in range(3)]
    host, port = stage.server.address
    async with connect(f"ws://{host}:{port}") as own:
        await own.subscribe(f"{NAMES[market]}:trades:{OURS[market]}")
        await stage.served(trades)
        count = until(stage, (market, trades), 30)
        told = stage.told[market, trades]
        for client in bare:
            assert await heard(client, count) == told
        for client in wrapped:
            assert await heard(client, count) == [
                b'{"stream":"%b","data":%b}' % (trades.encode(), one) for one in told
            ]
        ids = []
        while len(ids) < count:
            message = await anext(own)
            ids += [one["id"] for one in message["data"]] if message["type"] == "update" else []
    assert ids == [json.loads(one)["t"] for one in told]
    assert stage.asked() == {trades: 1}


class Book:
    """A book that a client keeps by itself, as Binance documents it."""

    def __init__(self, is_futures: bool) -> None:
        self.is_futures = is_futures
        self.sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
        self.last = -1

    def load(self, snapshot: dict[str, Any]) -> None:
        self.sides = {side: dict(map(tuple, snapshot[name])) for side, name in (("b", "bids"), ("a", "asks"))}
        self.last = snapshot["lastUpdateId"]
        self.is_fresh = True

    def take(self, event: dict[str, Any]) -> None:
        if event["u"] < self.last or (not self.is_futures and event["u"] == self.last):
            return
        if self.is_fresh:
            first = self.last if self.is_futures else self.last + 1
            assert event["U"] <= first <= event["u"]
        else:
            assert (event["pu"] if self.is_futures else event["U"] - 1) == self.last
        self.is_fresh = False
        self.last = event["u"]
        for side, kept in self.sides.items():
            for price, size in event[side]:
                kept[price] = size
                if not float(size):
                    del kept[price]


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("market", Market)
async def test_a_book_and_what_changes_it_are_one(stage: Stage, market: Market, is_kept: bool) -> None:
    """Whether it is fetched, or the gateway keeps it for somebody else."""
    symbol = SYMBOLS[market]
    depth = f"{symbol.lower()}@depth@100ms"
    host, port = stage.server.address
    async with connect(f"ws://{host}:{port}") as own:
        if is_kept:
            await own.subscribe(f"{NAMES[market]}:book:{OURS[market]}")
            while (await anext(own))["type"] != "snapshot":
                pass
        client = await stage.client(market, f"/ws/{depth}")
        await stage.served(depth)
        fetched = stage.depths()
        until(stage, (market, depth), 3)
        buffered = [json.loads(one) for one in await heard(client, 1)]
        while buffered[-1]["u"] < json.loads(stage.told[market, depth][-1])["u"]:
            buffered += [json.loads(one) for one in await heard(client, 1)]
        status, snapshot = await stage.get(market, f"/depth?symbol={symbol}&limit={50 if is_kept else 1000}")
        assert status == 200
        assert stage.depths() - fetched == (0 if is_kept else 1)
        book = Book(market.is_futures)
        book.load(json.loads(snapshot))
        until(stage, (market, depth), len(stage.told[market, depth]) + 20)
        last = json.loads(stage.told[market, depth][-1])["u"]
        for event in buffered:
            book.take(event)
        while book.last < last:
            [event] = await heard(client, 1)
            book.take(json.loads(event))
    whole = stage.venue.made[market].symbol(symbol).book(5000)
    for side, theirs in (("b", whole.bids), ("a", whole.asks)):
        levels = [(str(price), str(size)) for price, size in theirs]
        best = [(price, book.sides[side].get(price)) for price, _ in levels[:30]]
        assert best == levels[:30]


async def test_a_book_that_many_want_is_fetched_once(stage: Stage) -> None:
    replies = await asyncio.gather(
        *(stage.get(Market.SPOT, "/depth?symbol=BTCUSDT&limit=1000") for _ in range(20))
    )
    assert len(set(replies)) == 1
    assert replies[0][0] == 200
    assert stage.depths() == 1


async def test_the_symbols_are_the_exchanges_own_bytes(stage: Stage) -> None:
    status, ours = await stage.get(Market.SPOT, "/exchangeInfo")
    async with stage.http.get(f"http://127.0.0.1:{stage.venue.port}/api/v3/exchangeInfo") as reply:
        theirs = json.loads(await reply.read())
    assert (status, {**json.loads(ours), "serverTime": 0}) == (200, {**theirs, "serverTime": 0})
    before = len(stage.venue.requests)
    assert (await stage.get(Market.SPOT, "/exchangeInfo"))[1] == ours
    assert len(stage.venue.requests) == before


async def test_what_the_exchange_refuses_is_told_in_its_words(stage: Stage) -> None:
    status, told = await stage.get(Market.SPOT, "/depth?symbol=NOPE")
    assert (status, json.loads(told)["code"]) == (400, -1121)


async def test_where_the_connection_breaks_clients_lose_theirs_and_come_back_to_a_whole_stream(
    stage: Stage,
) -> None:
    trades = "btcusdt@trade"
    client, quiet = (
        await stage.client(Market.SPOT, f"/ws/{trades}"),
        await stage.client(Market.SPOT, "/ws/x@trade"),
    )
    await stage.served(trades)
    count = until(stage, (Market.SPOT, trades), 5)
    await heard(client, count)
    for socket in tuple(stage.venue.clients()):
        socket.drop(rst=True)
    async with asyncio.timeout(PATIENCE):
        last = await client.receive()
    assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 1012)
    again = await stage.client(Market.SPOT, f"/ws/{trades}")
    await stage.served(trades)
    until(stage, (Market.SPOT, trades), count + 5)
    assert await heard(again, 5) == stage.told[Market.SPOT, trades][count : count + 5]
    await quiet.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
    assert json.loads((await heard(quiet, 1))[0])["result"] == ["x@trade"]


async def test_a_client_changes_what_it_has_while_it_runs(stage: Stage) -> None:
    client = await stage.client(Market.SPOT, "/ws/0")

    async def ask(method: str, *params: Any) -> Any:
        await client.send_json({"method": method, "params": params, "id": 1})
        async with asyncio.timeout(PATIENCE):
            return await client.receive_json()

    assert await ask("SUBSCRIBE", "btcusdt@trade", "nosuchthing@trade") == {"result": None, "id": 1}
    assert await ask("SUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 1}
    assert (await ask("LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@trade", "nosuchthing@trade"]
    assert (await ask("SUBSCRIBE", "nothing"))["code"] == 2
    assert (await ask("UNSUBSCRIBE", "nosuchthing@trade"))["result"] is None
    assert await ask("SET_PROPERTY", "combined", True) == {"result": None, "id": 1}
    await stage.served("btcusdt@trade")
    until(stage, (Market.SPOT, "btcusdt@trade"), 1)
    [first] = await heard(client, 1)
    assert first == b'{"stream":"btcusdt@trade","data":%b}' % stage.told[Market.SPOT, "btcusdt@trade"][0]


async def test_when_another_connection_takes_over_nothing_is_missed_doubled_or_closed(stage: Stage) -> None:
    trades = "btcusdt@trade"
    client = await stage.client(Market.SPOT, f"/ws/{trades}")
    await stage.served(trades)
    before = await heard(client, until(stage, (Market.SPOT, trades), 5))
    while stage.gateway.get_connection("binance/stream/0") is None:  # noqa: ASYNC110  # until the ack is there, too
        await asyncio.sleep(0.01)
    rolling = asyncio.ensure_future(stage.gateway.rollover("binance/stream/0"))
    while not rolling.done():
        stage.venue.tick()
        await asyncio.sleep(0.01)
    assert rolling.result() is True
    count = until(stage, (Market.SPOT, trades), len(stage.told[Market.SPOT, trades]) + 5)
    assert before + await heard(client, count - len(before)) == stage.told[Market.SPOT, trades]
    assert stage.venue.counts.upgrades == 2


async def test_a_book_that_somebody_wants_later_costs_native_clients_nothing(stage: Stage) -> None:
    depth = "btcusdt@depth@100ms"
    client = await stage.client(Market.SPOT, f"/ws/{depth}")
    await stage.served(depth)
    until(stage, (Market.SPOT, depth), 3)
    host, port = stage.server.address
    async with connect(f"ws://{host}:{port}") as own:
        await own.subscribe("binance:book:BTC-USDT")
        while (await anext(own))["type"] != "snapshot":
            stage.venue.tick()
    count = until(stage, (Market.SPOT, depth), len(stage.told[Market.SPOT, depth]) + 3)
    assert await heard(client, count) == stage.told[Market.SPOT, depth]
    assert stage.asked() == {depth: 1}
