"""What lasts of a connection while epochs come and go: its streams, their wishes and its counters."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Protocol

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.ledger import StreamLedger
from gateway.engine.liveness import Ages
from gateway.spi.contract import Endpoint, Rhythm, Target


@dataclass(slots=True)
class Counters:
    """Plain numbers since the connection was first wanted; :meth:`Connection.counted` has them up to date."""

    dials: int = 0
    messages_received: int = 0
    bytes_received: int = 0
    messages_sent: int = 0
    bytes_sent: int = 0
    pings_sent: int = 0
    pings_received: int = 0
    pongs_received: int = 0
    decoded: int = 0
    undecodable: int = 0
    unheard: int = 0
    failed_snapshots: int = 0
    given_up_again: int = 0
    filled: int = 0
    """Records that were missing and were fetched."""
    unfilled: int = 0
    """Records that were missing, could have been fetched, and were announced as a gap."""

    def add(self, more: "Counters") -> None:
        """Count what another connection has counted, too."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(more, one.name))


class Serving(Protocol):
    """The epoch that is heard, as whoever changes the wishes sees it."""

    def stop(self) -> None:
        """Hear nothing more."""

    def joined(self, feed: Feed) -> None:
        """``feed`` was added: bring it up."""

    def left(self, feed: Feed) -> None:
        """``feed`` was dropped: nobody wants it any more."""

    def wishes_changed(self) -> None:
        """Ask for what is wanted now and give up what is not, once in this turn of the event loop."""

    def ask_snapshot(self, feed: BookFeed) -> None:
        """A book needs a snapshot."""

    def reconcile(self, feed: AccountFeed) -> bool:
        """An account must be fetched; returns whether it will be."""

    def pace_changed(self) -> None:
        """The operator's settings of the exchange are others."""

    def count(self) -> None:
        """Bring the connection's counters up to date. Any thread."""


@dataclass(slots=True)
class Connection:
    """
    One lasting link. Owned by its supervisor's task; others read ``counters`` and ``ages``.

    ``feeds`` holds the listeners' side of every wanted stream, ``ledger`` what
    the exchange was asked and answered. ``serving`` is the epoch that is heard,
    from the end of its handshake on.

    A second connection that is about to take over has one of its own, with the
    same id; ``set_aside`` is whichever does not serve: nobody is told when it ends, and its
    session, which the other may share, is not given back.
    """

    id: str
    endpoint: Endpoint
    account: str | None
    target: Target
    ledger: StreamLedger = field(default_factory=StreamLedger)
    feeds: dict[str, Feed] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    past: Counters = field(default_factory=Counters)
    """What was counted before the present epoch, and by others."""
    set_aside: bool = False
    overlap_ends: float = 0.0
    """Until when a datum may have come before, by the connection that this one has followed; monotonic seconds."""
    ages: Ages = field(default_factory=Ages)
    earlier: Ages = field(default_factory=Ages)
    """What came last before the present epoch: for those who look, since nothing is judged by it."""
    heartbeat_interval: float | None = None
    serving: Serving | None = None
    replaced_for: set[str] = field(default_factory=set)
    """Streams for whose silence the connection was replaced in vain; not again before they deliver."""
    unasked: Mapping[str, int] = field(default_factory=dict)
    """How many data came of streams that nobody wants; replaced about once a second."""
    roll_again_at: float = 0.0
    """When another may take over for the sake of silent streams again; monotonic seconds."""
    diagnosis: str = ""
    """What is probably wrong with the endpoint, in a sentence for the operator; empty while it delivers."""
    worked: bool = False
    """Whether the last epoch delivered something, or a pong, once it was fully operational."""
    connected_at: float = 0.0
    """When the last epoch became fully operational; monotonic seconds."""
    paced_at: float = 0.0
    """When the pace of its pings was last changed while it served; monotonic seconds."""
    waiting: int = 0
    """Requests that waited for the exchange's limits when the serving epoch was looked at last."""
    rhythms: frozenset[Rhythm] = frozenset()
    """How the streams on it sound; replaced whenever one comes or goes."""

    # --- wishes

    def add(self, feed: Feed) -> None:
        """Carry ``feed`` from now on."""
        self.feeds[feed.stream] = feed
        self._changed()

    def carry(self, feed: Feed) -> bool:
        """
        Carry ``feed``, in the place of one that carried frames alone if there is one.

        Returns whether the serving epoch must bring it up.
        """
        present = self.feeds.get(feed.stream)
        if present is not None:  # only a raw topic listened, so nobody has kept a book or an id
            feed.take_over(present)
            if self.serving is not None:
                self.serving.left(present)
        self.add(feed)
        return present is None or isinstance(feed, BookFeed | AccountFeed)

    def want(self, feed: Feed, *, is_new: bool) -> None:
        """Count one more wish for the stream of ``feed``; ``is_new`` as :meth:`carry` had it."""
        self.ledger.want(feed.stream)
        if self.serving is not None:
            if is_new:
                self.serving.joined(feed)
            self.serving.wishes_changed()

    def release(self, feed: Feed, *, is_last: bool) -> None:
        """Count one wish less; after the last the stream is carried no longer."""
        self.ledger.release(feed.stream)
        if is_last:
            del self.feeds[feed.stream]
            self._changed()
        if self.serving is not None:
            if is_last:
                self.serving.left(feed)
            self.serving.wishes_changed()

    def _changed(self) -> None:
        self.rhythms = frozenset(feed.rhythm for feed in self.feeds.values())

    def begin_epoch(self) -> tuple[str, ...]:
        """A new epoch knows of nothing: return every wanted stream, in the order of the wishes."""
        self.worked = False
        self.waiting = 0
        self.remember(self)
        self.ages = Ages()
        for feed in self.feeds.values():
            feed.begin()
        return self.ledger.begin_epoch()

    # --- figures

    def remember(self, other: "Connection") -> None:
        """What came last by ``other``, and before it, goes on ageing."""
        self.earlier = other.ages.after(other.earlier, self.feeds)

    def count_from_here(self) -> None:
        """An epoch begins: what it counts comes on top of what was counted."""
        self.past = replace(self.counters)

    def include(self, more: Counters) -> None:
        """Count what another connection of the same id has counted."""
        self.past.add(more)
        self.counters.add(more)

    def end_overlap(self) -> None:
        """All that came twice is past."""
        self.overlap_ends = 0.0
        for feed in self.feeds.values():
            feed.end_overlap()

    def counted(self) -> Counters:
        """Return the counters, up to date. Any thread."""
        serving = self.serving
        if serving is not None:
            serving.count()
        return self.counters

    def ask_snapshot(self, feed: BookFeed) -> None:
        """Have the serving epoch fetch a snapshot; without one the next epoch will."""
        if self.serving is not None:
            self.serving.ask_snapshot(feed)

    def ask_account(self, feed: AccountFeed) -> bool:
        """Have the serving epoch fetch an account, and return whether it can; without one the next epoch will."""
        return self.serving is None or self.serving.reconcile(feed)
