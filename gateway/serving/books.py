"""
REST for one book: the kept one if there is one, else one that is opened, and kept for as long as a topic is.

A book that is not known to be right is never told: whoever asks waits for one, though not for long.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Final

from aiohttp import hdrs, web
from msgspec import Meta, Struct

from gateway.engine.hub import Hub
from gateway.engine.messages import Message, Notice, TopicStatus
from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError
from gateway.model.market import Level
from gateway.model.subscriptions import Subscription
from gateway.serving.auth.door import ACCESS
from gateway.serving.auth.reception import Reception
from gateway.serving.auth.shares import Share
from gateway.serving.bodies import checked, query_of
from gateway.serving.documents.codes import PROBLEMS
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.documents.parameters import ExchangeId, SymbolName
from gateway.serving.limits import Limits
from gateway.serving.problems import as_json, problem

PATH: Final = r"/api/v1/books/{exchange}/{symbol:[\s\S]+}"
BOOK: Final = "book"
DEEPEST: Final = 5000
"""Levels of each side at most."""
USUAL: Final = 100
PATIENCE: Final = 5.0
"""Seconds within which a book must be there."""
AT_ONCE: Final = 200
"""Requests that may wait for a book, all clients together."""
WRONG: Final = (
    "ambiguous_symbol",
    "not_offered",
    "plugin_error",
    "unknown_channel",
    "unknown_exchange",
    "unknown_symbol",
    "unknown_variant",
)
"""The codes with which a subscription to a book is refused, and this too."""
AGAIN: Final = "1"
"""Seconds after which to ask again."""

Depth = Annotated[int, Meta(ge=1, le=DEEPEST, description="Levels of each side, at most.")]


class Query(Struct, forbid_unknown_fields=True):
    """What may be said of a book that is wanted."""

    depth: Depth = USUAL


class BookAnswer(Struct, frozen=True, omit_defaults=True):
    """
    A book: whole sides, best first, as far as they were asked for.

    ``offset`` and ``epoch`` are those of its topic, so that it can be compared with what a
    subscription is sent; ``seq`` and ``ts`` are the exchange's number and time, in microseconds since
    1970, where it gives them.
    """

    topic: str
    epoch: str
    offset: int
    bids: Sequence[Level]
    asks: Sequence[Level]
    seq: int | None = None
    ts: int | None = None


class _Waiter:
    """A listener of one topic that is told whenever something happens to it."""

    wants_frames = False

    def __init__(self) -> None:
        self._bell = asyncio.Event()

    def put(self, _: Message, /) -> None:
        """Something was published."""
        self._bell.set()

    def notify(self, _: Notice, __: bytes, /) -> None:
        """Something was said of the topic."""
        self._bell.set()

    async def rung(self) -> None:
        """Wait until either happens again."""
        self._bell.clear()
        await self._bell.wait()


class Books:
    """
    The route.

    Args:
        hub: all topics.
        reception: knows what each token may have open.
        limits: as they are now.
    """

    def __init__(self, hub: Hub, reception: Reception, limits: Callable[[], Limits]) -> None:
        self._hub = hub
        self._reception = reception
        self._limits = limits
        self._nobodys: tuple[Limits, Share] | None = None
        """What those have opened together who show no token, under those limits."""
        self._waiting = 0

    def routes(self) -> Sequence[web.RouteDef]:
        """Return it."""
        return [web.get(PATH, self._show)]

    @described(
        Operation(
            summary="Show a book",
            text="The one that is kept if somebody listens to it; else it is opened, which takes a moment, and "
            "kept for half a minute. What it costs the exchange is counted as for a subscription. Whoever wants "
            "to know of changes subscribes instead of asking again and again.",
            path={"exchange": ExchangeId, "symbol": SymbolName},
            query={"depth": Annotated[Depth, Meta(extra_json_schema={"default": USUAL})]},
            answers=(Answer(200, "The book", BookAnswer),),
            refusals=(*WRONG, "no_book", "too_many_books", "rate_limited"),
        )
    )
    async def _show(self, request: web.Request) -> web.Response:
        depth = query_of(request, Query).depth
        exchange = checked("exchange", request.match_info["exchange"], ExchangeId)
        symbol = checked("symbol", request.match_info["symbol"], SymbolName)
        if self._waiting >= AT_ONCE:
            return problem(429, "too_many_books", "too many books are waited for", {hdrs.RETRY_AFTER: AGAIN})
        self._waiting += 1
        try:
            return await self._found(request, Subscription(exchange, BOOK, symbol), depth)
        except SubscriptionError as refused:
            return _refused(refused)
        finally:
            self._waiting -= 1

    async def _found(self, request: web.Request, wish: Subscription, depth: int) -> web.Response:
        topic: Topic | None = None
        try:
            async with asyncio.timeout(PATIENCE):
                resolved = await self._hub.resolve(wish)
                with self._open(resolved, self._share(request)) as (topic, waiter):
                    while (found := topic.snapshot_of()) is None:
                        if topic.status is TopicStatus.CLOSED:
                            break
                        await waiter.rung()
        except TimeoutError:
            found = None
        if topic is None or found is None:
            how = "its instruments did not come" if topic is None else f"{topic.name} is {topic.status}"
            why = f": {topic.reason}" if topic is not None and topic.reason else ""
            return problem(503, "no_book", f"there is no book: {how}{why}", {hdrs.RETRY_AFTER: AGAIN})
        [book] = found[0]
        bids, asks = book.bids[:depth], book.asks[:depth]
        return as_json(BookAnswer(topic.name, topic.epoch, topic.offset, bids, asks, book.seq, book.ts))

    @contextmanager
    def _open(self, wish: Subscription, share: Share) -> Iterator[tuple[Topic, _Waiter]]:
        """Listen to the topic of ``wish`` for a while; opening one counts as it does for whoever subscribes."""
        now = self._reception.now
        share.openings.admit(wish.topic, share.topics, now())
        waiter = _Waiter()
        topic = self._hub.attach(wish, waiter)
        share.openings.joined(topic)
        share.topics += 1
        try:
            yield topic, waiter
        finally:
            share.topics -= 1
            self._hub.detach(topic, waiter, now())
            share.openings.left(topic)

    def _share(self, request: web.Request) -> Share:
        token, limits = request[ACCESS].token, self._limits()
        if token is not None:
            return self._reception.shares.of(token, limits)
        if self._nobodys is None or self._nobodys[0] != limits:
            self._nobodys = limits, self._reception.shares.of(None, limits)
        return self._nobodys[1]


def _refused(error: SubscriptionError) -> web.Response:
    """Say why there is no topic: it is none, or only now."""
    if error.code in WRONG:
        return problem(PROBLEMS[error.code].status, error.code, error.message)
    if error.code == "timeout":
        return problem(503, "no_book", error.message, {hdrs.RETRY_AFTER: AGAIN})
    return problem(429, "rate_limited", error.message, {hdrs.RETRY_AFTER: AGAIN})
