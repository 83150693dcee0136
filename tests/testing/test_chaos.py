"""The chaos proxy, between bare sockets and on both event loops."""

import asyncio
import errno
import socket
import sys

import pytest

from gateway.testing.chaos import ChaosProxy
from gateway.testing.chaos_links import MOST_WAITING
from gateway.testing.wire import reset

LONG = bytes(range(256)) * 1024


class Far:
    """A server that keeps what it hears of each connection, and how it ended."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.heard: list[bytearray] = []
        self.ends: list[str] = []
        self.changed = asyncio.Condition()
        self.reading = asyncio.Event()
        self.reading.set()

    async def serve(self, reader, writer) -> None:
        heard = bytearray()
        self.writers.append(writer)
        self.heard.append(heard)
        await self.note()
        try:
            await self.reading.wait()
            while data := await reader.read(65536):
                heard += data
                await self.note()
            self.ends.append("fin")
        except ConnectionError:
            self.ends.append("rst")
        except asyncio.CancelledError:
            return
        await self.note()

    async def note(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def wait_for(self, holds) -> None:
        async with self.changed:
            await self.changed.wait_for(holds)


class Stage:
    def __init__(self, far: Far, proxy: ChaosProxy) -> None:
        self.far = far
        self.proxy = proxy
        self.near: list[asyncio.StreamWriter] = []

    async def dial(self):
        """Connect and return reader and writer of the client, and the server's writer."""
        known = len(self.far.writers)
        host = self.proxy.target[0]
        reader, writer = await asyncio.open_connection(host, self.proxy.port)
        self.near.append(writer)
        await self.far.wait_for(lambda: len(self.far.writers) > known)
        return reader, writer, self.far.writers[known]


async def staged(scenario, host: str = "127.0.0.1") -> None:
    reported = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    far = Far()
    server = await asyncio.start_server(far.serve, host, 0)
    async with asyncio.timeout(20), ChaosProxy(server.sockets[0].getsockname()[1], host) as proxy:
        stage = Stage(far, proxy)
        await scenario(stage)
    for writer in (*stage.near, *far.writers):
        writer.transport.abort()
    server.close()
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left)
    assert (proxy.links, reported) == ([], [])


@pytest.fixture(params=["asyncio", "uvloop"])
def play(request):
    """Plays a scenario on a stage, and sees nothing left."""
    factory = asyncio.new_event_loop
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop

    def run(scenario) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(staged(scenario))

    return run


def now() -> float:
    return asyncio.get_running_loop().time()


async def nothing_comes(reader, seconds: float = 0.15) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            assert not await reader.read(1)


def test_bytes_pass_both_ways_and_are_counted(play):
    async def scenario(stage) -> None:
        reader, writer, far = await stage.dial()
        writer.write(LONG)
        far.write(LONG[::-1])
        assert await reader.readexactly(len(LONG)) == LONG[::-1]
        await stage.far.wait_for(lambda: len(stage.far.heard[0]) == len(LONG))
        assert stage.far.heard[0] == LONG
        assert (stage.proxy.up.passed, stage.proxy.down.passed) == (len(LONG), len(LONG))
        assert (stage.proxy.accepted, len(stage.proxy.links)) == (1, 1)

    play(scenario)


def test_an_end_passes_and_the_other_direction_goes_on(play):
    async def scenario(stage) -> None:
        reader, writer, far = await stage.dial()
        writer.write(b"last")
        writer.write_eof()
        await stage.far.wait_for(lambda: stage.far.ends)
        assert (bytes(stage.far.heard[0]), stage.far.ends) == (b"last", ["fin"])
        far.write(b"answer")
        far.write_eof()
        assert await reader.read() == b"answer"
        await stage.proxy.wait_for(lambda: not stage.proxy.links)

    play(scenario)


@pytest.mark.parametrize("side", ["near", "far"])
def test_a_reset_passes(play, side):
    async def scenario(stage) -> None:
        reader, writer, far = await stage.dial()
        if side == "near":
            reset(writer.transport)
            await stage.far.wait_for(lambda: stage.far.ends)
            assert stage.far.ends == ["rst"]
        else:
            reset(far.transport)
            with pytest.raises(ConnectionResetError):
                await reader.read()
        await stage.proxy.wait_for(lambda: not stage.proxy.links)

    play(scenario)


def test_one_direction_is_late_and_what_follows_is_not_later_still(play):
    async def scenario(stage) -> None:
        reader, writer, far = await stage.dial()
        stage.proxy.down.delay = 0.5
        began = now()
        far.write(b"1")
        writer.write(b"x")
        await stage.far.wait_for(lambda: stage.far.heard[0])
        assert stage.proxy.down.passed == 0
        await asyncio.sleep(0.1)
        far.write(b"2")
        assert await reader.readexactly(1) == b"1"
        assert now() - began >= 0.49
        assert await reader.readexactly(1) == b"2"
        assert 0.59 <= now() - began <= 0.99

    play(scenario)


