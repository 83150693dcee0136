import asyncio
import socket
import time
import tracemalloc
from collections import Counter

import pytest

from gateway.errors import ProtocolViolation, TransportLost
from gateway.net.sockets import FIRST, LEAST, LONG, TURN, is_readable, next_turn
from gateway.net.transport import Kind


async def pumped(transport):
    """Pump to the end; returns the data, the control frames and what ended it."""
    data, control = [], []
    with pytest.raises((TransportLost, ProtocolViolation)) as caught:
        await transport.pump(lambda *message: data.append(message), lambda *frame: control.append(frame))
    return data, control, caught.value


async def test_text_that_is_not_utf8_arrives_as_it_came(dial, ws):
    """Bytes are not decoded on the way; whoever parses them finds out."""

    async def script(wire):
        await wire.upgrade()
        wire.frame(ws.TEXT, b"\xff\xfe")

    transport, _ = await dial(script)
    assert await transport.receive() == (Kind.TEXT, b"\xff\xfe")


async def test_a_ping_between_the_fragments_of_a_message_breaks_nothing(dial, ws):
    async def script(wire):
        await wire.upgrade()
        wire.frame(ws.TEXT, b"one ", fin=False)
        wire.frame(ws.PING, b"now")
        wire.frame(0, b"message")

    transport, _ = await dial(script)
    assert await transport.receive() == (Kind.PING, b"now")
    assert await transport.receive() == (Kind.TEXT, b"one message")


async def test_a_peer_that_masks_its_frames_is_understood(dial, ws):
    async def script(wire):
        await wire.upgrade()
        for kind, payload in (
            (ws.PING, b"first"),
            (ws.TEXT, b"text"),
            (ws.BINARY, b""),
            (ws.PING, b"ping"),
            (ws.PONG, b"pong"),
        ):
            wire.frame(kind, payload, mask=b"\x01\x02\x03\x04")
        wire.fin()

    transport, _ = await dial(script)
    kind, first = await transport.receive()
    assert (kind, first, type(first)) == (Kind.PING, b"first", bytes)
    data, control, _ = await pumped(transport)
    assert data == [(b"text", False), (b"", True)]
    assert control == [(Kind.PING, b"ping"), (Kind.PONG, b"pong")]
    assert {type(payload) for _, payload in control} == {bytes}


async def test_bytes_that_come_one_by_one_make_the_same_messages(dial, ws):
    async def script(wire):
        await wire.upgrade()
        for byte in ws.frame(ws.TEXT, b"x" * 130) + ws.frame(ws.PING, b"p") + ws.frame(ws.BINARY, b"y"):
            wire.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        wire.fin()

    transport, _ = await dial(script)
    data, control, _ = await pumped(transport)
    assert (data, control) == ([(b"x" * 130, False), (b"y", True)], [(Kind.PING, b"p")])


async def test_a_huge_message_that_comes_byte_by_byte_takes_little_more_than_its_bytes(dial, ws):
    """An object for each piece would be forty times as much."""
    size = 50_000

    async def script(wire):
        await wire.upgrade()
        wire.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.writer.write(ws.frame(ws.TEXT, b"", size=2 * size))
        for _ in range(size):
            wire.writer.write(b"x")
            await asyncio.sleep(0)
        held.append(tracemalloc.get_traced_memory()[0])
        wire.fin()

    held: list[int] = []
    tracemalloc.start()
    try:
        transport, _ = await dial(script)
        before = tracemalloc.get_traced_memory()[0]
        data, _, _ = await pumped(transport)
    finally:
        tracemalloc.stop()
    assert data == []
    assert held[0] - before < 3 * size


async def test_a_ping_is_seen_and_not_answered(dial, ws):
    """The owner answers through its writer, so that pongs are counted."""

    async def script(wire):
        await wire.upgrade()
        wire.frame(ws.PING, b"1")
        heard.append(await wire.hear())

    heard: list[tuple[int, bytes]] = []
    transport, peer = await dial(script)
    assert await transport.receive() == (Kind.PING, b"1")
    await transport.ping(b"ours")
    await transport.close(within=0.1)
    await peer.over()
    assert heard == [(ws.PING, b"ours")]


