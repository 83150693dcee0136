"""
Over TLS and real sockets, and with a file: whatever a gateway waits for, it can be ended, and nothing is left.

Here no two runs are alike, so awaits are struck one after the other until there
are no more. On the standard library's loop and on uvloop; with
``GATEWAY_FULL_SIZE`` at each await in each way, else in turns.
"""

import asyncio
import os
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count, product
from pathlib import Path
from typing import Any, Self

import pytest
import trustme
from swept import ACCOUNTS, ENVIRON, OURS, PRIVATE, PUBLIC, THEIRS, Way

from gateway import Gateway
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.model.subscriptions import Subscription
from gateway.store import Store
from gateway.testing.faults import Refusal
from gateway.testing.stepping import Awaits, Moment
from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
WAYS = (Way.DISCONNECT, Way.STOP, Way.CANCEL)
ROUNDS = range(len(WAYS) * len(Moment) if FULL else 1)
BOUND = 30.0
LEAST = 25
"""Awaits of an opening, else it is not what it was."""

pytestmark = pytest.mark.timeout(300 if FULL else 240)

LOOPS = {"asyncio": asyncio.new_event_loop}
with suppress(ImportError):
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop


@pytest.fixture(params=LOOPS)
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


def is_ours(task: "asyncio.Task[Any]", file: str) -> bool:
    return task.get_name() == "program" or (file.startswith(OURS) and not file.startswith(THEIRS))


def our_tasks() -> list[str]:
    return [
        task.get_name()
        for task in asyncio.all_tasks()
        if (code := getattr(task.get_coro(), "cr_code", None)) and is_ours(task, code.co_filename)
    ]