def test_a_rate_holds_and_can_be_raised_at_run_time(play):
    async def scenario(stage) -> None:
        reader, _, far = await stage.dial()
        stage.proxy.down.rate = 1000.0
        far.write(bytes(100_000))
        began = now()
        await reader.readexactly(300)
        assert now() - began >= 0.25
        stage.proxy.down.rate = 1e9
        await reader.readexactly(99_700)
        assert now() - began <= 3.0

    play(scenario)


def test_a_rate_below_a_byte_a_second_does_not_hold_up_its_end(play):
    async def scenario(stage) -> None:
        reader, _, far = await stage.dial()
        stage.proxy.down.rate = 0.001
        far.write(b"abc")
        await nothing_comes(reader)
        stage.proxy.down.rate = 1e6
        assert await reader.readexactly(3) == b"abc"

    play(scenario)


def test_bytes_come_one_by_one(play):
    async def scenario(stage) -> None:
        reader, _, far = await stage.dial()
        stage.proxy.down.piece = 1
        far.write(LONG[:500])
        pieces = []
        while sum(pieces) < 500:
            pieces.append(len(await reader.read(65536)))
        assert len(pieces) > 100

    play(scenario)


def test_a_frozen_direction_keeps_what_comes_and_the_other_goes_on(play):
    async def scenario(stage) -> None:
        reader, writer, far = await stage.dial()
        stage.proxy.up.freeze()
        writer.write(b"kept")
        writer.write_eof()
        far.write(b"data")
        assert await reader.readexactly(4) == b"data"
        await nothing_comes(reader)
        assert (stage.far.heard[0], stage.far.ends, stage.proxy.up.passed) == (b"", [], 0)
        stage.proxy.up.thaw()
        await stage.far.wait_for(lambda: stage.far.ends)
        assert (stage.far.heard[0], stage.far.ends) == (b"kept", ["fin"])

    play(scenario)


def test_a_swallowing_direction_loses_what_comes_and_the_other_goes_on(play):
    async def scenario(stage) -> None:
        reader, writer, far = await stage.dial()
        stage.proxy.up.freeze()
        writer.write(b"kept at first ")
        await nothing_comes(reader)
        stage.proxy.up.swallow()
        writer.write(b"lost")
        await stage.proxy.wait_for(lambda: stage.proxy.up.swallowed == 18)
        far.write(b"data")
        assert await reader.readexactly(4) == b"data"
        stage.proxy.up.thaw()
        writer.write(b"heard")
        await stage.far.wait_for(lambda: stage.far.heard[0])
        assert stage.far.heard[0] == b"heard"

    play(scenario)


def test_no_end_passes_while_a_direction_swallows(play):
    async def scenario(stage) -> None:
        _, writer, _ = await stage.dial()
        stage.proxy.up.swallow()
        reset(writer.transport)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.15):
                await stage.far.wait_for(lambda: stage.far.ends)
        stage.proxy.up.thaw()
        await stage.far.wait_for(lambda: stage.far.ends)

    play(scenario)


def test_what_a_frozen_direction_keeps_is_bounded_and_the_sender_waits(play):
    async def scenario(stage) -> None:
        _, writer, _ = await stage.dial()
        stage.proxy.up.freeze()
        sending = asyncio.create_task(flood(writer, 64 << 20))
        line, before = stage.proxy.links[0].up, -1
        while line._waiting != before:
            before = line._waiting
            await asyncio.sleep(0.1)  # the system says nothing when it is full
        assert not sending.done()
        assert 0 < line._waiting <= MOST_WAITING
        stage.proxy.up.swallow()
        await sending

    play(scenario)


async def flood(writer, size: int) -> None:
    for _ in range(size >> 16):
        writer.write(bytes(65536))
        await writer.drain()


def test_a_byte_is_changed_and_no_other(play):
    async def scenario(stage) -> None:
        reader, writer, far = await stage.dial()
        far.write(b"hello, you")
        await reader.readexactly(10)
        stage.proxy.down.flip(after=2, mask=0x20)
        stage.proxy.down.flip(after=4)
        far.write(b"abcde")
        assert await reader.readexactly(5) == b"abC" + b"d" + bytes((ord("e") ^ 0xFF,))
        far.write(b"abcde")
        writer.write(b"abcde")
        assert await reader.readexactly(5) == b"abcde"
        await stage.far.wait_for(lambda: stage.far.heard[0] == b"abcde")

    play(scenario)