async def test_a_receive_that_is_cancelled_loses_no_message(dial, ws):
    """Cancelled at every distance, in turns of the loop, from the arrival of a message."""
    transport, peer = await dial(ws.silent)
    await peer.accepted()
    got: list[int] = []
    cancelled = 0
    for number in range(300):
        task = asyncio.create_task(transport.receive())
        await asyncio.sleep(0)
        peer.wires[0].frame(ws.TEXT, b"%d" % number)
        for _ in range(number % 8):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        cancelled += task.cancelled()
        got.append(int((await transport.receive() if task.cancelled() else task.result())[1]))
    assert got == list(range(300))
    assert 20 < cancelled < 280
    assert not transport.closed


async def test_a_pump_that_is_cancelled_loses_no_message(dial, ws):
    async def script(wire):
        await wire.upgrade()
        for number in range(500):
            wire.frame(ws.TEXT, b"%d" % number)
            if number % 7 == 0:
                await wire.writer.drain()
                await asyncio.sleep(0)
        wire.fin()

    transport, _ = await dial(script)
    got: list[int] = []
    for _ in range(10_000):
        task = asyncio.create_task(transport.pump(lambda payload, _: got.append(int(payload)), lambda *_: None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            break
    assert isinstance(task.exception(), TransportLost)
    assert got == list(range(500))


async def test_between_two_messages_that_are_there_the_loop_does_not_turn(dial, ws):
    async def script(wire):
        await wire.upgrade()
        wire.writer.write(b"".join(ws.frame(ws.TEXT, b"%d" % number) for number in range(100)))
        await wire.hear()
        wire.fin()

    def turn():
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    def on_data(payload, _):
        seen.append((int(payload), turns))
        if payload == b"99":
            end.set()

    loop = asyncio.get_running_loop()
    turns, seen, end = 0, [], asyncio.Event()
    transport, _ = await dial(script)
    pump = asyncio.create_task(transport.pump(on_data, lambda *_: None))
    loop.call_soon(turn)
    await end.wait()
    pump.cancel()
    assert [number for number, _ in seen] == list(range(100))
    assert len({at for _, at in seen}) == 1


async def test_messages_that_nobody_read_in_time_are_all_there_and_the_pong_behind_them(dial, ws):
    """aiohttp stops reading at half a mebibyte; its own heartbeat would then miss the pong and drop the rest."""

    async def script(wire):
        await wire.upgrade()
        for number in range(3000):
            wire.frame(ws.TEXT, b"%04d" % number + b"x" * 996)
        wire.frame(ws.PONG, b"late")
        await wire.writer.drain()
        wire.fin()

    transport, _ = await dial(script)
    for _ in range(50):
        await asyncio.sleep(0.002)
    assert not transport._tcp.is_reading()
    data, control, _ = await pumped(transport)
    assert [int(payload[:4]) for payload, _ in data] == list(range(3000))
    assert control == [(Kind.PONG, b"late")]


async def test_others_get_a_turn_while_one_socket_has_much_to_hand_over(dial, ws):
    """A client must be written to, and another socket read, before half a mebibyte has been handled."""

    async def script(wire):
        await wire.upgrade()
        for number in range(400):
            wire.frame(ws.TEXT, b"%04d" % number + b"x" * 996)
        await wire.writer.drain()
        await wire.hear()
        wire.fin()

    def turn():
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    def on_data(payload, _):
        seen.append((int(payload[:4]), turns))
        if payload.startswith(b"0399"):
            end.set()

    transport, _ = await dial(script)
    for _ in range(50):
        await asyncio.sleep(0.002)
    loop = asyncio.get_running_loop()
    turns, seen, end = 0, [], asyncio.Event()
    pump = asyncio.create_task(transport.pump(on_data, lambda *_: None))
    loop.call_soon(turn)
    await end.wait()
    pump.cancel()
    assert [number for number, _ in seen] == list(range(400))
    busiest = max(Counter(at for _, at in seen).values())
    assert TURN // 1000 <= busiest <= TURN // 1000 + 2


async def test_a_peer_that_only_pings_shows_every_ping(dial, ws):
    """aiohttp's timers are all reset by them, so the ages must be ours."""

    async def script(wire):
        await wire.upgrade()
        for number in range(20):
            wire.frame(ws.PING, b"%d" % number)
        wire.fin()

    transport, _ = await dial(script)
    data, control, _ = await pumped(transport)
    assert (data, control) == ([], [(Kind.PING, b"%d" % number) for number in range(20)])


@pytest.mark.parametrize("kind", ["TEXT", "PING"])
async def test_what_a_callback_raises_ends_the_pump_as_it_is_and_the_socket_lives_on(dial, ws, kind):
    async def script(wire):
        await wire.upgrade()
        wire.frame(getattr(ws, kind), b"1")
        wire.frame(ws.TEXT, b"2")

    def fail(*_):
        raise error

    error = ConnectionResetError("not the socket's")  # would be taken for a lost socket
    transport, peer = await dial(script)
    with pytest.raises(ConnectionResetError) as caught:
        await transport.pump(fail, fail)
    assert caught.value is error
    assert await transport.receive() == (Kind.TEXT, b"2")
    await transport.close(within=0.1)
    await peer.over()


async def test_only_one_task_reads(dial, ws):
    transport, _ = await dial(ws.silent)
    reading = asyncio.create_task(transport.receive())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one task"):
        await transport.receive()
    with pytest.raises(RuntimeError, match="one task"):
        await transport.pump(lambda *_: None, lambda *_: None)
    reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled()


async def test_sends_of_many_tasks_do_not_mix_their_frames(dial, ws):
    async def script(wire):
        await wire.upgrade()
        heard.extend([await wire.hear() for _ in range(40)])
        done.set()

    heard: list[tuple[int, bytes]] = []
    done = asyncio.Event()
    transport, _ = await dial(script)
    frames = [bytes([number]) * 20_000 for number in range(40)]
    async with asyncio.TaskGroup() as group:
        for frame in frames:
            group.create_task(transport.send(frame))
    await done.wait()
    assert heard == [(ws.BINARY, frame) for frame in frames]


@pytest.mark.parametrize(
    ("turn", "seconds", "bytes_"),
    [
        (FIRST, 0.0001, TURN),
        (TURN, 0.0, TURN),
        (TURN, LONG, TURN),
        (TURN, 2 * LONG, TURN // 2),
        (TURN, 1e3, LEAST),
    ],
)
def test_a_turn_is_as_long_as_it_may_take(turn, seconds, bytes_):
    assert next_turn(turn, seconds) == bytes_


async def test_messages_that_take_long_leave_others_their_turn_early(dial, ws):
    async def script(wire):
        await wire.upgrade()
        for number in range(60):
            wire.frame(ws.TEXT, b"%04d" % number + b"x" * 996)
        await wire.writer.drain()
        await wire.hear()

    def turn():
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    def on_data(payload, _):
        seen.append(turns)
        time.sleep(0.02)
        if payload.startswith(b"0059"):
            end.set()

    transport, _ = await dial(script)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        while len(transport._messages._buffer) < 60:  # noqa: ASYNC110  # the wire brings it about
            await asyncio.sleep(0.002)
    turns, seen, end = 0, [], asyncio.Event()
    pump = asyncio.create_task(transport.pump(on_data, lambda *_: None))
    loop.call_soon(turn)
    await end.wait()
    pump.cancel()
    several = Counter(seen).values()
    assert max(several) <= FIRST // 1000 + 2
    assert list(several)[1] <= 7, "a tenth of a second is five of them"


async def test_whatever_came_and_was_not_read_is_known_wherever_it_waits(dial, ws):
    async def script(wire):
        await wire.upgrade()
        await wire.hear()
        for _ in range(3000):
            wire.frame(ws.TEXT, b"x" * 1000)
        await wire.writer.drain()
        wire.fin()

    transport, _ = await dial(script)
    assert not transport.has_unread
    await transport.ping(b"go on")
    async with asyncio.timeout(30):
        while transport._tcp.is_reading():  # noqa: ASYNC110  # likewise
            await asyncio.sleep(0.002)
    assert transport.has_unread
    assert is_readable(transport._tcp.get_extra_info("socket"))
    await pumped(transport)
    transport.abort()
    assert not transport.has_unread
    assert not is_readable(None)
