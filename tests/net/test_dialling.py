import asyncio

import aiohttp
import pytest

from gateway.errors import PeerSilent, Reason, TransportLost
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.transport import Kind, Network, Transport
from gateway.runtime.deadlines import deadline
from gateway.spi.steps import Fetch, Open


def test_it_is_a_network_and_needs_no_loop_to_be_made():
    network: Network = AiohttpNetwork()
    assert network


async def test_text_goes_out_as_text_and_bytes_as_binary(dial, ws):
    heard = []

    async def script(wire):
        await wire.upgrade()
        heard.extend([await wire.hear() for _ in range(4)])
        wire.frame(ws.TEXT, "grüße".encode())
        wire.frame(ws.BINARY, b"\x00\xff")

    transport: Transport
    transport, _ = await dial(script)
    await transport.send("grüße")
    await transport.send(b"\x00\xff")
    await transport.ping(b"a")
    await transport.pong(b"b")

    assert await transport.receive() == (Kind.TEXT, "grüße".encode())
    assert await transport.receive() == (Kind.BINARY, b"\x00\xff")
    assert heard == [
        (ws.TEXT, "grüße".encode()),
        (ws.BINARY, b"\x00\xff"),
        (ws.PING, b"a"),
        (ws.PONG, b"b"),
    ]
    assert not transport.closed


async def test_headers_and_subprotocols_reach_the_peer_and_its_choice_is_known(dial):
    async def script(wire):
        await wire.hear_head()
        wire.switch(Sec_WebSocket_Protocol="v2")

    transport, peer = await dial(script, headers={"X-Key": "k1"}, subprotocols=("v1", "v2"))

    assert peer.wires[0].header("X-Key") == "k1"
    assert peer.wires[0].header("Sec-WebSocket-Protocol") == "v1,v2"
    assert transport.subprotocol == "v2"


async def test_a_subprotocol_nobody_asked_for_is_none(dial, ws):
    transport, peer = await dial(ws.silent)
    assert transport.subprotocol is None
    assert peer.wires[0].header("Sec-WebSocket-Protocol") == ""


@pytest.mark.parametrize("compress", [False, True])
async def test_compression_is_offered_only_when_asked(dial, ws, compress):
    _, peer = await dial(ws.silent, compress=compress)
    offer = peer.wires[0].header("Sec-WebSocket-Extensions")
    assert ("permessage-deflate" in offer) is compress


async def test_compression_that_was_agreed_on_works_both_ways(dial, ws):
    async def script(wire):
        await wire.upgrade(Sec_WebSocket_Extensions="permessage-deflate")
        await wire.hear()
        compressed.append(wire.compressed)
        wire.frame(ws.TEXT, bytes.fromhex("f248cdc9c90700"), rsv=4)  # "Hello", RFC 7692, 7.2.3.1

    compressed: list[bool] = []
    transport, _ = await dial(script, compress=True)
    await transport.send("Hello")
    assert await transport.receive() == (Kind.TEXT, b"Hello")
    assert compressed == [True]


async def test_the_query_reaches_the_peer_byte_for_byte(network, serve, ws):
    """A signature covers it as it was written."""
    peer = await serve(ws.silent)
    query = "a=%7B%2f&b=x+y&c={}|~&d=:@!$'()*,;&e=%20&signature=AbC%3D"
    await network.open(Open(f"{peer.url}ws/x@y%40z?{query}"), max_frame=1 << 20)
    assert peer.wires[0].head.split()[1].decode() == f"/ws/x@y%40z?{query}"


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:1/a b",
        "ws://127.0.0.1:1/a\r\nX: y",
        "ws://127.0.0.1:1/ü",
        "ws://127.0.0.1:99999/",
        "ftp://127.0.0.1:1/",
        "ws:///nowhere",
        "nothing",
    ],
)
async def test_a_url_that_cannot_be_sent_as_it_is_is_the_plugins_fault(network, url):
    for attempt in (network.open(Open(url), max_frame=1), network.fetch(Fetch("GET", url))):
        with pytest.raises(TransportLost) as caught:
            await attempt
        assert caught.value.reason is Reason.PLUGIN_ERROR
        assert url not in str(caught.value)


async def test_a_header_that_would_smuggle_another_is_not_sent(network, serve):
    async def script(wire):
        heard.append(await wire.reader.read())

    heard: list[bytes] = []
    peer = await serve(script)
    headers = {"X-Key": "secret\r\nX-Other: smuggled"}
    for attempt in (
        network.open(Open(peer.url, headers), max_frame=1),
        network.fetch(Fetch("GET", peer.rest, headers)),
    ):
        with pytest.raises(TransportLost) as caught:
            await attempt
        assert caught.value.reason is Reason.PLUGIN_ERROR
        assert "secret" not in str(caught.value)
    await peer.over()
    assert not any(b"smuggled" in one for one in heard)


async def test_nothing_is_taken_from_the_environment(network, serve, ws, monkeypatch, tmp_path):
    """A proxy or a password that happens to be set would see the keys."""

    async def reply(wire):
        await wire.hear_head()
        wire.answer(200)

    proxy, peer, rest = await serve(ws.silent), await serve(ws.silent), await serve(reply)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "WS_PROXY", "ws_proxy", "WSS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.rest)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    await network.open(Open(peer.url), max_frame=1 << 20)
    await network.fetch(Fetch("GET", rest.rest))

    assert proxy.wires == []
    assert peer.wires[0].header("Authorization") == rest.wires[0].header("Authorization") == ""


