"""
A process that is told to end ends in good order, whatever it is doing: within ten seconds and with status 0.

Upstream every socket is closed with a Close frame, clients are told, spans are
sent. Where somebody does not answer, the bound holds all the same.
"""

import asyncio
import gzip
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from measured import counted, happened, took
from process import End, Process, ask

from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
MORE = 60 if FULL else 2
"""Processes that are ended at any moment of their start."""
BOUND = 10.0
WAITED = BOUND if FULL else 3 * BOUND
"""Seconds that are waited for an end: machines that run all tests at once have much else to do."""
TERM = signal.SIGTERM
TOPIC = "mock:trades:BTC-USDT"
STANDING = {"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT", "ETH-USDT"]}
PRIVATE = {"exchange": "mock", "channel": "orders", "account": "main"}
ACCOUNTS = {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}}
SECRETS = {"KEY": "mock-key", "SECRET": "mock-secret"}
CONNECTION = "/api/v1/connections/mock/stream/0"

pytestmark = pytest.mark.timeout(240)


def tables(venue: MockVenue, path: Path, *standing: dict[str, Any], **endpoints: str) -> dict[str, Any]:
    return {
        "server": {"listen": "127.0.0.1:0"},
        "store": {"path": str(path / "gateway.db")},
        "exchanges": {"mock": {"endpoints": {**venue.addresses, **endpoints, "allow_plaintext": True}}},
        "accounts": ACCOUNTS,
        "subscriptions": [*(standing or (STANDING, PRIVATE))],
    }


