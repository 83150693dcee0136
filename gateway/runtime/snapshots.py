"""
Where each book of one epoch gets its snapshot: in band, by asking anew, or over REST.

REST snapshots are fetched a few at a time within the exchange's weight limits and
never in the path of a frame; a failed one is fetched again after a growing wait,
for as long as the epoch lasts. Renewals, of books that are served meanwhile, let
all else go first, and fetch one at a time; after a while they take their turn.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from random import Random
from typing import Final

from gateway.engine.bookfeed import BookFeed
from gateway.engine.booksync import BookSync
from gateway.engine.retry import Backoff
from gateway.errors import ConnectionFault, GatewayError, PluginError
from gateway.runtime.rest import Rest
from gateway.spi.books import BookSnapshot
from gateway.spi.steps import Conversation

AT_ONCE: Final = 4
"""Snapshots fetched at the same time on one connection, beside a renewal."""
YIELDING: Final = 60.0
"""Seconds for which a renewal lets all else go first: the market may leave what is known of its book."""
IN_BAND_PATIENCE: Final = 10.0
"""Seconds after which a book whose snapshot did not come in band is asked for anew."""
SHORTEST: Final = 0.1
LONGEST: Final = 30.0

Source = Callable[[], Conversation[BookSnapshot]]


@dataclass(frozen=True, slots=True)
class _Fetching:
    sync: BookSync
    is_renewal: bool
    task: "asyncio.Task[None]"


class Snapshots:
    """
    Serves the books of one epoch. Event-loop only; :meth:`close` ends it.

    Args:
        exchange: named where its plugin breaks the contract.
        rest: fetches.
        ask_again: has a stream given up and asked for anew.
        failed: told of a stream and what a fetch for it ended with; returns the seconds to wait at least.
        during: told of each fetch.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        rng: draws the jitter.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # its seams, bound once per epoch
        self,
        exchange: str,
        rest: Rest,
        ask_again: Callable[[str], None],
        failed: Callable[[str, GatewayError], float],
        during: Callable[[str], AbstractContextManager[None]],
        now: Callable[[], float],
        wall_us: Callable[[], int],
        rng: Random,
    ) -> None:
        self.failures = 0
        self._exchange = exchange
        self._rest = rest
        self._ask_again = ask_again
        self._failed = failed
        self._during = during
        self._now = now
        self._wall_us = wall_us
        self._rng = rng
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._renewals = asyncio.Semaphore(1)
        self._fetches: dict[BookFeed, _Fetching] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_band: dict[BookFeed, float] = {}
        """Books that wait for a snapshot in band, and since when."""

    def ask(self, feed: BookFeed) -> None:
        """Get ``feed`` a snapshot: the first one in band comes by itself, a later one when asked anew."""
        sync = feed.sync
        if sync is None:
            return
        if callable(sync.rule.snapshot):
            self._start(feed, sync, sync.rule.snapshot)
        else:
            if feed in self._in_band:
                self._ask_again(feed.stream)
            self._in_band[feed] = self._now()

    def check(self) -> None:
        """Ask anew for the books whose snapshot did not come in band."""
        now = self._now()
        for feed, since in tuple(self._in_band.items()):
            waits = feed.sync is not None and not feed.sync.is_live
            if waits and now - since >= IN_BAND_PATIENCE:
                self.ask(feed)

    def forget(self, feed: BookFeed) -> None:
        """Nobody wants the book any more, or it begins anew."""
        self._in_band.pop(feed, None)
        if fetching := self._fetches.pop(feed, None):
            fetching.task.cancel()

    async def close(self) -> None:
        """Give up every fetch."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _start(self, feed: BookFeed, sync: BookSync, snapshot: Source) -> None:
        present, is_renewal = self._fetches.get(feed), sync.is_worn
        if present is not None and present.sync is sync and present.is_renewal <= is_renewal:
            return
        if present is not None:
            present.task.cancel()  # what it brings may be from before the book was lost
        bringing = self._bring(feed, sync, snapshot, is_renewal=is_renewal)
        task = asyncio.create_task(bringing, name=f"gateway snapshot {feed.stream}")
        self._fetches[feed] = _Fetching(sync, is_renewal, task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bring(self, feed: BookFeed, sync: BookSync, snapshot: Source, *, is_renewal: bool) -> None:
        """Fetch until no snapshot is needed: one can be too old for what waits."""
        backoff = Backoff(self._rng, base=SHORTEST, cap=LONGEST)
        turns, yields_until = (self._renewals, self._now() + YIELDING) if is_renewal else (self._turns, 0.0)
        try:
            while feed.sync is sync and sync.needs_snapshot:
                wait = await self._try(feed, sync, snapshot, turns, yields_until)
                if wait is not None:
                    await asyncio.sleep(max(wait, backoff.next(first=False)))
        finally:  # in the same step in which the book is live: whatever breaks it next is fetched for anew
            present = self._fetches.get(feed)
            if present is not None and present.task is asyncio.current_task():
                del self._fetches[feed]

    async def _try(
        self, feed: BookFeed, sync: BookSync, snapshot: Source, turns: asyncio.Semaphore, yields_until: float
    ) -> float | None:
        """Fetch once and load; return how long to wait before the next time, if there must be one."""
        try:
            async with turns:
                with self._during("resync"):
                    fetched = await self._fetch(snapshot, yields_until)
            if feed.sync is sync:
                self._load(feed, fetched)
        except (ConnectionFault, PluginError) as fault:
            self.failures += 1
            return self._failed(feed.stream, fault)
        return 0.0 if sync.needs_snapshot else None

    def _load(self, feed: BookFeed, fetched: BookSnapshot) -> None:
        try:
            feed.load(fetched, self._wall_us())
        except Exception as exc:
            raise PluginError(self._exchange, f"a book's snapshot makes no sense ({type(exc).__name__})") from exc

    async def _fetch(self, snapshot: Source, yields_until: float) -> BookSnapshot:
        try:
            conversation: object = snapshot()
        except Exception as exc:
            raise PluginError(self._exchange, f"its book rule raised {type(exc).__name__}") from exc
        if not isinstance(conversation, Generator):
            problem = f"a book rule's snapshot must be a generator, not {type(conversation).__name__}"
            raise PluginError(self._exchange, problem)
        fetched: object = await self._rest.converse(conversation, yields_until=yields_until)
        if not isinstance(fetched, BookSnapshot):
            raise PluginError(self._exchange, f"a book's snapshot must not be a {type(fetched).__name__}")
        return fetched
