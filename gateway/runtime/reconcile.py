"""
How an account is fetched whenever its stream flows: beside the path of frames, for all streams that wait at once.

A fetch that fails is repeated after a growing wait, for as long as the epoch
lasts. What the stream says waits meanwhile, but not for long.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf
from typing import Final

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.retry import Backoff
from gateway.errors import ConnectionFault, GatewayError, PluginError, Reason
from gateway.runtime.connection import Connection
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.rest import Rest
from gateway.spi.contract import Session
from gateway.spi.events import Data
from gateway.spi.steps import Conversation

PATIENCE: Final = 10.0
"""Seconds for which what the stream says waits for the account to be fetched."""
SHORTEST: Final = 0.2
LONGEST: Final = 30.0
"""First and highest ceiling of the wait before it is fetched again, in seconds."""


@dataclass(frozen=True, slots=True)
class _Wish:
    number: int
    since: float


class Reconciler:
    """
    Fetches the account of one epoch. Event-loop only; :meth:`close` ends it.

    Args:
        ground: for the plugin, the clocks and the limits.
        connection: whose streams they are.
        session: what the handshake established.
        rest: fetches.
        judge: says what a failure means.
        during: told of each fetch.
        notice: told of each failure.
        fail: told of what only a person can help with: the epoch is over.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # its seams, bound once per epoch
        self,
        ground: Ground,
        connection: Connection,
        session: Session,
        rest: Rest,
        judge: Judge,
        during: Callable[[str], AbstractContextManager[None]],
        notice: Callable[[str, str], None],
        fail: Callable[[GatewayError], None],
    ) -> None:
        self._ground = ground
        self._connection = connection
        self._session = session
        self._rest = rest
        self._judge = judge
        self._during = during
        self._notice = notice
        self._fail = fail
        self._wanted: dict[AccountFeed, _Wish] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, feed: AccountFeed) -> bool:
        """
        Have the account fetched for ``feed``; once, however often it is asked for the same reason.

        Returns whether that is possible at all.
        """
        if not self._can_be():
            return False
        present = self._wanted.get(feed)
        if present is None or present.number != feed.wish:
            self._wanted[feed] = _Wish(feed.wish, self._ground.now())
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"gateway reconcile {self._connection.id}")
            self._task.add_done_callback(self._ended)
        return True

    def _can_be(self) -> bool:
        """Whether the plugin knows how; one that breaks over it is told of when it is needed."""
        try:
            return self._conversation(()) is not None
        except GatewayError:
            return True

    def check(self) -> None:
        """Let nothing wait longer than it may."""
        now = self._ground.now()
        for feed, wish in self._wanted.items():
            if now - wish.since >= PATIENCE:
                feed.release(Reason.DEADLINE_MISSED, self._ground.wall_us())

    def forget(self, feed: AccountFeed) -> None:
        """Nobody wants ``feed`` any more."""
        self._wanted.pop(feed, None)

    def arrived(self, ago: float) -> None:
        """Everything that the exchange had said ``ago`` seconds ago has arrived."""
        at_us = self._ground.wall_us() - round(ago * 1e6)
        for feed in self._connection.feeds.values():
            if isinstance(feed, AccountFeed):
                feed.saw(at_us)

    async def close(self) -> None:
        """Give up what is being fetched."""
        self._wanted.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    # --- the task

    async def _run(self) -> None:
        """Fetch until nothing is wanted; what is asked for once a fetch has begun is fetched by another."""
        backoff = Backoff(self._ground.rng, base=SHORTEST, cap=LONGEST)
        while self._wanted:
            try:
                with self._during("reconcile"):
                    await self._fetch(dict(self._wanted))
            except (ConnectionFault, PluginError) as fault:
                self._notice("reconcile_failed", self._judge.words(fault))
                wait = self._judge.wait_after_request(fault)
                if wait == inf:
                    self._fail(fault)
                    break
                await asyncio.sleep(max(wait, backoff.next(first=False)))
        self._task = None

    async def _fetch(self, wishes: Mapping[AccountFeed, _Wish]) -> None:
        """
        Fetch once, and tell those who still wait for that.

        Raises:
            ConnectionFault: What the exchange or the network did.
            PluginError: What the plugin did.
        """
        conversation = self._conversation(wishes)
        found = None if conversation is None else await self._rest.converse(conversation)
        for feed, wish in wishes.items():
            if self._wanted.get(feed) == wish:
                self._load(feed, wish, found)
                del self._wanted[feed]

    def _load(self, feed: AccountFeed, wish: _Wish, found: Sequence[Data] | None) -> None:
        at_us = self._ground.wall_us()
        whole = next((data for data in found or () if data.stream == feed.stream), None)
        if whole is None:
            feed.never(at_us)
            return
        try:
            feed.load(whole.records, wish.number, at_us)
        except Exception as exc:
            problem = f"gateway_reconcile returned what cannot be used ({type(exc).__name__})"
            raise PluginError(self._ground.exchange, problem) from exc

    def _conversation(self, feeds: Collection[AccountFeed]) -> Conversation[Sequence[Data]] | None:
        ground, target = self._ground, self._connection.target
        since_us = min((feed.blind_us or 0 for feed in feeds), default=0)
        if since_us:
            since_us += target.now() - ground.wall_us()  # by the exchange's clock
        known = [order for feed in feeds for order in feed.open_orders]
        return ground.binding.reconcile(target, self._session, since_us, known, ground.instruments)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """It ends when nothing is wanted; anything else is a defect of ours, said aloud, and holds nothing up."""
        if task.cancelled() or (exc := task.exception()) is None:
            return
        self._task = None
        self._notice("internal_error", repr(exc))
        for feed in self._wanted:
            feed.release(Reason.INTERNAL_ERROR, self._ground.wall_us())
