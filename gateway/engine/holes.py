"""
What is missing in one stream of numbered records: what its topics are told of it, and who fetches it.

Whoever does is a :class:`Filler`; without one holes are told at once. Event-loop
only, and nothing here waits.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from gateway.engine.gapfill import IdOrder
from gateway.engine.messages import TopicEvent
from gateway.engine.missing import Hole, Missing, Run, Step
from gateway.engine.topics import Topic
from gateway.errors import Reason
from gateway.spi.events import Blank


class Filler(Protocol):
    """Fetches what is missing in one stream. Must return at once."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def begin(self, holes: "Holes", /) -> None:
        """See to it that ``holes`` are filled or given up, the first one first. Harmless to repeat."""

    def end(self) -> None:
        """Nobody waits for a hole any more."""

    def unfilled(self, count: int) -> None:
        """So many records were announced as missing."""


class Carrier(Protocol):
    """A feed."""

    topics: tuple[Topic, ...]

    def lost(self, reason: str, at_us: int, /) -> None:
        """Something is missing before what is published next."""


class Holes:
    """
    The holes of one feed.

    Args:
        feed: whose topics are told and sent.
        filler: fetches what is missing, if anybody does.
    """

    def __init__(self, feed: Carrier, filler: Filler | None = None) -> None:
        self.order = IdOrder(None if filler is None else filler.now)
        self._feed = feed
        self._filler = filler
        self._held: list[Step] | None = None
        """What is to be told and sent once the stream flows again."""

    def take(self, records: Sequence[Any], ts: int | None, recv_us: int, reason: str) -> str:
        """
        Take records that are not just what follows; see :meth:`~gateway.engine.gapfill.IdOrder.take`.

        Returns what is left of ``reason``.
        """
        waited = self.missing() is not None
        try:
            steps, reason = self.order.take(records, ts, recv_us, reason)
        except Exception:
            self.forget()  # in the middle of what cannot be used: nobody can tell what comes next
            raise
        self._do(steps, recv_us)
        if self._filler is None:
            return reason
        if self.missing() is not None:
            self._filler.begin(self)
        elif waited:
            self._filler.end()
        return reason

    def hold(self) -> None:
        """The stream does not flow: what is fetched meanwhile is sent when it does."""
        if self._held is None:
            self._held = []

    def let_go(self, at_us: int) -> None:
        """The stream flows, or never will: send what was held."""
        held, self._held = self._held, None
        self._do(held or (), at_us)

    def forget(self) -> None:
        """Know nothing of what was published, and drop what waits."""
        self._held = None
        self.order.forget()
        if self._filler is not None:
            self._filler.end()

    def stop_waiting(self, at_us: int) -> None:
        """Announce what is missing, and publish all that waited for it; later holes are filled again."""
        self.let_go(at_us)
        self._do(self.order.give_up_all(recoverable=True), at_us)
        if self._filler is not None:
            self._filler.end()

    # --- what a filler asks and says

    def missing(self) -> Missing | None:
        """Return the hole that is to be filled next, if something waits for one."""
        return self.order.missing()

    def first_missing(self, after: int) -> int | None:
        """Return the first id above ``after`` that is missing in that hole."""
        return self.order.first_missing(after)

    def asked_until(self, first: int, most: int) -> int:
        """Return before which id to ask for what is missing from ``first`` on, ``most`` ids at most."""
        return self.order.asked_until(first, most)

    def fill(self, records: Iterable[Any], recv_us: int) -> int:
        """Take what was fetched, publish what joins, and return how many of ``records`` were missing."""
        steps, missed = self.order.fill(records, recv_us)
        self._do(steps, recv_us)
        return missed

    def give_up(self, at_us: int, *, recoverable: bool) -> None:
        """Announce what is missing in the hole that is to be filled next, and publish what waited for it."""
        self._do(self.order.give_up(recoverable=recoverable), at_us)

    def never_wait(self, at_us: int) -> None:
        """Nothing can be filled after all: announce what is missing, from now on at once."""
        self._do(self.order.never_wait(), at_us)

    # --- what is told and sent

    def _do(self, steps: Iterable[Step], at_us: int) -> None:
        if self._held is not None:
            self._held += steps
            return
        try:
            for step in steps:
                if isinstance(step, Hole):
                    self._announce(step, at_us)
                else:
                    self._publish(step)
        except Exception:
            self.forget()  # what was to follow is lost, and no id would show it
            self._feed.lost(Reason.PROTOCOL_ERROR, at_us)
            raise

    def _publish(self, run: Run) -> None:
        told = [record for record in run.records if type(record) is not Blank]
        for topic in self._feed.topics if told else ():
            topic.publish("update", told, run.ts, run.recv_us)

    def _announce(self, hole: Hole, at_us: int) -> None:
        for topic in self._feed.topics:
            topic.tell(
                TopicEvent.GAP,
                hole.reason,
                at_us,
                first=hole.first,
                last=hole.last,
                after_us=hole.after_us,
                before_us=hole.before_us,
                recoverable=hole.recoverable,
            )
        if self._filler is not None and hole.first is not None and hole.last is not None:
            self._filler.unfilled(hole.last + 1 - hole.first)
