"""What lasts of a connection while epochs come and go: its streams, their wishes and its counters."""

from dataclasses import dataclass, field
from typing import Protocol

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
    undecodable: int = 0
    unheard: int = 0
    failed_snapshots: int = 0


class Serving(Protocol):
    """The epoch that is heard, as whoever changes the wishes sees it."""

    def joined(self, feed: Feed) -> None:
        """``feed`` was added: bring it up."""

    def left(self, feed: Feed) -> None:
        """``feed`` was dropped: nobody wants it any more."""

    def wishes_changed(self) -> None:
        """Ask for what is wanted now and give up what is not, once in this turn of the event loop."""

    def ask_snapshot(self, feed: BookFeed) -> None:
        """A book needs a snapshot."""

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
    """

    id: str
    endpoint: Endpoint
    account: str | None
    target: Target
    ledger: StreamLedger = field(default_factory=StreamLedger)
    feeds: dict[str, Feed] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    ages: Ages = field(default_factory=Ages)
    heartbeat_interval: float | None = None
    serving: Serving | None = None
    worked: bool = False
    """Whether the last epoch delivered something, or a pong, once it was fully operational."""
    connected_at: float = 0.0
    """When the last epoch became fully operational; monotonic seconds."""
    rhythms: frozenset[Rhythm] = frozenset()
    """How the streams on it sound; replaced whenever one comes or goes."""

    def add(self, feed: Feed) -> None:
        """Carry ``feed`` from now on."""
        self.feeds[feed.stream] = feed
        self._changed()

    def drop(self, stream: str) -> None:
        """Carry ``stream`` no longer."""
        del self.feeds[stream]
        self._changed()

    def _changed(self) -> None:
        self.rhythms = frozenset(feed.rhythm for feed in self.feeds.values())

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