class Front:
    """What speaks TLS before a venue that does not; counts the connections that are open."""

    def __init__(self, venue: MockVenue, context: ssl.SSLContext) -> None:
        self.open = 0
        self._venue = venue
        self._context = context

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", self._venue.port)
            ways = [asyncio.ensure_future(_pass(*way)) for way in ((reader, outer), (inner, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for one in ways:
                one.cancel()
            outer.close()
            writer.close()
        finally:
            self.open -= 1


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)


@asynccontextmanager
async def staged(path: Path) -> AsyncIterator[tuple[MockVenue, Front, dict[str, Any]]]:
    """A venue behind TLS, and the settings of whoever wants to get there."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(path / "ca.pem"))
    async with MockVenue() as venue, Front(venue, context) as front:
        base = f"wss://127.0.0.1:{front.port}"
        endpoints = {"stream": base, "private": f"{base}/private", "rest": venue.addresses["rest"]}
        exchange = {"ca_file": str(path / "ca.pem"), "endpoints": {**endpoints, "allow_plaintext": True}}
        yield venue, front, {"exchanges": {"mock": exchange}, "accounts": ACCOUNTS}


@pytest.mark.parametrize("first", ROUNDS)
def test_a_dial_over_tls_is_ended_at_any_await(runner: asyncio.Runner, tmp_path: Path, first: int) -> None:
    runner.run(dials_ended(tmp_path, first))


async def dials_ended(path: Path, first: int) -> None:
    awaits = Awaits(asyncio.get_running_loop(), is_ours)
    kinds = list(product(WAYS, Moment))
    async with staged(path) as (venue, front, settings):
        await opened(settings, awaits, 0, *kinds[0])  # what is made once is made
        descriptors = open_descriptors()
        for number in count(1):
            begun = awaits.count
            kind = kinds[(first + (0 if FULL else number)) % len(kinds)]
            await opened(settings, awaits, number, *kind)
            async with asyncio.timeout(BOUND):
                await venue.wait_for(lambda: not venue.sockets)
                while front.open or open_descriptors() > descriptors:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.001)
            if awaits.count - begun < number:
                break
        assert number > LEAST


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def opened(settings: dict[str, Any], awaits: Awaits, number: int, way: Way, moment: Moment) -> None:
    """Open two connections, ended at one of the awaits, if they are not up before that."""
    struck = asyncio.Event()
    ends: list[Awaitable[Any]] = []
    async with asyncio.timeout(BOUND), Gateway(settings, environ=ENVIRON) as gateway:

        def strike(_: object) -> None:
            ends.extend(end(gateway, way))
            struck.set()

        if number:
            awaits.at(number, strike, moment)
        hopes = [asyncio.ensure_future(gateway.connect_account(id_, retry=True)) for id_ in (PUBLIC, PRIVATE)]
        hit, up = asyncio.ensure_future(struck.wait()), asyncio.gather(*hopes, return_exceptions=True)
        await asyncio.wait({hit, up}, return_when=asyncio.FIRST_COMPLETED)
        awaits.never()
        if ends:
            await asyncio.gather(*ends)
            assert {view.state for view in gateway.registry.snapshot.supervised.values()} <= {S.DISCONNECTED}
        await gateway.stop()
        hit.cancel()
        await asyncio.wait({hit, up})
    assert not our_tasks()


def end(gateway: Gateway, way: Way) -> list[Awaitable[Any]]:
    match way:
        case Way.DISCONNECT:
            return [gateway.disconnect_account(id_) for id_ in (PUBLIC, PRIVATE)]
        case Way.STOP:
            return [asyncio.ensure_future(gateway.stop())]
        case _:
            supervisors = [one for one in asyncio.all_tasks() if one.get_name().startswith("gateway supervisor")]
            for one in supervisors:
                one.cancel()
            return [asyncio.gather(*supervisors, return_exceptions=True)]


# --- with a file


def test_a_program_that_is_cancelled_at_any_await_lets_go_of_its_file(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    """While it starts, while it runs and while it leaves: another can have the file at once."""
    runner.run(programs_cancelled(str(tmp_path / "gateway.db")))


async def programs_cancelled(path: str) -> None:
    await begun(path)
    awaits = Awaits(asyncio.get_running_loop(), lambda task, _: task.get_name() == "program")
    for twice in (False, True):
        number, struck = 0, True
        while struck:
            number += 1
            struck = await cancelled(path, awaits, number, twice=twice)
            store = Store(path)
            await store.open(0)
            assert [one.subscription.symbol for one in await store.subscriptions()] == ["BTC-USDT"]
            await store.close()
        assert number > 3
    assert not [one for one in threading.enumerate() if one.name == "gateway store"]


async def begun(path: str) -> None:
    store = Store(path)
    await store.open(0)
    await store.add_subscription(Subscription("mock", "trades", "BTC-USDT"), 1)
    await store.close()


async def cancelled(path: str, awaits: Awaits, number: int, *, twice: bool) -> bool:
    """Run a program and cancel it at one of its awaits, again soon afterwards; false if it has ended before."""
    loop = asyncio.get_running_loop()

    def strike(task: "asyncio.Task[Any]") -> None:
        task.cancel()
        if twice:
            loop.call_soon(loop.call_soon, task.cancel)

    awaits.at(number, strike)
    program = loop.create_task(brief(path), name="program")
    await asyncio.wait({program})
    awaits.never()
    if not program.cancelled():
        program.result()
    assert not our_tasks()
    return program.cancelled()


async def brief(path: str) -> None:
    """Run a gateway whose exchange is not there."""
    nowhere = {"stream": "ws://127.0.0.1:1", "rest": "http://127.0.0.1:1", "allow_plaintext": True}
    async with Gateway({"exchanges": {"mock": {"endpoints": nowhere}}, "store": {"path": path}}):
        await asyncio.sleep(0.01)


def test_a_ban_that_was_heard_of_is_kept_whenever_the_gateway_is_stopped(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    runner.run(bans_kept(tmp_path))


async def bans_kept(path: Path) -> None:
    awaits = Awaits(asyncio.get_running_loop(), is_ours)
    outcomes = set()
    for number in count(1):
        begun, heard = awaits.count, Heard()
        store = Store(str(path / f"{number}.db"))
        async with MockVenue() as venue, asyncio.timeout(BOUND):
            venue.faults.refuse_upgrades.arm(Refusal(418, {"retry-after": "3600"}), times=1)
            exchange = {"endpoints": {**venue.addresses, "allow_plaintext": True}}
            tables = {"exchanges": {"mock": exchange}, "store": {"path": str(path / f"{number}.db")}}
            async with Gateway(tables, observers=[heard]) as gateway:
                stopping: list[asyncio.Future[None]] = []
                awaits.at(number, lambda _: stopping.append(asyncio.ensure_future(gateway.stop())))  # noqa: B023  # over by then
                await asyncio.wait([asyncio.ensure_future(gateway.connect_account(PUBLIC))])
                awaits.never()
                await asyncio.gather(*stopping)
        await store.open(0)
        assert len(await store.bans(0)) == heard.bans
        await store.close()
        outcomes.add(heard.bans)
        if awaits.count - begun < number:
            break
    assert outcomes == {0, 1}, "it came too early for some"


class Heard:
    """An observer that counts bans."""

    def __init__(self) -> None:
        self.bans = 0

    def changed(self, change: Change) -> None:
        self.bans += change.after is S.ERROR and "418" in change.text

    def entered(self, *_: object) -> None:
        """Nothing: phases are detail."""

    @contextmanager
    def during(self, *_: object) -> Iterator[None]:
        yield

    def noticed(self, *_: object, **__: object) -> None:
        """Nothing."""
