"""
Clients that mean harm, over real sockets: each is bounded, closed or refused, and nobody else notices.

The ids are rows of the catalogue of faults.
"""

import asyncio
import gzip
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE

from gateway.serving import accepting

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
MANY = 10_000 if FULL else 1_000
LATEST = 0.5 if FULL else 10.0
"""Seconds within which another client is answered, whatever is going on; small machines have much else to do."""
UPGRADE = (
    b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n%b\r\n"
)


class Raw:
    """A plain socket that says what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> bytes:
        """Return a status line and what follows, up to the end of the head."""
        async with asyncio.timeout(10):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """Return all until the end, however it comes."""
        got = b""
        async with asyncio.timeout(10):
            try:
                while piece := await self.reader.read(1 << 16):
                    got += piece
            except ConnectionError:
                pass
        return got

    async def close_code(self) -> int | None:
        """Return the code of the Close frame that ends what is sent; nothing if there is none."""
        got, at, code = await self.rest(), 0, None
        while at < len(got):
            opcode, size, at = got[at] & 0x0F, got[at + 1], at + 2
            if size >= 126:
                wide = 2 if size == 126 else 8
                size, at = int.from_bytes(got[at : at + wide], "big"), at + wide
            if opcode == 8:
                code = int.from_bytes(got[at : at + 2], "big")
            at += size
        return code


@pytest.fixture
async def dial() -> AsyncIterator[Callable[[Any], Coroutine[Any, Any, Raw]]]:
    """Connect to a server; what is left open is closed."""
    opened: list[Raw] = []

    async def dialling(rig: Any, first: bytes = b"") -> Raw:
        opened.append(Raw(*await asyncio.open_connection(*rig.server.address, limit=1 << 24)))
        opened[-1].say(first)
        return opened[-1]

    yield dialling
    for one in opened:
        one.writer.close()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """Return a frame as a client sends it; its mask is zero."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    size, mask = len(payload), 0x80 if masked else 0
    wide = b"" if size < 126 else size.to_bytes(2 if size < 1 << 16 else 8, "big")
    head += bytes([mask | {0: size, 2: 126, 8: 127}[len(wide)]]) + wide
    return head + (bytes(4) if masked else b"") + payload


async def upgraded(dial: Any, rig: Any, headers: bytes = b"") -> Raw:
    one: Raw = await dial(rig, UPGRADE % headers)
    head = await one.answer()
    assert head.startswith(b"HTTP/1.1 101")
    assert b"permessage-deflate" not in head
    return one


@asynccontextmanager
async def others_are_served(rig: Any) -> AsyncIterator[None]:
    """Have another client ask and be sent data all the while; each answer comes soon."""
    client = await rig.client()
    await client.subscribe("OTHER", on_lag="disconnect")
    await client.next()
    slowest, ended = 0.0, asyncio.Event()

    async def asking() -> None:
        nonlocal slowest
        while not ended.is_set():
            began = time.monotonic()
            rig.publish("1", "OTHER")
            await client.next()
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(asking())
    try:
        yield
    finally:
        ended.set()
        await task
    assert slowest < LATEST


# --- connections that say nothing, or hardly anything


async def test_i11_headers_that_come_by_the_byte_end_at_the_deadline(start: Any, dial: Any) -> None:
    """I11: what comes does not put it off."""
    rig = await start(header=0.3, closing=0.1)
    one, began = await dial(rig, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: "), time.monotonic()
    over = asyncio.create_task(one.rest())
    while not over.done():
        one.say(b"x")
        await asyncio.sleep(0.02)
    assert await over == b""
    assert 0.2 < time.monotonic() - began < 10.0


@pytest.mark.parametrize(
    ("method", "path", "framing"),
    [
        ("POST", "/api/v1/subscriptions", "Content-Length: 60000"),
        ("POST", "/nowhere", "Transfer-Encoding: chunked"),
        ("GET", "/livez", "Content-Length: 60000"),
        ("GET", "/api/v1/events?format=json", "Transfer-Encoding: chunked"),
    ],
)
async def test_i11_bodies_that_come_by_the_byte_end_at_the_deadline(
    start: Any, dial: Any, method: str, path: str, framing: str
) -> None:
    """I11: whatever the path, whether a body means something there or not."""
    rig = await start(header=0.3, closing=0.3)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}"
    one, began = await dial(rig, head.encode() + b"\r\n\r\n"), time.monotonic()
    over = asyncio.create_task(one.rest())
    while not over.done():
        one.say(b"1\r\n \r\n" if "chunked" in framing else b" ")
        await asyncio.sleep(0.02)
    assert (await over).startswith(b"HTTP/1.1 ")
    assert time.monotonic() - began < 10.0


