"""A message on its way from a socket to the last outbox: no hook, no span, no lock, no log and no await."""

import ast
import asyncio
import inspect
import logging
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pluggy
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_tracer

from gateway import Gateway, Message
from gateway.engine.book import OrderBook
from gateway.engine.bookfeed import BookFeed
from gateway.engine.booksync import BookSync
from gateway.engine.conflation import Conflation
from gateway.engine.feeds import Feed
from gateway.engine.intake import Intake
from gateway.engine.lines import LagPolicy, Line
from gateway.engine.outbox import Outbox
from gateway.engine.ring import Ring
from gateway.engine.topics import Topic
from gateway.net.sockets import AiohttpTransport
from gateway.spi.steps import HttpReply
from gateway.telemetry import Logs
from gateway.telemetry.tracing import Tracing
from gateway.testing.memory import MemoryNetwork
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange

MESSAGES = 10_000
NEVER = (
    "pluggy",
    "opentelemetry",
    "threading",
    "_thread",
    "logging",
    "structlog",
    "gateway.host",
    "gateway.telemetry",
)
"""Modules that no message may enter; ``_thread`` is where locks are made and taken."""
TOPICS = ("trades:BTC-USDT", "quotes:BTC-USDT", "book:BTC-USDT", "book:BTC-USDT:5", "raw:trades.btc_usdt")
SYMBOLS = b'[{"symbol":"BTC-USDT","native":"btc_usdt","base":"BTC","quote":"USDT"}]'
ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE


class Profile:
    """Which modules were entered, and which code was run."""

    def __init__(self) -> None:
        self.entered: Counter[str] = Counter()
        self.code: set[CodeType] = set()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        before = sys.getprofile()
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(before)

    def entries(self, *modules: str) -> dict[str, int]:
        """Return how often each of ``modules``, or a module of theirs, was entered, if it was."""
        return {
            name: count
            for name, count in self.entered.items()
            if any(name == one or name.startswith(f"{one}.") for one in modules)
        }

    def _see(self, frame: FrameType, event: str, arg: object) -> None:
        if event == "call":
            self.entered[str(frame.f_globals.get("__name__"))] += 1
            self.code.add(frame.f_code)
        elif event == "c_call":
            owner = getattr(arg, "__self__", None)
            self.entered[getattr(arg, "__module__", None) or type(owner).__module__] += 1


class Client:
    """The engine's half of one client: an outbox, and a line to each topic, as the server has them."""

    def __init__(self, gateway: Gateway, policy: LagPolicy) -> None:
        self.woken = 0
        self.outbox = Outbox(self._wake)
        self.lines = [Line(topic, self.outbox, policy) for topic in gateway.hub.topics.values()]
        for line in self.lines:
            line.topic.attach(line)

    def _wake(self) -> None:
        self.woken += 1


