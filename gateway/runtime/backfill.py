"""
When a hole in a stream is asked for over REST, how often, and when it is given up.

The newer records wait meanwhile, so time is short: a hole that is not filled
within seconds is announced. Nothing here is done in the path of a frame.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gateway.engine.feeds import Feed
from gateway.engine.holes import Holes
from gateway.engine.missing import Missing
from gateway.engine.retry import Backoff
from gateway.errors import ConnectionFault, PeerSilent, PluginError, Reason
from gateway.model.market import MARKET_RECORDS
from gateway.model.subscriptions import Subscription
from gateway.runtime.deadlines import deadline
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.rest import Rest
from gateway.spi.contract import Target

if TYPE_CHECKING:
    from gateway.runtime.link import Link

AT_ONCE: Final = 4
"""Pages that are fetched at the same time from one exchange."""
PATIENCE: Final = 5.0
"""Seconds after which a hole is given up, however far it has been filled."""
PAGE: Final = 1000
"""Ids that a plugin is asked for at a time."""
TRIES: Final = 5
"""Times that a hole's pages may be asked for in vain; an exchange's history may lag a little."""
SHORTEST: Final = 0.2
LONGEST: Final = 1.0
"""First and highest ceiling of the wait before a page is asked for again, in seconds."""


class Backfill:
    """
    Fetches what is missing in the streams of one exchange. Event-loop only; :meth:`stop` ends it.

    Args:
        ground: what the exchange stands on.
        target: for the plugin's conversations.
        resync_clock: called when the exchange says that our clock is wrong.
    """

    def __init__(self, ground: Ground, target: Target, resync_clock: Callable[[], None]) -> None:
        self.ground = ground
        self.judge = Judge(f"{ground.exchange}/rest", target, ground, resync_clock)
        budgets = ground.budgets.for_connection(ground.info.limits, None, ground.exchange)
        self._rest = Rest(ground.exchange, ground.network, budgets, ground.info.limits, ground.now, ground.asked)
        self._target = target
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, feed: Feed, link: "Link", subscription: Subscription) -> None:
        """Fill the holes of ``feed``, which ``link`` carries; the exchange's own symbol is in ``subscription``."""
        feed.fill_by(Filling(self, feed.stream, link, subscription))

    async def stop(self) -> None:
        """Give up everything."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def spawn(self, filling: Coroutine[None, None, None], stream: str) -> "asyncio.Task[None]":
        """Run what fills ``stream`` in the background."""
        task = asyncio.create_task(filling, name=f"gateway backfill {stream}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def page(
        self, subscription: Subscription, after: int, before: int, spare: Callable[[float], None]
    ) -> Sequence[Any] | None:
        """
        Return what the exchange has between two ids, or :obj:`None` if its plugin does not ask for such.

        ``spare`` is told of each wait for the exchange's limits before it begins.

        Raises:
            ConnectionFault: What the exchange or the network did.
            PluginError: What the plugin did.
        """
        async with self._turns:
            conversation = self.ground.binding.backfill(self._target, subscription, after, before)
            if conversation is None:
                return None
            records = await self._rest.converse(conversation, spare)
        kind: type[Any] = MARKET_RECORDS.get(subscription.channel, object)
        if not all(isinstance(one, kind) and _is_numbered(one) for one in records):
            problem = "gateway_backfill must return records with numbers as ids and times"
            raise PluginError(self.ground.exchange, problem)
        return records


class Filling:
    """
    A :class:`~gateway.engine.holes.Filler`: one stream's holes, one after the other.

    Args:
        backfill: of the exchange.
        stream: the exchange's name for it.
        link: which carries it.
        subscription: what the plugin is asked for.
    """

    def __init__(self, backfill: Backfill, stream: str, link: "Link", subscription: Subscription) -> None:
        self.stream = stream
        self._backfill = backfill
        self._ground = backfill.ground
        self._link = link
        self._subscription = subscription
        self._task: asyncio.Task[None] | None = None
        self._hole: Missing | None = None
        """The one that is being filled."""

    # --- a filler

    def now(self) -> float:
        """See :class:`~gateway.engine.holes.Filler`."""
        return self._ground.now()

    def begin(self, holes: Holes, /) -> None:
        """See :class:`~gateway.engine.holes.Filler`."""
        if self._hole is not None and not _is_first(self._hole, holes):
            self.end()  # others have brought what it lacked
        if self._task is None:
            self._task = self._backfill.spawn(self.run(holes), self.stream)
            self._task.add_done_callback(partial(self._ended, holes))

    def end(self) -> None:
        """See :class:`~gateway.engine.holes.Filler`."""
        if self._task is not None:
            self._task.cancel()
            self._task = self._hole = None

    def unfilled(self, count: int) -> None:
        """See :class:`~gateway.engine.holes.Filler`."""
        self._link.connection.counters.unfilled += count

    # --- the task

    async def run(self, holes: Holes) -> None:
        """Fill what is missing, or announce it, until nothing waits any more."""
        while (hole := holes.missing()) is not None:
            self._hole = hole
            recoverable = await self._try(hole, holes)
            if _is_first(hole, holes):
                holes.give_up(self._ground.wall_us(), recoverable=recoverable)
        self._task = self._hole = None

    async def _try(self, hole: Missing, holes: Holes) -> bool:
        """Fill a hole as far as can be; return whether the exchange may still have what is missing then."""
        ground, id_ = self._ground, self._link.connection.id
        view = ground.registry.snapshot.supervised.get(id_)
        epoch = 0 if view is None else view.epoch
        ends = hole.since + PATIENCE
        try:
            with ground.observer.during(id_, epoch, "backfill"):
                async with deadline(max(0.0, ends - ground.now()), "whole answer"):
                    await self._fill(hole, holes, ends)
        except ConnectionFault as fault:
            ground.observer.noticed(id_, epoch, "backfill_failed", text=f"{self.stream}: {fault}")
        except PluginError as broken:
            ground.observer.noticed(id_, epoch, "plugin_error", error=str(broken))
        else:
            return False
        return True

    async def _fill(self, hole: Missing, holes: Holes, ends: float) -> None:
        """
        Ask for page after page, again where something lacks.

        Raises:
            ConnectionFault: If it is of no use to ask again, or too late.
            PluginError: What the plugin did.
        """
        done, tries = hole.after, _Tries(Backoff(self._ground.rng, base=SHORTEST, cap=LONGEST))
        while _is_first(hole, holes) and (first := holes.first_missing(done)) is not None:
            page = await self._ask(first - 1, holes.asked_until(first, PAGE), ends, tries)
            if page is None:
                holes.never_wait(self._ground.wall_us())
                return
            self._link.connection.counters.filled += holes.fill(page, self._ground.wall_us())
            if holes.first_missing(done) == first and not await tries.another():
                # What comes before the newest one told, or all that was asked for, is not to be had.
                done = max(first, max((one.id for one in page), default=first + PAGE - 1))

    async def _ask(self, after: int, before: int, ends: float, tries: "_Tries") -> Sequence[Any] | None:
        """Ask for what is missing between two ids, until faults that pass have passed."""
        while True:
            try:
                return await self._backfill.page(self._subscription, after, before, partial(self._spare, ends))
            except PeerSilent:
                raise
            except ConnectionFault as fault:
                wait = self._backfill.judge.wait_before_another(fault)
                if self.now() + wait >= ends or not await tries.another(wait):
                    raise

    def _spare(self, ends: float, wait: float) -> None:
        if self.now() + wait >= ends:
            raise PeerSilent("the exchange's limits leave no room in time", reason=Reason.RATE_LIMITED)

    def _ended(self, holes: Holes, task: "asyncio.Task[None]") -> None:
        """If it was not told to, and something waits still: whatever ended it, nobody waits for it."""
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._ground.observer.noticed(self._link.connection.id, 0, "internal_error", error=repr(exc))
        if self._task is task:
            self._task = self._hole = None
            holes.stop_waiting(self._ground.wall_us())


def _is_numbered(record: Any) -> bool:
    return type(getattr(record, "id", None)) is int and type(getattr(record, "ts", None)) is int


def _is_first(hole: Missing, holes: Holes) -> bool:
    """Whether this is the hole that is to be filled next."""
    first = holes.missing()
    return first is not None and first.before == hole.before


@dataclass(slots=True)
class _Tries:
    """How often one hole's pages are asked for again."""

    backoff: Backoff
    left: int = TRIES

    async def another(self, wait: float = 0.0) -> bool:
        """Wait, ``wait`` seconds at least, before another try; false if there were enough."""
        self.left -= 1
        if self.left <= 0:
            return False
        await asyncio.sleep(max(wait, self.backoff.next(first=False)))
        return True
