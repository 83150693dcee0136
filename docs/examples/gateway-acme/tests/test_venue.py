"""The plugin against its venue over real sockets, without the gateway between them."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway import spi
from gateway_acme.plugin import AcmeDialect, Options, plugin
from gateway_acme.venue import AcmeVenue


@pytest.fixture
async def venue() -> AsyncIterator[AcmeVenue]:
    async with asyncio.timeout(20), AcmeVenue() as venue:
        yield venue


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def target(venue) -> spi.Target:
    return spi.Target(
        exchange="acme",
        environment="live",
        endpoint="feed",
        urls=venue.addresses,
        now=lambda: 0,
        nonce=lambda: 1,
        options=Options(),
    )


@pytest.fixture
async def ws(session, target) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection whose handshake is done."""
    handshake = plugin.gateway_handshake(target)
    async with session.ws_connect(next(handshake).url) as ws:
        handshake.send(None)
        with pytest.raises(StopIteration):
            handshake.send(await hear(ws))
        yield ws


async def hear(ws: aiohttp.ClientWebSocketResponse) -> bytes:
    return (await ws.receive_str()).encode()


async def ask(ws: aiohttp.ClientWebSocketResponse, request: spi.Request) -> spi.Event:
    await ws.send_str(request.frame)
    [event] = AcmeDialect().decode(await hear(ws), False)
    return event


async def test_what_is_asked_for_is_acknowledged_and_delivered(venue, ws):
    requests = AcmeDialect().subscribe(["trade/btceur", "quote/etheur"])
    for request in requests:
        assert await ask(ws, request) == spi.Ack(request.id)
    venue.tick()
    [quote] = AcmeDialect().decode(await hear(ws), False)
    [trade] = AcmeDialect().decode(await hear(ws), False)
    assert (quote.stream, trade.stream) == ("quote/etheur", "trade/btceur")
    assert isinstance(quote.records[0], spi.Quote)
    assert trade.records[0].id == 1
    assert trade.records[0].price.endswith("0")  # Acme's prices have two digits, and keep them


async def test_what_is_given_up_ends(venue, ws):
    [asked] = AcmeDialect().subscribe(["trade/btceur"])
    [given_up] = AcmeDialect().unsubscribe(["trade/btceur"])
    await ask(ws, asked)
    assert await ask(ws, given_up) == spi.Ack(given_up.id)
    assert not venue.wanted()


async def test_an_unknown_stream_is_refused(ws):
    [request] = AcmeDialect().subscribe(["trade/dogeur"])
    refused = await ask(ws, request)
    assert (refused.id, refused.verdict.text) == (request.id, "no such stream")


async def test_a_ping_is_answered(ws):
    await ws.send_str(AcmeDialect().ping(1))
    assert AcmeDialect().decode(await hear(ws), False) == (spi.Pong(),)


async def test_nonsense_is_ignored(ws):
    await ws.send_str("nonsense")
    await ws.send_str("[" * 100_000)
    await ws.send_str('{"do":"dance"}')
    await ws.send_str("ping")
    assert await hear(ws) == b"pong"


async def instruments(session: aiohttp.ClientSession, target: spi.Target) -> spi.Instruments:
    conversation = plugin.gateway_instruments(target)
    fetch = next(conversation)
    async with session.request(fetch.method, fetch.url) as answer:
        reply = spi.HttpReply(answer.status, body=await answer.read())
    with pytest.raises(StopIteration) as end:
        conversation.send(reply)
    return end.value.value


async def test_markets_are_instruments(session, target):
    found = (await instruments(session, target)).find("acme", "BTC-EUR")
    assert (found.native, found.base, found.quote, found.tick_size) == ("btceur", "BTC", "EUR", "0.10")


async def test_a_refused_request_is_told(session, target):
    elsewhere = dataclasses.replace(target, urls={"rest": target.urls["rest"] + "/nowhere"})
    with pytest.raises(spi.ReplyRefused, match="HTTP status 404"):
        await instruments(session, elsewhere)
