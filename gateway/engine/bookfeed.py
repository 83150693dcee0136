"""
A stream that carries an order book: what its topics are sent, and that nobody reads a broken one.

Each depth is a topic of its own, computed from the whole book. After a break the
order is always: ``gap``, a published snapshot, ``synced``.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from gateway.engine.book import difference
from gateway.engine.booksync import BookSync, Outcome
from gateway.engine.feeds import Feed
from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.standing import NOWHERE, Standing
from gateway.engine.topics import Topic
from gateway.errors import Reason
from gateway.model.market import Book
from gateway.model.subscriptions import RAW
from gateway.spi.books import BookRule, BookSnapshot
from gateway.spi.contract import Rhythm
from gateway.spi.events import Data


class _DepthView:
    """The best levels of one book, as its topic was last told of them."""

    def __init__(self, topic: Topic, depth: int) -> None:
        self.topic = topic
        self._depth = depth
        self._bids: dict[str, str] = {}
        self._asks: dict[str, str] = {}
        self._seq: int | None = None
        self._ts: int | None = None

    def replace(self, sync: BookSync) -> Book:
        """Take the best levels and return them."""
        bids, asks = sync.book.top(self._depth)
        self._bids, self._asks = dict(bids), dict(asks)
        self._seq, self._ts = sync.seq, sync.ts
        return Book(bids, asks, sync.seq, sync.ts)

    def update(self, sync: BookSync) -> Book | None:
        """Take the best levels and return what changed, if anything did."""
        bids, asks = map(dict, sync.book.top(self._depth))
        changed = Book(difference(self._bids, bids), difference(self._asks, asks), sync.seq, sync.ts)
        if not changed.bids and not changed.asks:
            return None
        self._bids, self._asks = bids, asks
        self._seq, self._ts = sync.seq, sync.ts
        return changed

    def shown(self) -> Book:
        """Return the levels as they were last published."""
        return Book(list(self._bids.items()), list(self._asks.items()), self._seq, self._ts)


class BookFeed(Feed):
    """
    The listeners' side of a book's stream.

    Args:
        stream: the exchange's name for it.
        ask: called whenever a snapshot is needed; must return at once.
        rhythm: how it sounds while it is healthy.
    """

    def __init__(self, stream: str, ask: "Callable[[BookFeed], None]", *, rhythm: Rhythm = Rhythm.SPARSE) -> None:
        super().__init__(stream, rhythm=rhythm)
        self.sync: BookSync | None = None
        self.resyncs = 0
        self._ask = ask
        self._views: dict[str, _DepthView] = {}
        self._flows = False
        self._stood: Hashable = None
        """How far it had come when somebody asked last, be it by another book."""

    def add(self, topic: Topic) -> None:
        """Hang ``topic`` off the book; a depth's topic sees it from now on."""
        super().add(topic)
        if topic.subscription.channel == RAW:
            if self._flows:
                topic.status, topic.reason = TopicStatus.LIVE, ""
            return
        depth = topic.subscription.variant
        if depth is None or not depth.isdecimal():  # a variant of the plugin's own: whatever its stream carries
            topic.snapshot_of = self._whole
            return
        view = self._views[topic.name] = _DepthView(topic, int(depth))
        if self._is_live():
            view.replace(self._synced())
        topic.snapshot_of = lambda: self._shown(view)

    def take_over(self, before: Feed) -> None:
        """Carry on where ``before`` left off; there is no book yet, whatever flowed."""
        super().take_over(before)
        self.fresh = True
        if self.status in {TopicStatus.LIVE, TopicStatus.RESYNCING}:
            self.status, self.reason = TopicStatus.PENDING, ""

    def remove(self, topic: Topic) -> bool:
        """Take ``topic`` off and return whether none is left; a book that nobody reads is not kept."""
        self._views.pop(topic.name, None)
        is_last = super().remove(topic)
        if not self.topics and self.sync is not None:
            self.arm(self.sync.rule)
        return is_last

    # --- the hot path

    def take(self, data: Data, recv_us: int) -> None:
        """Apply the updates of ``data`` and publish what they changed."""
        sync = self.sync
        if sync is None:
            return
        records = data.records if self.overlap is None else self.overlap.passing(data.records, data.ts)
        for record in records:
            if type(record) is BookSnapshot:
                self.load(record, recv_us)
                continue
            outcome, change = sync.update(record)
            if change is not None:
                self._publish(change, sync, recv_us)
                if sync.is_worn:
                    self._ask(self)
            elif outcome is Outcome.BROKEN:
                self._broken(Reason.SEQUENCE_GAP, recv_us)
            else:
                self.unpublished += 1

    def _publish(self, change: Book, sync: BookSync, recv_us: int) -> None:
        records = [change]
        for topic in self.topics:
            view = self._views.get(topic.name)
            if view is None:
                topic.publish("update", records, change.ts, recv_us)
            elif (seen := view.update(sync)) is not None:
                topic.publish("update", [seen], change.ts, recv_us)
            else:
                self.unpublished += 1

    # --- a book that says the same again and again

    def standing(self) -> Standing:
        """Return how far the stream has come; a snapshot that is fetched for it does not move it."""
        if not self.topics or self.sync is None:
            return NOWHERE
        self._stood = self.sync.heard or self._stood
        return Standing(self._stood, self.topics[0].offset + self.unpublished)

    def _knows(self, data: Data) -> bool:
        return not any(type(one) is BookSnapshot for one in data.records)

    def _moves(self, data: Data) -> bool:
        last, ts, _ = (self.sync.heard if self.sync is not None else None) or (None, None, 0)
        return any(
            last is None
            or one.last > last
            or (one.ts is not None and (ts is None or one.ts > ts))
            or (one.last < last and type(one) is BookSnapshot)  # it is counted anew
            for one in data.records
        )

    # --- what happens to the book

    def arm(self, rule: BookRule) -> None:
        """A new epoch's dialect has given its rules: start with an empty buffer."""
        self.sync = BookSync(rule)

    def load(self, snapshot: BookSnapshot, at_us: int) -> None:
        """Take a snapshot: publish the book if it joins what waited, else ask for another."""
        sync = self.sync
        if sync is None:
            return
        if sync.load(snapshot) is Outcome.BROKEN:
            self._ask(self)
            return
        if not self._flows:
            self._flow(at_us)
        self._show(sync, at_us)

    def succeed(self, sync: BookSync, reason: str, at_us: int) -> None:
        """Go on with the book of another connection, where the stream flows; it is shown whole once it is live."""
        was_live = self._is_live()
        self.sync = sync
        if not self._flows:
            self.confirmed(at_us)
        elif not sync.is_live and was_live:
            self._broken(reason, at_us)
        elif not sync.is_live:
            self._ask(self)
        if sync.is_live:
            self._show(sync, at_us)

    def _show(self, sync: BookSync, at_us: int) -> None:
        whole = sync.whole()
        for topic in self.topics:
            view = self._views.get(topic.name)
            record = whole if view is None else view.replace(sync)
            topic.publish("snapshot", [record], sync.ts, at_us)
            if topic.status is TopicStatus.RESYNCING:
                topic.tell(TopicEvent.SYNCED, self.reason, at_us)
        self._become(TopicStatus.LIVE, "", at_us)

    def begin(self) -> None:
        """A new epoch asks for the stream."""
        super().begin()
        self._flows = False
        self.sync = None

    def confirmed(self, at_us: int) -> None:
        """The stream flows: the book needs a snapshot."""
        if self._flows:
            return
        self._flow(at_us)
        if self.topics and self.sync is not None:
            self._ask(self)

    def _flow(self, at_us: int) -> None:
        self._flows = True
        for topic in self.everyone():
            if topic.status is TopicStatus.DISCONNECTED:
                topic.tell(TopicEvent.RESTORED, topic.reason, at_us)
        if self._hole or self.status is TopicStatus.DISCONNECTED:
            reason = self._hole or self.reason
            self._tell_hole(at_us)
            self._become(TopicStatus.RESYNCING, reason, at_us)
        elif self.raw is not None:
            self.raw.become(TopicStatus.LIVE, "", at_us)

    def stalled(self, reason: str, at_us: int) -> None:
        """It should change and does not; whether something is missing, its sequence will show."""
        if self.status is TopicStatus.LIVE:
            self._raw_hole = reason
            self.fresh = True
            self._become(TopicStatus.STALE, reason, at_us)

    def broke(self, reason: str, at_us: int) -> None:
        """The connection is over, and so is the book."""
        self.sync = None
        self._flows = False
        super().broke(reason, at_us)
        if self.raw is not None and self.raw.status is TopicStatus.LIVE:  # the book was still to come
            self._raw_hole = reason
            self.raw.become(TopicStatus.DISCONNECTED, reason, at_us)

    def served_anew(self, reason: str) -> None:
        """Frames may be missing; whether anything of the book is, its sequence will show."""
        self._raw_hole = self._raw_hole or reason

    def refused(self, reason: str, at_us: int) -> None:
        """The exchange will not serve the stream: the book cannot be trusted from now on."""
        if self.sync is not None:
            self.arm(self.sync.rule)
        if self._flows:
            self._raw_hole = reason
        self._flows = False
        super().refused(reason, at_us)

    def lost(self, reason: str, at_us: int) -> None:
        """The exchange shows that something is missing: the book cannot be trusted."""
        super().lost(reason, at_us)
        if self.sync is not None:
            self.arm(self.sync.rule)
            self._broken(reason, at_us)

    def _broken(self, reason: str, at_us: int) -> None:
        self.resyncs += 1
        self._hole = self._hole or reason
        self._tell_hole(at_us)
        self._become(TopicStatus.RESYNCING, reason, at_us)
        self._ask(self)

    def _become(self, status: TopicStatus, reason: str, at_us: int) -> None:
        self.status, self.reason = status, reason
        for topic in self.topics:
            topic.become(status, reason, at_us)
        if self.raw is not None and status is TopicStatus.RESYNCING:
            self.raw.become(TopicStatus.LIVE, "", at_us)
        elif self.raw is not None:
            self.raw.become(status, reason, at_us)

    # --- snapshots

    @property
    def is_fetched_for(self) -> bool:
        """Whether nobody is told what comes until a snapshot is fetched."""
        return bool(self.topics) and self.sync is not None and self.sync.is_owed

    def _is_live(self) -> bool:
        return self.sync is not None and self.sync.is_live

    def _synced(self) -> BookSync:
        if self.sync is None:
            raise LookupError("there is no book")
        return self.sync

    def _whole(self) -> tuple[Sequence[Any], int | None] | None:
        return ([self._synced().whole()], self._synced().ts) if self._is_live() else None

    def _shown(self, view: _DepthView) -> tuple[Sequence[Any], int | None] | None:
        return ([view.shown()], self._synced().ts) if self._is_live() else None