@dataclass
class Stage:
    """A venue and a gateway that talks to it."""

    venue: MockVenue
    path: Path
    process: Process = field(init=False)
    address: str = ""

    @asynccontextmanager
    async def running(
        self, settings: dict[str, Any] | None = None, *, before: str = "", **environ: str
    ) -> AsyncIterator[None]:
        settings = settings or tables(self.venue, self.path)
        async with Process(self.path, settings, before=before, **SECRETS, **environ) as self.process:
            self.address = await self.process.address()
            yield

    async def until(self, holds: Callable[[], Any]) -> None:
        await self.venue.wait_for(lambda: bool(holds()))

    async def ready(self) -> None:
        """Wait until everything is up."""
        while (await ask("GET", self.address, "/readyz"))[0] != 200:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)

    async def closed(self) -> None:
        """See every socket closed, with a Close frame."""
        await self.until(lambda: not self.venue.sockets)
        assert [one.goodbye for one in self.venue.closed] == [1000] * len(self.venue.closed), "an abrupt close"

    async def state(self) -> str:
        return (await ask("GET", self.address, CONNECTION))[1].get("state", "")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with asyncio.timeout(200), MockVenue(rate=50) as venue:
        yield Stage(venue, tmp_path)


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of somebody who accepts connections and says nothing."""
    open_: set[asyncio.StreamWriter] = set()
    server = await asyncio.start_server(lambda _, writer: open_.add(writer), "127.0.0.1", 0)
    yield "{}:{}".format(*server.sockets[0].getsockname())
    server.close()
    for writer in open_:
        writer.close()


def in_good_order(end: End) -> None:
    assert end.status == 0, end.said
    took("seconds from SIGTERM to the end of the process", [end.seconds], bound=BOUND)
    assert end.seconds < WAITED
    for wrong in ("internal_error", "Traceback", "Task was destroyed", "never retrieved"):
        assert wrong not in end.said, end.said


# --- in each phase


async def the_list_hangs(on: Stage) -> None:
    on.venue.faults.hang_requests.arm()
    await on.until(lambda: on.venue.requests)


async def dialling(on: Stage) -> None:
    on.venue.faults.hang_upgrades.arm()
    await on.until(lambda: on.venue.attempts)


async def logging_in(on: Stage) -> None:
    on.venue.faults.lose_acks.arm()
    await on.until(lambda: any(one.path == "/private" and one.frames for one in on.venue.sockets.values()))


async def restoring(on: Stage) -> None:
    on.venue.faults.ack_delay = 60.0
    await on.until(lambda: on.venue.subscribes)


async def serving(on: Stage) -> None:
    await on.ready()


async def backing_off(on: Stage) -> None:
    await on.ready()
    on.venue.close_port()
    on.venue.drop(rst=True)
    while await on.state() != "RECONNECTING":  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.01)


async def dialling_another(on: Stage) -> None:
    await on.ready()
    on.venue.faults.hang_upgrades.arm()
    dials = len(on.venue.attempts)
    assert (await ask("POST", on.address, f"{CONNECTION}:rollover", {}))[0] == 202
    await on.until(lambda: len(on.venue.attempts) > dials)


async def restoring_another(on: Stage) -> None:
    await on.ready()
    on.venue.faults.ack_delay = 60.0
    asked = len(on.venue.subscribes)
    await ask("POST", on.address, f"{CONNECTION}:rollover", {})
    await on.until(lambda: len(on.venue.subscribes) > asked)
    assert len(on.venue.sockets) == 3


PHASES = (
    the_list_hangs, dialling, logging_in, restoring, serving, backing_off, dialling_another, restoring_another
)  # fmt: skip


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.__name__)
async def test_in_each_phase_every_socket_is_closed_with_a_goodbye(
    stage: Stage, phase: Callable[[Stage], Awaitable[None]]
) -> None:
    """Faults hold from the start, where the phase needs them there."""
    if phase in {the_list_hangs, dialling, logging_in, restoring}:
        reached = asyncio.create_task(phase(stage))
        await asyncio.sleep(0)
        async with stage.running():
            await reached
            await ended(stage)
    else:
        async with stage.running():
            await phase(stage)
            await ended(stage)


async def ended(on: Stage) -> None:
    there = [*on.venue.sockets.values()]
    on.process.tell(TERM)
    in_good_order(await on.process.end())
    await on.until(lambda: not on.venue.sockets)
    assert [one.goodbye for one in there] == [1000] * len(there), "an abrupt close"
    counted("sockets that were open, each closed with a goodbye", len(there))


# --- with clients


async def test_a_client_that_reads_loses_nothing_and_is_told_why(stage: Stage) -> None:
    async with stage.running(), aiohttp.ClientSession() as session:
        await stage.ready()
        ws = await session.ws_connect(f"ws://{stage.address}/v1/ws", protocols=("gateway.v1",))
        await ws.send_json(subscribe("BTC-USDT", "ETH-USDT"))
        messages = [(await ws.receive()).json() for _ in range(20)]
        stage.process.tell(TERM)
        while (last := await ws.receive()).type is aiohttp.WSMsgType.TEXT:
            messages.append(last.json())
        in_good_order(await stage.process.end())
        assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        assert last.extra == "the gateway is shutting down"
        for topic in (TOPIC, "mock:trades:ETH-USDT"):
            offsets = [one["offset"] for one in messages if one.get("topic") == topic and "data" in one]
            assert offsets == [*range(offsets[0], offsets[0] + len(offsets))]
            happened("messages that a client which reads to the end did not get", 0, len(offsets))
        await stage.closed()
        assert not [one for one in messages if one.get("type") == "status"], "clients leave before exchanges do"


PATCH = "import sys, gateway.{0}.serve; sys.modules['gateway.{0}.serve'].{1}\n"
UNHURRIED = PATCH.format("cli", "HASTE = 60.0")
"""Whoever is in haste has as long as anybody else, however slow the machine is."""
ENDLESS = UNHURRIED + PATCH.format("app", "DRAIN = 60.0")
"""Clients are waited for longer than the process may take to end."""


async def test_after_a_second_signal_no_client_is_waited_for(stage: Stage) -> None:
    async with stage.running(before=ENDLESS), deaf_client(stage):
        stage.process.tell(TERM)
        await asyncio.sleep(1.0)
        assert not stage.process.has_ended
        stage.process.tell(signal.SIGINT)
        in_good_order(await stage.process.end())
        await stage.closed()


async def test_whoever_does_not_answer_after_a_second_signal_is_left_soon(stage: Stage) -> None:
    async with stage.running(before=PATCH.format("cli", "HASTE = 0.1")):
        await stage.ready()
        stage.venue.faults.mute = True
        stage.process.tell(TERM)
        await asyncio.sleep(1.0)
        assert not stage.process.has_ended
        stage.process.tell(TERM)
        end = await stage.process.end()
        assert (end.status, "not ended 0.1 s after the signal" in end.said) == (70, True), end.said


async def test_neither_clients_that_do_not_read_nor_further_signals_change_that(stage: Stage) -> None:
    async with stage.running(before=UNHURRIED), deaf_client(stage), deaf_client(stage, waits=False):
        stage.process.tell(TERM)
        while not stage.process.has_ended:
            await asyncio.sleep(0.005)
            stage.process.tell(TERM)
            stage.process.tell(signal.SIGINT)
        in_good_order(await stage.process.end())
        await stage.closed()


@asynccontextmanager
async def deaf_client(on: Stage, *, waits: bool = True) -> AsyncIterator[None]:
    """A client that subscribes and reads no more; ``waits`` until so much is unread that writing blocks."""
    await on.ready()
    host, _, port = on.address.partition(":")
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    one.setblocking(False)
    await asyncio.get_running_loop().sock_connect(one, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=one, limit=1024)
    writer.write(
        f"GET /v1/ws HTTP/1.1\r\nHost: {on.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    payload = json.dumps(subscribe("BTC-USDT", "ETH-USDT", channel="book")).encode()
    writer.write(b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload)
    if waits:
        await on.until(lambda: any("book.btc_usdt" in one.streams for one in on.venue.sockets.values()))
        for _ in range(40):
            for _ in range(500):
                on.venue.emit_book("BTC-USDT")
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.2)
    try:
        yield
    finally:
        writer.transport.abort()


def subscribe(*symbols: str, channel: str = "trades") -> dict[str, Any]:
    params = {"exchange": "mock", "channel": channel, "symbols": symbols}
    return {"method": "subscribe", "req_id": 1, "params": params}


# --- with requests under way


async def test_a_request_under_way_is_answered_or_ends(stage: Stage) -> None:
    """One waits for the exchange's list, of one only half has come."""
    stage.venue.faults.hang_requests.arm()
    async with stage.running():
        body = {"exchange": "mock", "channel": "trades", "symbols": ["SOL-USDT"]}
        asking = asyncio.create_task(ask("POST", stage.address, "/api/v1/subscriptions", body))
        async with half_a_request(stage) as reader:
            assert not asking.done()
            stage.process.tell(TERM)
            in_good_order(await stage.process.end())
            assert not await reader.read()
        await asyncio.wait({asking})
        assert isinstance(asking.exception(), aiohttp.ClientError)


