"""
A second connection that takes over from the one that serves, once it brings all that the other brings.

Its feeds are shadows, which nobody hears. The takeover is one synchronous step:
no frame comes between, and none is told twice or lost without a word.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.engine.bookfeed import BookFeed
from gateway.engine.bookshadow import BookShadow
from gateway.engine.feeds import Feed
from gateway.engine.shadow import RecordShadow
from gateway.errors import ConnectionFault, GatewayError, PluginError, Reason
from gateway.runtime.attempt import Ties
from gateway.runtime.connection import Connection
from gateway.runtime.epoch import Epoch
from gateway.runtime.ground import Ground
from gateway.runtime.rolls import OVERLAP

if TYPE_CHECKING:
    from gateway.runtime.link import Link

ARRIVING: Final = 1.0
"""Seconds after which what was under way to the old connection, when the new one was up, has arrived."""
PATIENCE: Final = 5.0
"""Seconds for which streams that ought to speak, and proofs, are waited for."""

Shadow = RecordShadow | BookShadow


class Candidate:
    """
    A :class:`~gateway.runtime.attempt.Candidate`. Event-loop only.

    Args:
        number: of its epoch.
        link: whose connection it is to follow.
        ground: what all connections of the exchange stand on.
        ties: to its supervisor.
    """

    def __init__(self, number: int, link: "Link", ground: Ground, ties: Ties) -> None:
        self._link = link
        self._ground = ground
        self._up = ties.up
        self._restored_at: float | None = None
        self._expects = False
        self._behind: list[Shadow] = []
        """What was not ready when it was looked at last; only a look at all shows that all is."""
        self._alike: set[object] = set()
        old = link.connection
        old.end_overlap()  # with the one before it
        self._shadows = {stream: self._shadow_of(feed, late=False) for stream, feed in old.feeds.items()}
        self.connection = Connection(
            old.id,
            old.endpoint,
            old.account,
            link.target,
            ledger=old.ledger.twin(),
            feeds=dict(self._shadows),
            set_aside=True,
            rhythms=old.rhythms,
        )
        self._epoch = Epoch(number, self.connection, ground, link.judge, replace(ties, up=self._restored))
        link.candidate = self

    # --- an attempt

    async def live(self) -> None:
        """Open, restore, and serve once it has taken over; ends only by raising."""
        try:
            await self._epoch.live()
        finally:
            if self._link.candidate is self:
                self._give_up()

    async def close(self) -> None:
        """Give back everything, bounded in time."""
        await self._epoch.close()

    def fail(self, fault: ConnectionFault | PluginError) -> None:
        """End :meth:`live` with ``fault``."""
        self._epoch.fail(fault)

    def _restored(self) -> None:
        self._restored_at = self._ground.now()
        self._up()

    def _give_up(self) -> None:
        """Leave everything as it was."""
        connection = self._link.connection
        self._link.candidate = None
        connection.include(self.connection.counters)
        connection.end_overlap()

    # --- wishes that change meanwhile

    def want(self, feed: Feed) -> None:
        """One more wish for the stream of ``feed``, which the connection that serves carries."""
        shadow, is_new = self._shadows.get(feed.stream), False
        if shadow is None or shadow.real is not feed:
            shadow = self._shadows[feed.stream] = self._shadow_of(feed, late=True)
            is_new = self.connection.carry(shadow)
        else:
            shadow.mirror(late=True)
        self.connection.want(shadow, is_new=is_new)

    def release(self, stream: str, *, is_last: bool) -> None:
        """One wish less for ``stream``."""
        shadow = self._shadows[stream]
        shadow.mirror(late=True)
        if is_last:
            del self._shadows[stream]
        self.connection.release(shadow, is_last=is_last)

    def _shadow_of(self, feed: Feed, *, late: bool) -> Shadow:
        if isinstance(feed, BookFeed):
            return BookShadow(feed, self._ask_snapshot, self._alike, late=late)
        return RecordShadow(feed, late=late)

    def _ask_snapshot(self, shadow: BookFeed) -> None:
        self.connection.ask_snapshot(shadow)

    # --- taking over

    def is_ready(self) -> bool:
        """Whether nothing would be lost if it took over now."""
        if self._restored_at is None:
            return False
        since = self._ground.now() - self._restored_at
        if since < ARRIVING:
            return False
        self._expect()
        with self._plugin_at_fault() as failed:
            self._look(patient=since < PATIENCE)
        return not failed and not self._behind

    def _look(self, *, patient: bool) -> None:
        """See what is behind: of all, which costs time, only once nothing is left of what was."""
        behind = [one for one in self._behind if self._shadows.get(one.stream) is one]
        self._behind = [one for one in behind if not one.is_ready(patient=patient)]
        if not self._behind:
            self._behind = [one for one in self._shadows.values() if not one.is_ready(patient=patient)]

    def _expect(self) -> None:
        if not self._expects:
            self._expects = True
            for shadow in self._shadows.values():
                shadow.expect()

    def take_over(self, reason: Reason) -> None:
        """Serve in the place of the connection that served until now, which is not heard any more."""
        link, new, old = self._link, self.connection, self._link.connection
        link.candidate = None
        self._retire(old)
        link.connection, new.set_aside = new, False
        new.include(old.counters)
        new.replaced_for, new.roll_again_at, new.diagnosis = old.replaced_for, old.roll_again_at, old.diagnosis
        for stream, shadow in self._shadows.items():
            new.feeds[stream] = shadow.real
            if new.serving is not None:
                new.serving.left(shadow)
        new.remember(old)
        at_us = self._ground.wall_us()
        for shadow in self._shadows.values():
            with self._plugin_at_fault():
                shadow.hand_over(reason, at_us)
        self._shadows, self._behind = {}, []  # it may live for days
        new.overlap_ends = self._ground.now() + OVERLAP

    @staticmethod
    def _retire(old: Connection) -> None:
        if old.serving is not None:
            old.serving.stop()
        old.serving = None
        old.set_aside = True
        old.feeds.clear()

    @contextmanager
    def _plugin_at_fault(self) -> Iterator[list[GatewayError]]:
        """A book's rule is the plugin's: what it raises ends this epoch, and nothing else."""
        failed: list[GatewayError] = []
        try:
            yield failed
        except Exception as exc:  # noqa: BLE001  # whatever a plugin raises
            broken = PluginError(self._ground.exchange, f"its book rule raised {type(exc).__name__}")
            failed.append(broken)
            self.fail(broken)