async def test_n23_connections_of_an_address_that_say_nothing_are_bounded(start: Any, dial: Any) -> None:
    """N23: clients that are there do not count, and whoever goes makes room."""
    rig = await start(waiting=5, header=60.0)
    clients = [await rig.client() for _ in range(8)]
    assert rig.server.clients == 8
    silent = [await dial(rig) for _ in range(5)]
    await rig.until(lambda: rig.server._callers._all == 13)
    for _ in range(20):
        assert await (await dial(rig, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")).rest() == b""
    assert rig.server._callers._all == 13
    await clients[0].send("ping")
    assert (await clients[0].next())["success"]
    silent[0].writer.close()
    await rig.until(lambda: rig.server._callers._all == 12)
    one = await dial(rig, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await one.answer()).startswith(b"HTTP/1.1 200")


async def test_n23_they_are_let_go_at_the_deadline(start: Any, dial: Any) -> None:
    rig = await start(waiting=5, header=0.2)
    for _ in range(3):
        silent = [await dial(rig) for _ in range(5)]
        assert [await one.rest() for one in silent] == [b""] * 5
        await rig.until(lambda: rig.server._callers._all == 0)
    assert not rig.server._callers._of


async def test_i10_some_files_are_left_for_everything_else(
    start: Any, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I10: the exchanges' connections and the store never meet a limit that clients have used up."""
    monkeypatch.setattr(accepting, "files", lambda: 100)
    rig = await start(waiting=1000)
    clients = [await rig.client() for _ in range(30)]
    silent = [await dial(rig) for _ in range(6)]
    await rig.until(lambda: rig.server._callers._all == 36)
    assert await (await dial(rig)).rest() == b""
    assert rig.server.clients == len(clients)
    assert len(silent) == 6


async def test_what_is_neither_read_nor_refused_is_given_up(start: Any, dial: Any) -> None:
    """Half-open, or never reading: a response of REST, which no ping watches over."""
    rig = await start(unacknowledged=0.5)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, rig.server.address)
    asking = asyncio.create_task(
        loop.sock_sendall(sock, b"GET /api/v1/info HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100_000)
    )
    await rig.until(lambda: rig.server._callers._all == 1)
    await rig.until(lambda: rig.server._callers._all == 0)
    asking.cancel()
    await asyncio.wait((asking,))
    sock.close()


# --- requests that are too large, too many, or not what they seem


@pytest.mark.parametrize(
    "head",
    [
        b"X-Large: " + b"x" * 9000 + b"\r\n",
        b"".join(b"X-%d: x\r\n" % number for number in range(200)),
        b"X-Bad\x00: x\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
    ],
    ids=["large", "many", "nul", "two framings", "two lengths", "chunked twice"],
)
async def test_i16_heads_that_are_too_large_or_ambiguous_are_refused_and_the_connection_ends(
    start: Any, dial: Any, head: bytes
) -> None:
    """I16: a second request hidden behind such a head is not answered."""
    rig = await start()
    hidden = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    one = await dial(rig, b"POST /api/v1/subscriptions HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n" + hidden)
    told = await one.rest()
    assert told.count(b"HTTP/1.") <= 1
    assert not told or told.split()[1] in {b"400", b"431"}


async def test_i16_a_request_inside_an_upgrades_body_is_not_answered(start: Any, dial: Any) -> None:
    """I16: what follows the head is the socket's, or nobody's."""
    rig = await start(closing=0.2)
    hidden = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    one = await dial(rig, UPGRADE % b"Content-Length: %d\r\n" % len(hidden) + hidden)
    assert (await one.answer()).startswith(b"HTTP/1.1 101")
    one.say(hidden)
    assert await one.close_code() == 1002


async def test_i17_pipelined_requests_wait_on_the_clients_side(start: Any, dial: Any) -> None:
    """I17: what was not answered yet is not even read."""
    rig = await start()
    async with others_are_served(rig):
        one = await dial(rig, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" * MANY)
        await rig.until(lambda: any(handler._messages for handler in rig.server._runner.server.connections))
        answered, tail = 0, b""
        async with asyncio.timeout(60):
            while answered < MANY:
                waiting = max(len(handler._messages) for handler in rig.server._runner.server.connections)
                assert waiting <= MAX_MSG_QUEUE_SIZE
                told, end, tail = (tail + await one.reader.read(1 << 16)).rpartition(b"\r\n\r\nok")
                answered += (told + end).count(b"\r\n\r\nok")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_i15_bodies_are_not_decompressed(rig: Any, coding: str) -> None:
    """I15: nothing is unfolded: what would be 64 MB of it is text that is no JSON."""
    bomb = gzip.compress(bytes(1 << 26))[:60_000]
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    async with rig.http.post(f"{rig.base}/api/v1/tickets", data=bomb, headers=headers) as reply:
        assert reply.status == 400
        assert (await reply.json(content_type=None))["code"] == "bad_request"


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize(
    "body", [b"ZZ\r\n{}\r\n0\r\n\r\n", b"-1\r\n", b"f" * 20 + b"\r\n"], ids=["word", "minus", "huge"]
)
async def test_i07_a_body_whose_chunks_are_none_is_no_defect_of_ours(
    start: Any, dial: Any, later: bool, body: bytes, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    """I07: it is refused, and not told as one of our own defects."""
    rig = await start(header=0.3, closing=0.1)
    head = b"POST /api/v1/tickets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    one = await dial(rig, head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1\r\n{\r\n" if later else body))
    if later:
        await rig.until(lambda: any(one._current_request for one in rig.server._runner.server.connections))
        one.say(body)
    assert (await one.rest()).split()[1] == (b"408" if later else b"400")
    assert "request failed" not in caplog.text + "".join(capsys.readouterr())


async def test_n05_an_endless_body_is_refused_at_the_size_that_a_body_may_have(rig: Any, dial: Any) -> None:
    head = b"POST /api/v1/tickets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    one = await dial(rig, head + b"Transfer-Encoding: chunked\r\n\r\n")
    told = asyncio.create_task(one.answer())
    async with asyncio.timeout(10):
        while not told.done():
            one.say(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
            await asyncio.sleep(0)
    assert b" 413 " in (await told).split(b"\r\n")[0]


# --- sockets that are upgraded, and misused


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(1, b"{}", rsv=4), 1002),
        (frame(1, b"{}", rsv=2), 1002),
        (frame(1, b"{}", rsv=1), 1002),
        (frame(3, b"{}"), 1002),
        (frame(11, b""), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, b"x", fin=False), 1002),
        (frame(0, b"{}"), 1002),
        (frame(1, b"{", fin=False) + frame(1, b"}"), 1002),
        (frame(1, b"\xff"), 1007),
        (frame(1, b" " * 65_537), 1009),
        (frame(1, b" " * 40_000, fin=False) + frame(0, b" " * 40_000, fin=False), 1009),
        (bytes([0x81, 0xFF]) + (2**63 - 1).to_bytes(8, "big") + bytes(4), 1009),
    ],
    ids=[
        *("c09 rsv1", "c09 rsv2", "c09 rsv3", "reserved opcode", "reserved control", "c06 long ping"),
        *("c06 ping in parts", "c05 orphan", "c05 inside", "c08 utf-8", "i07 large", "c04 endless", "c02 huge"),
    ],
)
async def test_frames_that_are_none_end_the_socket_with_the_standards_code(
    start: Any, dial: Any, frames: bytes, code: int
) -> None:
    """Groups C and I: from a client's side; nothing of them is kept."""
    rig = await start(closing=0.2)
    one = await upgraded(dial, rig)
    one.say(frames)
    assert await one.close_code() == code
    await rig.until(lambda: rig.server.clients == 0)


