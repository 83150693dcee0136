import asyncio
import gzip
import zlib

import pytest

from gateway.errors import PeerSilent, ProtocolViolation, Reason, TransportLost
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.runtime.deadlines import deadline
from gateway.spi.steps import Fetch, HttpReply


def answers(*replies):
    """Answer one request after the other on one connection; each reply is (status, body, headers)."""

    async def script(wire):
        for status, body, headers in replies:
            await wire.hear_head()
            wire.answer(status, body, **headers)

    return script


async def failed(network, peer, method="GET"):
    with pytest.raises((TransportLost, ProtocolViolation)) as caught:
        await network.fetch(Fetch(method, peer.rest))
    await peer.over()
    return caught.value


async def test_a_request_reaches_the_peer_as_it_was_made_and_its_reply_comes_back(network, serve):
    async def script(wire):
        await wire.hear_head()
        body.append(await wire.reader.readexactly(int(wire.header("Content-Length"))))
        wire.answer(201, b'{"ok":true}', X_MBX_Used_Weight="17")

    body: list[bytes] = []
    peer = await serve(script)
    request = Fetch("POST", f"{peer.rest}api?x=%7B&s=a+b/c%3D", {"X-MBX-APIKEY": "k"}, b"symbol=BTCUSDT")
    reply = await network.fetch(request)

    wire = peer.wires[0]
    assert wire.head.split(b"\r\n")[0] == b"POST /api?x=%7B&s=a+b/c%3D HTTP/1.1"
    assert (wire.header("X-MBX-APIKEY"), body) == ("k", [b"symbol=BTCUSDT"])
    assert wire.header("Content-Type") == "", "the plugin says what its body is"
    assert (reply.status, reply.json()) == (201, {"ok": True})
    assert reply.headers["x-mbx-used-weight"] == "17"
    assert type(reply) is HttpReply


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 308, 400, 401, 404, 418, 429, 451, 500, 503])
async def test_every_status_is_a_reply_and_none_is_followed(network, serve, status):
    other = await serve(answers((200, b"", {})))
    body = b"" if status == 204 else b"said"
    peer = await serve(answers((status, body, {"Location": f"{other.rest}?k=1", "Retry_After": "5"})))
    reply = await network.fetch(Fetch("GET", peer.rest, {"X-MBX-APIKEY": "canary"}))
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (status, body, "5")
    assert other.wires == []


async def test_requests_share_a_connection(network, serve):
    peer = await serve(answers((200, b"1", {}), (404, b"2", {}), (302, b"3", {"Location": "/"})))
    assert [(await network.fetch(Fetch("GET", peer.rest))).body for _ in range(3)] == [b"1", b"2", b"3"]
    assert len(peer.wires) == 1


async def test_a_packed_body_is_asked_for_and_unpacked(network, serve):
    peer = await serve(answers((200, gzip.compress(b"[1,2,3]" * 1000), {"Content_Encoding": "gzip"})))
    reply = await network.fetch(Fetch("GET", peer.rest))
    assert reply.body == b"[1,2,3]" * 1000
    assert "gzip" in peer.wires[0].header("Accept-Encoding")


async def chunked(wire):
    await wire.hear_head()
    wire.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not wire.writer.is_closing():
        wire.writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await wire.writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "script",
    [
        answers((200, b"x" * 100_001, {})),
        answers((200, gzip.compress(b"x" * (16 << 20)), {"Content_Encoding": "gzip"})),
        chunked,
    ],
    ids=["long", "packed", "endless"],
)
async def test_a_body_longer_than_allowed_is_a_violation(serve, script):
    network = AiohttpNetwork(max_body=100_000)
    peer = await serve(script)
    with pytest.raises(ProtocolViolation, match="100000"):
        await network.fetch(Fetch("GET", peer.rest))
    await network.close()
    await peer.over()


async def test_a_body_as_long_as_allowed_passes(serve):
    network = AiohttpNetwork(max_body=100_000)
    peer = await serve(answers((200, b"x" * 100_000, {})))
    assert len((await network.fetch(Fetch("GET", peer.rest))).body) == 100_000
    await network.close()


@pytest.mark.parametrize("end", ["fin", "rst"])
async def test_a_body_that_breaks_off_is_no_reply(network, serve, end):
    async def script(wire):
        await wire.hear_head()
        wire.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await wire.writer.drain()
        await asyncio.sleep(0.02)
        getattr(wire, end)()

    assert isinstance(await failed(network, await serve(script)), TransportLost)


async def test_a_body_that_cannot_be_unpacked_is_no_reply(network, serve):
    peer = await serve(answers((200, zlib.compress(b"x" * 1000)[:20], {"Content_Encoding": "gzip"})))
    assert isinstance(await failed(network, peer), TransportLost | ProtocolViolation)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize(("end", "reason"), [("fin", Reason.CLOSED_BY_PEER), ("rst", Reason.CONNECTION_RESET)])
async def test_a_request_is_performed_once(network, serve, method, end, reason):
    """aiohttp repeats all but POST by itself, and nobody would have paid for that."""

    async def script(wire):
        await wire.hear_head()
        getattr(wire, end)()

    peer = await serve(script)
    assert (await failed(network, peer, method)).reason is reason
    assert len(peer.wires) == 1


async def test_a_connection_that_the_peer_closed_while_it_was_idle_is_not_used_again(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.answer(200, b"x")
        wire.fin()

    peer = await serve(script)
    for _ in range(3):
        assert (await network.fetch(Fetch("GET", peer.rest))).body == b"x"
        await peer.over()
        await asyncio.sleep(0.01)
    assert len(peer.wires) == 3


async def test_what_is_no_http_is_a_violation(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.writer.write(b"220 mail.example ESMTP\r\n\r\n")

    assert isinstance(await failed(network, await serve(script)), ProtocolViolation)


@pytest.mark.parametrize("begun", [False, True])
async def test_a_peer_that_never_answers_is_left_at_the_callers_deadline(network, serve, begun):
    async def script(wire):
        await wire.hear_head()
        if begun:
            wire.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbeg")

    peer = await serve(script)
    with pytest.raises(PeerSilent):
        async with deadline(0.1, "REST reply"):
            await network.fetch(Fetch("GET", peer.rest))
    await peer.over()


async def test_no_cookie_is_kept(network, serve):
    peer = await serve(answers((200, b"", {"Set_Cookie": "a=b; Path=/"}), (200, b"", {})))
    for _ in range(2):
        await network.fetch(Fetch("GET", peer.rest))
    assert peer.wires[0].header("Cookie") == ""


async def test_sockets_are_never_opened_over_a_pooled_connection(network, serve, ws):
    """It may be stale, and a dial is made once."""
    from gateway.spi.steps import Open

    async def script(wire):
        await wire.hear_head()
        if wire.header("Upgrade"):
            wire.switch()
        else:
            wire.answer(200)

    peer = await serve(script)
    await network.fetch(Fetch("GET", peer.rest))
    await network.open(Open(peer.url), max_frame=1 << 20)
    assert len(peer.wires) == 2


async def test_closing_ends_what_is_pooled(serve):
    network = AiohttpNetwork()
    peer = await serve(answers((200, b"", {})))
    await network.fetch(Fetch("GET", peer.rest))
    assert len(peer.tasks) == 1
    await network.close()
    await peer.over()


async def test_a_switch_of_protocols_nobody_asked_for_is_a_reply_without_a_body(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.switch(more=b"\x81\x01x")

    peer = await serve(script)
    reply = await network.fetch(Fetch("GET", peer.rest))
    assert (reply.status, reply.body) == (101, b"")
    await peer.over()
