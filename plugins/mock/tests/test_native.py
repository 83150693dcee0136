"""The mock exchange's own protocol: asked by hand, and spoken by a client of a gateway before its venue."""

import asyncio
import json
import time

import aiohttp
import pytest

from gateway import Gateway, spi
from gateway.serving import Server
from gateway_mock.plugin import plugin
from gateway_mock.venue import MockVenue

CLIENT = spi.NativeClient("plain", ())


@pytest.fixture
def native():
    target = spi.Target(
        exchange="mock",
        environment="live",
        endpoint="stream",
        urls={"rest": "http://mock.example"},
        now=lambda: 1_764_000_000_000_000,
        nonce=lambda: 1,
    )
    return plugin.gateway_native(target)


def hear(native, message):
    turn = native.hear(CLIENT, message if isinstance(message, str) else json.dumps(message))
    return turn, json.loads(turn.reply)


def test_streams_are_asked_for_and_given_up(native):
    turn, told = hear(native, {"op": "subscribe", "id": 1, "streams": ["trades.a", "quotes.a"]})
    assert (turn.subscribe, told) == (("trades.a", "quotes.a"), {"op": "ok", "id": 1})
    turn, told = hear(native, {"op": "unsubscribe", "id": 2, "streams": ["trades.a"]})
    assert (turn.unsubscribe, told) == (("trades.a",), {"op": "ok", "id": 2})


def test_books_are_not_offered(native):
    turn, told = hear(native, {"op": "subscribe", "id": 1, "streams": ["trades.a", "book.a"]})
    assert turn.subscribe == ()
    assert told == {"op": "error", "id": 1, "reason": "no such stream", "rejected": ["book.a"]}


@pytest.mark.parametrize(
    ("message", "reason"),
    [("no", "not understood"), ("[" * 9999, "not understood"), ({"op": "dance"}, "unknown op")],
)
def test_what_makes_no_sense_is_told(native, message, reason):
    turn, told = hear(native, message)
    assert (turn.is_wrong, told["reason"]) == (True, reason)


def test_refusals_name_the_reason(native):
    assert json.loads(native.refuse(None, "too_many_topics", "x"))["reason"] == "too_many_topics"


def test_sockets_have_one_place(native):
    assert native.greet("/", {}) == spi.NativeGreeting("plain")
    assert native.greet("/private", {}).status == 404


def test_rest_has_the_time_and_the_symbols(native):
    assert json.loads(native.answer("GET", "/time", {}).body) == {"now": 1_764_000_000_000_000}
    assert native.answer("GET", "/symbols", {}).request.url == "http://mock.example/symbols"
    assert native.answer("POST", "/time", {}).status == native.answer("GET", "/orders", {}).status == 404
    assert json.loads(native.unavailable(3.0).body)["after"] == 3.0


async def test_a_client_of_the_exchange_speaks_to_a_gateway_as_if_it_were_it():
    async with asyncio.timeout(20), MockVenue() as venue:
        tables = {"exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}}}
        async with Gateway(tables, environ={}) as gateway, aiohttp.ClientSession() as http:
            server = Server(
                gateway.hub,
                gateway.operations,
                host="127.0.0.1",
                port=0,
                now=time.monotonic,
                wall_us=lambda: time.time_ns() // 1000,
                version="0",
            )
            await server.start()
            base = "http://{}:{}/native/mock".format(*server.address)
            async with http.get(f"{base}/symbols") as reply:
                ours = await reply.read()
            async with http.get(f"{venue.addresses['rest']}/symbols") as reply:
                assert ours == await reply.read()
            async with http.ws_connect(f"{base}/") as ws:
                await ws.send_json({"op": "subscribe", "id": 5, "streams": ["trades.btc_usdt"]})
                assert await ws.receive_json() == {"op": "ok", "id": 5}
                await venue.wait_for(lambda: "trades.btc_usdt" in venue.wanted())
                venue.tick()
                assert (await ws.receive_json())["stream"] == "trades.btc_usdt"
            await server.stop(1.0)