def messages(count: int) -> Iterator[bytes]:
    """Yield what the mock exchange says: trades, quotes and changes of a book in turn."""
    for number in range(1, count + 1):
        match number % 4:
            case 0:
                yield (
                    b'{"stream":"trades.btc_usdt","ts":%d,"data":'
                    b'[{"id":%d,"price":"60000.1","size":"2","side":"buy","ts":1}]}' % (number, number // 4)
                )
            case 1 | 2:
                yield (
                    b'{"stream":"quotes.btc_usdt","ts":%d,"data":'
                    b'[{"bid":"1.%d","bid_size":"1","ask":"2","ask_size":"1","ts":1}]}' % (number, number)
                )
            case _:
                last = number // 4 + 1
                yield (
                    b'{"stream":"book.btc_usdt","ts":%d,"data":[{"bids":[["60000.%d","%d"]],"asks":[],'
                    b'"last":%d,"previous":%d}]}' % (number, number % 9, number, last, last - 1)
                )


class Playing:
    """A gateway with all that can listen: logs, traces, clients, a callback, an iteration."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.profile = Profile()

    @contextmanager
    def observers(self) -> Iterator[list[object]]:
        provider = TracerProvider(shutdown_on_exit=False)
        tracing = Tracing(provider.get_tracer("hot"))
        yield [tracing, Logs(tracing.trace_id)]
        provider.shutdown()

    async def play(self, count: int, *extra: Callable[[object], None]) -> list[Client]:
        loop = asyncio.get_running_loop()
        network = MemoryNetwork(on_fetch=lambda _: HttpReply(200, body=SYMBOLS))
        with self.observers() as observers:
            gateway = Gateway(
                {"exchanges": {"mock": {}}},
                plugins={"mock": MockExchange()},
                network=network,
                observers=observers,
                now=loop.time,
            )
            async with gateway:
                for topic in TOPICS:
                    await gateway.listen(f"mock:{topic}", self.heard.append)
                for heard in extra:
                    await gateway.listen("mock:trades:BTC-USDT", heard)
                listening = gateway.subscribe(*(f"mock:{topic}" for topic in TOPICS), queue=10 * count)
                await asyncio.sleep(0.1)
                await bring_up(network.peers[0])
                async with listening:
                    clients = [Client(gateway, policy) for policy in LagPolicy for _ in range(2)]
                    take, frames = receipt_of(gateway), list(messages(count))
                    with self.profile():
                        for frame in frames:
                            take(frame, False)
        return clients


def receipt_of(gateway: Gateway) -> Callable[[bytes, bool], None]:
    """Return what the socket's reader hands each frame to."""
    link = gateway._assembly.exchanges["mock"].links.all["mock/stream/0"]
    service: Any = link.connection.serving
    return service._intake.take


async def bring_up(peer: MemoryPeer) -> None:
    for number in range(1, 10):
        peer.say(f'{{"op":"ok","id":{number}}}')
    peer.say('{"stream":"book.btc_usdt","kind":"snapshot","ts":0,"data":[{"bids":[],"asks":[],"last":0}]}')
    await asyncio.sleep(0.1)


@virtually
async def test_ten_thousand_messages_enter_no_hook_no_span_no_lock_and_no_log() -> None:
    playing = Playing()
    clients = await playing.play(MESSAGES)
    assert playing.profile.entries(*NEVER) == {}
    # and it was no empty play
    assert playing.profile.entered["gateway.engine.intake"] >= MESSAGES
    records = [message for message in playing.heard if isinstance(message, Message) and message.kind == "update"]
    published = Counter(message.subscription.topic.removeprefix("mock:") for message in records)
    assert published.pop("book:BTC-USDT:5") > 100, "where the best five levels changed"
    assert published == {
        "trades:BTC-USDT": MESSAGES // 4,
        "quotes:BTC-USDT": MESSAGES // 2,
        "book:BTC-USDT": MESSAGES // 4,
        "raw:trades.btc_usdt": MESSAGES // 4,
    }
    for client in clients:
        assert client.outbox.queued > 0
        assert client.woken >= 1, "one write was asked for, whatever came"


@virtually
async def test_nothing_that_is_run_on_the_way_could_wait() -> None:
    """There is no await between the receipt of a frame and the last outbox: no coroutine is even begun."""
    playing = Playing()
    await playing.play(400)
    ours = {code for code in playing.profile.code if "gateway" in code.co_filename}
    assert {code.co_qualname for code in ours} >= {
        "Intake.take",
        "MockDialect.decode",
        "BookFeed.take",
        "Topic.publish",
        "Topic.publish_raw",
        "Line.put",
        "Outbox.put",
        "Callback.put",
        "Listening._take",
    }
    assert [code.co_qualname for code in playing.profile.code if code.co_flags & ASYNC] == []


@pytest.mark.parametrize(
    "kind", [Intake, Feed, BookFeed, BookSync, OrderBook, Topic, Ring, Outbox, Line, Conflation]
)
def test_nothing_on_the_way_has_an_async_method(kind: type) -> None:
    methods = [method for _, method in inspect.getmembers(kind, inspect.isfunction)]
    assert methods
    assert [method.__qualname__ for method in methods if method.__code__.co_flags & ASYNC] == []


def test_the_reader_of_a_socket_awaits_the_next_frame_and_nobody() -> None:
    """What it has read it hands over at once, by a plain call; between two frames others may get their turn."""
    [pump] = ast.parse(textwrap.dedent(inspect.getsource(AiohttpTransport.pump))).body
    awaited = [node for node in ast.walk(pump) if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)]
    assert {ast.unparse(node) for node in awaited} == {"await read()", "await asyncio.sleep(0)"}
    handed = [
        ast.unparse(node.value)
        for node in ast.walk(pump)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and "on_" in ast.unparse(node.value.func)
    ]
    assert handed == [
        "on_data(payload, False)",
        "on_data(payload, True)",
        "on_control(_KINDS[kind], bytes(payload))",
    ]


# --- that the profile would see what it must not find


class Spec:
    @pluggy.HookspecMarker("hot")
    def hot_path(self) -> None:
        """Do nothing."""


def hook(_: object) -> None:
    manager = pluggy.PluginManager("hot")
    manager.add_hookspecs(Spec)
    manager.hook.hot_path()


def span(_: object) -> None:
    with get_tracer("hot").start_as_current_span("hot"):
        pass


LOCK = threading.Lock()
RLOCK = threading.RLock()


def lock(_: object) -> None:
    LOCK.acquire()
    LOCK.release()


def reentrant_lock(_: object) -> None:
    RLOCK.acquire()
    RLOCK.release()


def event(_: object) -> None:
    threading.Event().set()


def log(_: object) -> None:
    logging.getLogger("hot").debug("hot")


@pytest.mark.parametrize(
    ("does", "module"),
    [
        (hook, "pluggy"),
        (span, "opentelemetry"),
        (lock, "_thread"),
        (reentrant_lock, "_thread"),
        (event, "threading"),
        (log, "logging"),
    ],
)
@virtually
async def test_a_listener_that_did_one_of_them_would_be_seen(does: Callable[[object], None], module: str) -> None:
    playing = Playing()
    await playing.play(40, does)
    assert sum(playing.profile.entries(module).values()) >= 10