@asynccontextmanager
async def half_a_request(on: Stage) -> AsyncIterator[asyncio.StreamReader]:
    """A request whose body never comes; yields what is answered."""
    host, _, port = on.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /api/v1/subscriptions HTTP/1.1\r\nHost: {on.address}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
    )
    await asyncio.sleep(0.2)
    try:
        yield reader
    finally:
        writer.close()


# --- with spans to send


async def test_the_last_spans_are_sent(stage: Stage) -> None:
    sent: list[bytes] = []

    async def collect(request: web.Request) -> web.Response:
        sent.append(gzip.decompress(body) if (body := await request.read())[:2] == b"\x1f\x8b" else body)
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/v1/traces", collect)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    async with stage.running(**exporting(f"{host}:{port}")):
        await stage.ready()
        stage.process.tell(TERM)
        in_good_order(await stage.process.end())
    await runner.cleanup()
    spans = b"".join(sent)
    assert b"gateway.close" in spans, "of what came last"
    assert spans.count(b"mock/stream/0") >= 2


async def test_a_collector_that_hangs_holds_nothing_up(stage: Stage, silent: str) -> None:
    async with stage.running(**exporting(silent)):
        await stage.ready()
        stage.process.tell(TERM)
        in_good_order(await stage.process.end())
        await stage.closed()


def exporting(place: str) -> dict[str, str]:
    return {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{place}"}


# --- with everybody against it


async def test_within_the_bound_though_nobody_answers(stage: Stage, silent: str) -> None:
    """Clients do not read, or ask for what takes long; exchanges answer nothing, and the collector hangs."""
    async with (
        stage.running(**exporting(silent)),
        deaf_client(stage),
        deaf_client(stage, waits=False),
        half_a_request(stage) as reader,
    ):
        stage.process.tell(TERM)
        await asyncio.sleep(3.0)  # earlier its silence would be found out meanwhile
        stage.venue.freeze()
        end = await stage.process.end()
        in_good_order(end)
        assert "not ended" not in end.said, "it has ended by itself"
        assert not await reader.read()


# --- while it starts


@dataclass(frozen=True)
class Starting:
    """What can be seen from outside of a gateway that starts."""

    venue: MockVenue
    path: Path
    port: int


async def the_port_is_taken(starting: Starting) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", starting.port)
        except OSError:
            await asyncio.sleep(0.001)
        else:
            writer.close()
            return


async def the_store_is_there(starting: Starting) -> None:
    while not (starting.path / "gateway.db").exists():  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.001)


async def the_exchange_is_asked(starting: Starting) -> None:
    await starting.venue.wait_for(lambda: bool(starting.venue.requests))


async def a_moment_has_passed(starting: Starting) -> None:
    """Any: it may not even have begun."""
    await asyncio.sleep(Random(starting.port).uniform(0.0, 2.0))


MOMENTS = (the_port_is_taken, the_store_is_there, the_exchange_is_asked, *[a_moment_has_passed] * MORE)


@pytest.mark.timeout(900 if FULL else 240)
async def test_while_it_starts(tmp_path: Path) -> None:
    """Before the first line of ours the system ends it; afterwards it ends in good order."""
    turns = asyncio.Semaphore(4)
    async with asyncio.TaskGroup() as tasks:
        for number, moment in enumerate(MOMENTS):
            tasks.create_task(told_at(moment, tmp_path / str(number), turns))


async def told_at(moment: Callable[[Starting], Awaitable[None]], path: Path, turns: asyncio.Semaphore) -> None:
    async with turns, MockVenue() as venue:
        starting = Starting(venue, path, free_port())
        settings = {**tables(venue, path), "server": {"listen": f"127.0.0.1:{starting.port}"}}
        async with Process(path, settings, **SECRETS) as process, asyncio.timeout(120):
            await process.while_it_lives(moment(starting))
            process.tell(TERM)
            end = await process.end()
        if end.status == -TERM and moment is a_moment_has_passed:
            assert (venue.counts.dials, end.said) == (0, "")
        else:
            in_good_order(end)
        await venue.wait_for(lambda: not venue.sockets)
        # one whose upgrade was answered in that very moment may never have been ours
        assert all(one.goodbye == 1000 for one in venue.closed if one.frames)


def free_port() -> int:
    """Return a port that nobody has, and that nobody gets who does not ask for it by its number."""
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
