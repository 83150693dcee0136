"""Every door of the exchange: which host has which path, what speaks where, and what a client may do there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from talk import NOW, Talk, talking, tick

from gateway.testing.sockets import VenueSocket
from gateway_binance.coinm import plugin as coinm
from gateway_binance.usdm import plugin as usdm
from gateway_binance.venue import micros
from gateway_binance.venue.hosts import DOORS, Category, Door, Market, routes, way
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.rules import SOCKET_RULES, SPOT_POOL, Quota, SocketRules
from gateway_binance.venue.settings import Settings
from gateway_binance.venue.streams import category_of, is_stream, names_of


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    async with talking(BinanceVenue(rate=None)) as opened:
        yield opened


# --- paths


@pytest.mark.parametrize(
    ("path", "door", "rest"),
    [
        ("/ws", Door(Market.SPOT), ""),
        ("/ws/a@trade/b@trade", Door(Market.SPOT), "a@trade/b@trade"),
        ("/stream", Door(Market.SPOT, combined=True), ""),
        ("/data-stream.binance.vision/ws", Door(Market.SPOT), ""),
        ("/public/ws/a", Door(Market.USDM, Category.PUBLIC), "a"),
        ("/market/stream", Door(Market.USDM, Category.MARKET, combined=True), ""),
        ("/fstream.binance.com/private/ws", Door(Market.USDM, Category.PRIVATE), ""),
        ("/fstream.binance.com/ws", Door(Market.USDM, Category.PUBLIC), ""),
        ("/dstream.binance.com/ws/key", Door(Market.COINM), "key"),
        ("/ws-api/v3", Door(Market.SPOT, api=True), ""),
        ("/ws-fapi.binance.com/ws-fapi/v1", Door(Market.USDM, api=True), ""),
        ("/ws-dapi/v1", Door(Market.COINM, api=True), ""),
    ],
)
def test_a_path_leads_to_its_door(path: str, door: Door, rest: str) -> None:
    assert way(path) == (door, rest)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/ws-api", "/api.binance.com/ws"])
def test_another_path_leads_nowhere(path: str) -> None:
    with pytest.raises(KeyError):
        way(path)


def test_rest_is_served_under_the_names_of_its_hosts_too() -> None:
    assert list(routes("GET", "/api/v3/time")) == [
        "GET /api/v3/time",
        "GET /api.binance.com/api/v3/time",
        "GET /data-api.binance.vision/api/v3/time",
    ]
    assert list(routes("GET", "/sapi/v1/x")) == ["GET /sapi/v1/x", "GET /api.binance.com/sapi/v1/x"]


async def test_the_endpoints_of_each_plugin_are_there(talk: Talk) -> None:
    for market, plugin in ((Market.USDM, usdm), (Market.COINM, coinm)):
        addresses = talk.venue.addresses_of(market)
        assert set(addresses) == {endpoint.name for endpoint in plugin.gateway_exchange_info().endpoints}
        for address in addresses.values():
            path = address.partition(str(talk.venue.port))[2]
            assert f"{path}/ws" in DOORS or path.startswith(("/fapi.binance.com", "/dapi.binance.com"))


async def test_every_door_opens(talk: Talk) -> None:
    for path, door in DOORS.items():
        async with talk.line(path) as line:
            method = "ping" if door.api else "LIST_SUBSCRIPTIONS"
            assert (await line.ask(method))["result"] == ({} if door.api else [])


# --- streams and categories


@pytest.mark.parametrize(
    ("stream", "category"),
    [
        ("a@trade", Category.PUBLIC),
        ("a@depth20@100ms", Category.PUBLIC),
        ("a@rpiDepth@500ms", Category.PUBLIC),
        ("!bookTicker", Category.PUBLIC),
        ("a@aggTrade", Category.MARKET),
        ("a@kline_1m", Category.MARKET),
        ("a_perpetual@continuousKline_1h", Category.MARKET),
        ("!ticker@arr", Category.MARKET),
        ("!contractInfo", Category.MARKET),
        ("tradingSession", Category.MARKET),
        ("k" * 64, Category.PRIVATE),
    ],
)
def test_a_stream_has_one_category(stream: str, category: Category) -> None:
    assert category_of(stream) is category


@pytest.mark.parametrize(("name", "is_one"), [("A@trade", False), ("a@", False), ("a", False), ("币@trade", True)])
def test_a_name_is_a_symbol_in_small_letters_and_a_kind(name: str, is_one: bool) -> None:
    assert is_stream(name) is is_one


def test_a_recorded_pace_stands_for_the_others() -> None:
    assert "a@depth" in names_of("a@depth@0ms")
    assert names_of("a@markPrice") == names_of("a@markPrice@1s")
    assert names_of("a@depth5") == ("a@depth5",)


async def test_a_stream_of_another_category_is_taken_and_stays_silent(talk: Talk) -> None:
    streams = ["btcusdt@trade", "btcusdt@aggTrade"]
    for category, spoken in (("public", 0), ("market", 1), ("private", None)):
        async with talk.line(f"/fstream.binance.com/{category}/stream") as line:
            assert await line.ask("SUBSCRIBE", streams) == {"result": None, "id": 1}
            tick(talk.venue, 40)
            assert await line.ask("LIST_SUBSCRIPTIONS") == {"result": streams, "id": 2}
            heard = {datum["stream"] for datum in line._data}
            assert heard == (set() if spoken is None else {streams[spoken]})


async def test_without_a_category_usdm_is_public_at_most(talk: Talk) -> None:
    async with talk.line("/fstream.binance.com/stream?streams=btcusdt@bookTicker/btcusdt@markPrice@1s") as line:
        tick(talk.venue, 40)
        await line.ask("LIST_SUBSCRIPTIONS")
        assert {datum["stream"] for datum in line._data} == {"btcusdt@bookTicker"}


async def test_futures_share_their_all_market_streams(talk: Talk) -> None:
    for path in ("/market/ws/!miniTicker@arr", "/dstream.binance.com/ws/!miniTicker@arr"):
        async with talk.line(path) as line:
            tick(talk.venue, 40)
            both = await line.data(2)
            assert {row["st"] for rows in both for row in rows} == {1, 2}
    async with talk.line("/ws/!miniTicker@arr") as line:
        tick(talk.venue, 40)
        assert all("st" not in row for row in await line.datum())


USDM_OWN = (
    "btcusdt@aggTrade",
    "btcusdt@ticker",
    "btcusdt@miniTicker",
    "defiusdt@compositeIndex",
    "!assetIndex@arr",
)
COINM_OWN = ("btcusd_perp@aggTrade", "btcusd_perp@ticker", "btcusd_perp@miniTicker", "btcusd@indexPrice")
USDM_SHARED = ("btcusdt@markPrice@1s", "btcusdt@kline_1m", "btcusdt_perpetual@continuousKline_1m")
COINM_SHARED = (
    *(
        "btcusd_perp@markPrice@1s",
        "btcusd@markPrice@1s",
        "btcusd_perp@kline_1m",
        "btcusd_perpetual@continuousKline_1m",
    ),
    *("btcusd@indexPriceKline_1m", "btcusd_perp@markPriceKline_1m"),
)


@pytest.mark.parametrize(
    ("path", "heard"),
    [
        ("/fstream.binance.com/market/stream", (*USDM_OWN, *USDM_SHARED, *COINM_SHARED)),
        ("/dstream.binance.com/stream", (*COINM_OWN, *USDM_SHARED, *COINM_SHARED)),
        ("/fstream.binance.com/public/stream", ()),
        (
            "/stream.binance.com/stream",
            ("btcusdt@aggTrade", "btcusdt@kline_1m", "btcusdt@miniTicker", "btcusdt@ticker"),
        ),
    ],
)
async def test_of_one_symbol_the_hosts_of_both_futures_have_prices_and_candles(
    talk: Talk, path: str, heard: tuple[str, ...]
) -> None:
    asked = [*USDM_OWN, *COINM_OWN, *USDM_SHARED, *COINM_SHARED]
    async with talk.line(path) as line:
        await line.ask("SUBSCRIBE", asked)
        tick(talk.venue, 100)
        await line.ask("LIST_SUBSCRIPTIONS")
        assert {datum["stream"] for datum in line._data} == {*heard}
        for datum in line._data:
            for row in datum["data"] if isinstance(datum["data"], list) else [datum["data"]]:
                assert row.get("st") in {
                    None,
                    2 if "btcusd_" in datum["stream"] or "btcusd@" in datum["stream"] else 1,
                }


async def test_raw_and_combined_are_told_apart_and_changed_on_request(talk: Talk) -> None:
    async with talk.line("/ws/btcusdt@trade") as line:
        tick(talk.venue, 20)
        assert (await line.datum())["e"] == "trade"
        await line.ask("SET_PROPERTY", ["combined", True])
        line._data.clear()
        tick(talk.venue, 20)
        assert (await line.datum()).keys() == {"stream", "data"}


async def test_a_path_that_names_no_stream_is_a_bare_connection(talk: Talk) -> None:
    async with talk.line("/stream.binance.com/ws/17") as line:  # as ccxt numbers its connections
        assert await line.ask("LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}


# --- limits


def ruled(market: Market, **changes: Any) -> Mapping[Market, SocketRules]:
    return {**SOCKET_RULES, market: replace(SOCKET_RULES[market], **changes)}


async def test_futures_take_ten_messages_a_second_and_two_hundred_streams(talk: Talk) -> None:
    async with talk.line("/public/ws") as line:
        answer = await line.ask("SUBSCRIBE", [f"s{number}@trade" for number in range(201)])
        assert answer["code"] == 4
        for _ in range(9):
            assert "result" in await line.ask("LIST_SUBSCRIPTIONS")
        await line.ws.pong()
        assert await line.closed() == 1008


async def test_whoever_says_too_much_again_and_again_is_banned() -> None:
    async with talking(BinanceVenue(rate=None, settings=Settings(now=lambda: NOW))) as talk:
        for _ in range(6):
            assert (await talk.call("GET /api/v3/ping"))[0] == 200
            async with talk.line("/ws") as line:
                for _ in range(6):
                    await line.ws.pong()
                assert await line.closed() == 1008
            await talk.venue.wait_for(lambda: not talk.venue.sockets)
        assert [(await talk.call(f"GET {path}/ping"))[0] for path in ("/api/v3", "/fapi/v1")] == [418, 200]


async def test_whoever_dials_too_often_is_sent_away() -> None:
    rules = replace(SPOT_POOL, dials=Quota("MINUTE", 5, 2))
    async with talking(BinanceVenue(rate=None, settings=Settings(spot_pool=rules, now=lambda: NOW))) as talk:
        for _ in range(2):
            async with talk.line("/ws") as line:
                assert (await line.ask("LIST_SUBSCRIPTIONS"))["result"] == []
        async with talk.line("/ws-api/v3") as line:
            assert await line.closed() == 1008
        async with talk.line("/public/ws") as line:
            assert (await line.ask("LIST_SUBSCRIPTIONS"))["result"] == []
        assert talk.venue.guards[Market.SPOT].dials.most == 3


async def test_a_connection_is_cut_off_when_it_is_too_old() -> None:
    async with (
        talking(BinanceVenue(rate=None, settings=Settings(sockets=ruled(Market.USDM, max_age=0.1)))) as talk,
        talk.line("/ws") as spot,
        talk.line("/market/ws") as futures,
    ):
        assert await futures.closed() == 1001
        assert (await spot.ask("LIST_SUBSCRIPTIONS"))["result"] == []


async def test_only_the_answer_to_a_ping_counts_as_one() -> None:
    rules = ruled(Market.SPOT, ping_every=0.03, pong_within=0.1)
    async with (
        talking(BinanceVenue(rate=None, settings=Settings(sockets=rules))) as talk,
        talk.line("/ws", autoping=False) as line,
    ):
        await line.ws.pong(b"not what was asked")
        assert await line.closed() == 1008


async def test_pings_that_a_test_withholds_need_no_answer() -> None:
    rules = ruled(Market.SPOT, ping_every=0.01, pong_within=0.02)
    async with talking(BinanceVenue(rate=None, settings=Settings(sockets=rules))) as talk:
        talk.venue.faults.no_pings = True
        async with talk.line("/ws", autoping=False) as line:
            await asyncio.sleep(0.1)
            assert (await line.ask("LIST_SUBSCRIPTIONS"))["result"] == []


async def test_requests_over_ws_api_are_no_messages_but_pings_are(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        for _ in range(20):
            assert (await line.ask("ping"))["status"] == 200
        for _ in range(6):
            await line.ws.ping()
        assert await line.closed() == 1008


# --- notices and units


async def test_spot_is_told_of_a_shutdown_in_the_form_of_each_connection() -> None:
    async with talking(BinanceVenue(rate=None, settings=Settings(now=lambda: NOW))) as talk:
        notice = {"e": "serverShutdown", "E": int(NOW * 1000)}
        async with (
            talk.line("/ws") as raw,
            talk.line("/stream") as combined,
            talk.line("/ws-api/v3") as api,
            talk.line("/public/ws") as futures,
        ):
            talk.venue.announce_closing(600)
            assert await raw.datum() == notice
            assert await combined.datum() == {"stream": "!serverShutdown", "data": notice}
            assert await api.datum() == {"event": notice}
            await futures.ask("LIST_SUBSCRIPTIONS")
            assert not futures._data


async def test_spot_tells_times_in_microseconds_to_whoever_asks() -> None:
    async with talking(BinanceVenue(rate=None, settings=Settings(now=lambda: NOW))) as talk:
        kinds = ("trade", "kline_1m", "ticker", "depth@100ms", "bookTicker")
        streams = "/".join(f"btcusdt@{kind}" for kind in kinds)
        async with (
            talk.line(f"/stream?streams={streams}&timeUnit=microsecond") as fine,
            talk.line(f"/stream?streams={streams}") as coarse,
            talk.line("/public/stream?streams=btcusdt@trade&timeUnit=MICROSECOND") as futures,
        ):
            tick(talk.venue, 40)
            told = await coarse.data(60)
            assert await fine.data(60) == [{**one, "data": micros.event(one["data"])} for one in told]
            assert {one["data"].get("E", 0) for one in told} == {0, int(NOW * 1000)}
            assert (await futures.datum())["data"]["E"] == int(NOW * 1000)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"e": "trade", "E": 1, "T": 2, "t": 3}, {"e": "trade", "E": 1000, "T": 2000, "t": 3}),
        (
            {"e": "kline", "E": 1, "k": {"t": 2, "T": 3, "f": 4}},
            {"e": "kline", "E": 1000, "k": {"t": 2000, "T": 3000, "f": 4}},
        ),
        (
            {"e": "24hrTicker", "E": 1, "O": 2, "C": 3, "F": 4},
            {"e": "24hrTicker", "E": 1000, "O": 2000, "C": 3000, "F": 4},
        ),
        ([{"e": "24hrMiniTicker", "E": 1}], [{"e": "24hrMiniTicker", "E": 1000}]),
        ({"lastUpdateId": 1, "bids": []}, {"lastUpdateId": 1, "bids": []}),
        ({"u": 1, "s": "A"}, {"u": 1, "s": "A"}),
        ({"e": "referencePrice", "t": 1}, {"e": "referencePrice", "t": 1000}),
        ({"e": "outboundAccountPosition", "E": 1, "u": 2}, {"e": "outboundAccountPosition", "E": 1000, "u": 2000}),
    ],
)
def test_times_are_told_from_ids(event: Any, expected: Any) -> None:
    assert micros.event(event) == expected
    assert orjson.loads(micros.datum(orjson.dumps(event))) == expected


# --- faults


async def test_data_that_a_test_repeats_swaps_and_loses(talk: Talk) -> None:
    faults = talk.venue.faults
    async with talk.line("/ws/btcusdt@trade") as line:
        faults.lose("btcusdt@trade", 2)
        tick(talk.venue, 40)
        assert (await line.datum())["t"] == 3
        last = (
            talk.venue.floors[Market.SPOT].source.history("BTCUSDT").last or pytest.fail("nothing was traded")
        ).id
        await line.ask("LIST_SUBSCRIPTIONS")
        line._data.clear()
        faults.repeat("btcusdt@trade")
        tick(talk.venue, 40)
        assert [one["t"] for one in await line.data(3)] == [last + 1, last + 1, last + 2]


async def test_a_listener_hears_unasked_streams_too(talk: Talk) -> None:
    talk.venue.faults.unasked_streams.add("btcusdt@trade")
    async with talk.line("/stream?streams=btcusdt@bookTicker") as line:
        tick(talk.venue, 40)
        await line.ask("LIST_SUBSCRIPTIONS")
        assert {one["stream"] for one in line._data} == {"btcusdt@bookTicker", "btcusdt@trade"}


async def test_the_sockets_are_the_engines_too(talk: Talk) -> None:
    async with talk.line("/public/ws/a@trade"):
        assert [stream for _, stream in talk.venue.streams()] == ["a@trade"]
        assert all(isinstance(one, VenueSocket) for one in talk.venue.sockets.values())