async def test_no_cookie_is_kept(network, serve):
    async def script(wire):
        await wire.upgrade(Set_Cookie="session=secret; Path=/")

    peer = await serve(script)
    for _ in range(2):
        await network.open(Open(peer.url), max_frame=1 << 20)
    assert peer.wires[1].header("Cookie") == ""


async def test_frames_in_the_segment_of_the_upgrade_are_not_lost(dial, ws):
    async def script(wire):
        await wire.hear_head()
        wire.switch(more=ws.frame(ws.TEXT, b"1") + ws.frame(ws.TEXT, b"2") + ws.frame(ws.TEXT, b"3")[:1])
        await asyncio.sleep(0)
        wire.writer.write(ws.frame(ws.TEXT, b"3")[1:])

    transport, _ = await dial(script)
    assert [await transport.receive() for _ in range(3)] == [(Kind.TEXT, text) for text in (b"1", b"2", b"3")]


async def test_a_hundred_open_sockets_do_not_hold_up_the_next(network, serve, ws):
    """aiohttp's own limit is 100, and the next dial waits without a word."""
    peer = await serve(ws.silent)
    transports = [await network.open(Open(peer.url), max_frame=1 << 20) for _ in range(110)]
    assert not any(transport.closed for transport in transports)


async def test_only_so_many_dials_are_under_way_and_the_rest_wait_their_turn(serve):
    async def hang(wire):
        await wire.hear_head()
        await go_on.wait()
        wire.switch()

    go_on = asyncio.Event()
    peer = await serve(hang)
    network = AiohttpNetwork(dials=2)
    dials = [asyncio.create_task(network.open(Open(peer.url), max_frame=1 << 20)) for _ in range(5)]
    await peer.accepted(2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(peer.wires) == 2

    dials[0].cancel()  # one that hangs gives its turn to the next
    await peer.accepted(3)
    dials[4].cancel()  # one that waits never dials
    go_on.set()
    await asyncio.wait(dials)
    assert [dial.cancelled() for dial in dials] == [True, False, False, False, True]
    assert len(peer.wires) == 4
    await network.close()
    await peer.over()


async def test_a_peer_that_drips_its_answer_is_left_at_the_callers_deadline(network, serve):
    async def drip(wire):
        await wire.hear_head()
        wire.writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
        number = 0
        while not wire.writer.is_closing():
            wire.writer.write(b"X-%d: y\r\n" % (number := number + 1))
            await asyncio.sleep(0.02)

    peer = await serve(drip)
    with pytest.raises(PeerSilent):
        async with deadline(0.2, "connection"):
            await network.open(Open(peer.url), max_frame=1 << 20)
    await peer.over()


async def test_a_dial_cut_by_closing_the_network_says_so(serve):
    async def hang(wire):
        await wire.hear_head()

    network = AiohttpNetwork()
    peer = await serve(hang)
    dial = asyncio.create_task(network.open(Open(peer.url), max_frame=1 << 20))
    await peer.accepted()
    await network.close()
    with pytest.raises(TransportLost) as caught:
        await dial
    assert caught.value.reason is Reason.STOPPED
    await peer.over()


async def test_closing_the_network_drops_what_is_open_and_is_final(network, serve, ws):
    peer = await serve(ws.silent)
    transport = await network.open(Open(peer.url), max_frame=1 << 20)
    reading = asyncio.create_task(transport.receive())
    await asyncio.sleep(0)
    await network.close()
    await network.close()

    with pytest.raises(TransportLost) as caught:
        await reading
    assert caught.value.reason is Reason.STOPPED
    assert transport.closed
    for attempt in (network.open(Open(peer.url), max_frame=1), network.fetch(Fetch("GET", peer.rest))):
        with pytest.raises(TransportLost) as caught:
            await attempt
        assert caught.value.reason is Reason.STOPPED
    await peer.over()


@pytest.mark.parametrize("turns", range(4))
async def test_closing_the_network_may_be_cancelled_and_done_again(serve, ws, turns):
    network = AiohttpNetwork()
    peer = await serve(ws.silent)
    transport = await network.open(Open(peer.url), max_frame=1)
    reading = asyncio.create_task(transport.receive())
    await asyncio.sleep(0)
    closing = asyncio.create_task(network.close())
    for _ in range(turns):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait({closing})
    await network.close()
    with pytest.raises(TransportLost):
        await reading
    await peer.over()


async def test_a_network_that_was_never_used_can_be_closed():
    await AiohttpNetwork().close()


async def test_the_standard_loop_reads_in_small_pieces(dial, ws):
    """It would allocate a quarter mebibyte a read, which Python 3.11 maps and unmaps each time."""
    transport, _ = await dial(ws.silent)
    if type(asyncio.get_running_loop()).__module__.startswith("uvloop"):
        assert not hasattr(transport._tcp, "max_size")
    else:
        assert transport._tcp.max_size == 65536


def test_aiohttp_is_recent_enough_to_be_safe():
    """3.14.4 closed three holes in the WebSocket reader."""
    assert tuple(int(part) for part in aiohttp.__version__.split(".")[:3]) >= (3, 14, 5)