@pytest.mark.parametrize("rst", [True, False])
def test_a_link_is_cut_after_so_many_bytes(play, rst):
    async def scenario(stage) -> None:
        reader, _, far = await stage.dial()
        stage.proxy.down.cut_after(7, rst=rst)
        far.write(b"0123")
        far.write(b"456789")
        assert await reader.readexactly(7) == b"0123456"
        if rst:
            with pytest.raises(ConnectionResetError):
                await reader.read()
        else:
            assert await reader.read() == b""
        await stage.far.wait_for(lambda: stage.far.ends)
        assert stage.far.ends == ["rst" if rst else "fin"]
        assert stage.proxy.down.passed == 7
        _, _, other = await stage.dial()
        other.write(b"0123456789")
        await stage.proxy.wait_for(lambda: stage.proxy.down.passed == 17)

    play(scenario)


@pytest.mark.parametrize("rst", [True, False])
def test_every_link_is_dropped_at_once_and_new_ones_are_not(play, rst):
    async def scenario(stage) -> None:
        readers = [(await stage.dial())[0] for _ in range(3)]
        stage.proxy.drop(rst=rst)
        for reader in readers:
            if rst:
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            else:
                assert await reader.read() == b""
        await stage.far.wait_for(lambda: len(stage.far.ends) == 3)
        assert set(stage.far.ends) == {"rst" if rst else "fin"}
        reader, _, far = await stage.dial()
        far.write(b"well")
        assert await reader.readexactly(4) == b"well"

    play(scenario)


def test_a_direction_is_ended_and_its_sender_does_not_know(play):
    async def scenario(stage) -> None:
        reader, writer, far = await stage.dial()
        far.write(b"before")
        assert await reader.readexactly(6) == b"before"
        stage.proxy.half_close(stage.proxy.down)
        assert await reader.read() == b""
        far.write(b"unheard")
        writer.write(b"still heard")
        await stage.far.wait_for(lambda: stage.far.heard[0] == b"still heard")
        await stage.proxy.wait_for(lambda: stage.proxy.down.swallowed == 7)
        assert stage.far.ends == []
        far.write_eof()
        writer.write_eof()
        await stage.proxy.wait_for(lambda: not stage.proxy.links)

    play(scenario)


def test_dials_are_refused_and_open_links_stay(play):
    async def scenario(stage) -> None:
        reader, _, far = await stage.dial()
        for _ in range(3):
            stage.proxy.refuse()
            await asyncio.sleep(0.02)  # uvloop closes a port a turn or two later
            with pytest.raises(ConnectionRefusedError):
                await stage.dial()
            far.write(b"x")
            assert await reader.readexactly(1) == b"x"
            await stage.proxy.admit()
            await stage.dial()

    play(scenario)


def test_dials_hang_and_are_served_later(play):
    async def scenario(stage) -> None:
        stage.proxy.hang()
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.proxy.port)
        stage.near.append(writer)
        writer.write(b"hello?")
        await nothing_comes(reader)
        assert (stage.proxy.accepted, stage.far.writers) == (0, [])
        await stage.proxy.admit()
        await stage.far.wait_for(lambda: stage.far.heard and stage.far.heard[0])
        assert stage.far.heard[0] == b"hello?"

    play(scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="a full queue of dials is answered otherwise elsewhere")
def test_dials_are_not_answered_at_all(play):
    async def scenario(stage) -> None:
        stage.proxy.vanish()
        with socket.socket() as dialling:
            dialling.setblocking(False)
            assert dialling.connect_ex(("127.0.0.1", stage.proxy.port)) == errno.EINPROGRESS
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await asyncio.get_running_loop().sock_connect(dialling, ("127.0.0.1", stage.proxy.port))
        await stage.proxy.admit()
        await stage.dial()
        assert stage.proxy.accepted == 1

    play(scenario)


def test_dials_are_reset_as_often_as_asked(play):
    async def scenario(stage) -> None:
        stage.proxy.reset_dials.arm(1)
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.proxy.port)
        stage.near.append(writer)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await stage.dial()
        assert stage.proxy.accepted == 2

    play(scenario)


def test_a_server_that_is_not_there_resets_the_client(play):
    async def scenario(stage) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            stage.proxy.target = taken.getsockname()
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.proxy.port)
            stage.near.append(writer)
            with pytest.raises(ConnectionResetError):
                await reader.read()

    play(scenario)


def test_stopping_ends_what_is_frozen_full_or_hanging(play):
    async def scenario(stage) -> None:
        _, writer, _ = await stage.dial()
        stage.proxy.up.freeze()
        stage.proxy.down.freeze()
        sending = asyncio.create_task(flood(writer, 64 << 20))
        await stage.dial()
        began = now()
        await stage.proxy.stop()
        assert now() - began < 1
        with pytest.raises(ConnectionError):
            await sending

    play(scenario)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "example.org", "::", ""])
def test_it_never_leads_away_from_this_machine(host):
    with pytest.raises(ValueError, match="need a loopback address"):
        ChaosProxy(80, host)


def test_it_knows_the_other_loopback():
    async def scenario(stage) -> None:
        reader, _, far = await stage.dial()
        far.write(b"six")
        assert await reader.readexactly(3) == b"six"

    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    asyncio.run(staged(scenario, "::1"))
