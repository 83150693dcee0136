"""A message on its way from a socket to the last outbox: no hook, no span, no lock, no log and no await."""

import ast
import inspect
import logging
import textwrap
import threading
from collections import Counter
from collections.abc import Callable

import pluggy
import pytest
from opentelemetry.trace import get_tracer
from played import Playing

from gateway import Message
from gateway.engine.book import OrderBook
from gateway.engine.bookfeed import BookFeed
from gateway.engine.booksync import BookSync
from gateway.engine.conflation import Conflation
from gateway.engine.feeds import Feed
from gateway.engine.intake import Intake
from gateway.engine.lines import Line
from gateway.engine.outbox import Outbox
from gateway.engine.ring import Ring
from gateway.engine.topics import Topic
from gateway.net.sockets import AiohttpTransport
from gateway.testing.virtual import virtually

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
ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE


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