async def test_i15_compression_is_not_negotiated(start: Any, dial: Any) -> None:
    rig = await start()
    await upgraded(dial, rig, b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")


@pytest.mark.parametrize("piece", [frame(0, b"", fin=False), b""], ids=["empty parts", "by the byte"])
async def test_c04_a_message_that_never_ends_is_silence(start: Any, dial: Any, piece: bytes) -> None:
    """C03, C04: it takes no memory, and the client counts as silent."""
    rig = await start(ping_interval=0.1, silence=0.4, closing=0.2)
    one = await upgraded(dial, rig)
    one.say(frame(1, b" ", fin=False) if piece else frame(1, b" " * 60_000)[:8])
    over = asyncio.create_task(one.close_code())
    async with asyncio.timeout(10):
        while not over.done():
            one.say(piece or b" ")
            await asyncio.sleep(0.001)
    assert await over == 4409


async def test_c14_empty_parts_at_full_rate_cost_the_others_nothing(start: Any, dial: Any) -> None:
    """C14: ten thousand frames that say nothing."""
    rig = await start(ping_interval=0.5, silence=2.0, closing=0.2)
    async with others_are_served(rig):
        one = await upgraded(dial, rig)
        one.say(frame(1, b"", fin=False) + frame(0, b"", fin=False) * MANY * 10)
        assert await one.close_code() == 4409


@pytest.mark.parametrize("opcode", [9, 10])
async def test_c17_floods_of_pings_and_pongs_are_read_at_their_rate(start: Any, dial: Any, opcode: int) -> None:
    """C17, C18: the client's own socket holds it back, and its answers fit into its queue."""
    rig = await start(commands_per_second=1000.0, commands_burst=50)
    async with others_are_served(rig):
        one, began = await upgraded(dial, rig), time.monotonic()
        one.say(frame(opcode, b"x" * 100) * MANY + frame(1, b'{"method":"ping"}'))
        async with asyncio.timeout(60):
            await one.reader.readuntil(b'"success":true')
        assert time.monotonic() - began >= (MANY - 100) / 1000
        assert len(rig.server._arrivals.visitors) == 2


async def test_n23_a_flood_of_upgrades_holds_nobody_up_and_leaves_nothing(start: Any, dial: Any) -> None:
    """N23: how often an address may come has no bound, how much of it may be there at once has."""
    rig = await start()
    async with others_are_served(rig):
        for _ in range(MANY // 20):
            for one in [await upgraded(dial, rig) for _ in range(10)]:
                one.writer.transport.abort()
        await rig.until(lambda: rig.server.clients == 1)
    assert len(rig.server._arrivals.visitors) <= 2


async def test_i06_a_flood_of_commands_is_refused_and_then_waits_on_the_clients_side(
    start: Any, dial: Any
) -> None:
    """I06: subscribing and unsubscribing in turns opens no more than the rate allows."""
    rig = await start(commands_per_second=200.0, commands_burst=20)
    asked = [{"exchange": "mock", "channel": "quotes", "symbols": [f"S{number}"]} for number in range(MANY // 4)]
    flood = b"".join(
        frame(1, json.dumps({"method": method, "params": params}).encode())
        for params in asked
        for method in ("subscribe", "unsubscribe")
    )
    async with others_are_served(rig):
        one, began = await upgraded(dial, rig), time.monotonic()
        one.say(flood + frame(1, b'{"method":"list"}'))
        async with asyncio.timeout(60):
            await one.reader.readuntil(b'"method":"list"')
        allowed = 20 + 200 * (time.monotonic() - began)
    assert 0 < len(rig.upstream.opened) - 1 <= allowed


async def test_i08_one_request_for_very_many_topics_is_refused_as_a_whole(rig: Any) -> None:
    """I08: and so is a message that is all symbols."""
    client = await rig.client()
    await client.subscribe(*(f"S{number}" for number in range(1001)))
    assert (await client.next())["error"]["code"] == "bad_request"
    assert rig.upstream.opened == []


async def test_i07_garbage_is_answered_and_at_last_ends_the_socket(start: Any, dial: Any) -> None:
    """I07: malformed, deep and foreign; never a traceback, never more than the messages of the protocol."""
    rig = await start(closing=0.2)
    one = await upgraded(dial, rig)
    for garbage in (
        b"{",
        b"[" * 60_000,
        b"null",
        b'{"method":' + b'"x"' * 1000,
        b'{"method":1e999}',
        b'"\\ud800"',
    ):
        one.say(frame(1, garbage) + frame(2, garbage))
    assert await one.close_code() == 4503


async def test_i09_upgrades_that_come_and_go_leave_nothing_behind(start: Any, dial: Any) -> None:
    """I09: half of them leave without a word, half say goodbye."""
    rig = await start(closing=0.2)
    async with others_are_served(rig):
        for number in range(MANY // 4):
            one = await upgraded(dial, rig)
            if number % 2:
                one.say(frame(8, b"\x03\xe8"))
            one.writer.transport.abort() if number % 4 == 0 else one.writer.close()
    await rig.until(lambda: rig.server.clients == 1 and rig.server._callers._all == 1)
    assert sum(rig.server._arrivals._per_address.values()) == 1


async def test_n05_upgrades_beyond_what_an_address_may_have_are_refused(start: Any, dial: Any) -> None:
    rig = await start(sockets=3)
    kept = [await upgraded(dial, rig) for _ in range(3)]
    for _ in range(50):
        one = await dial(rig, UPGRADE % b"")
        assert (await one.answer()).startswith(b"HTTP/1.1 429")
    assert rig.server.clients == len(kept)
