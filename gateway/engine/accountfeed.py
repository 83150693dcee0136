"""
A stream that carries an account: whose topics are told what, and that nothing is told behind what was fetched.

Whenever the stream flows, or a hole shows, the account is fetched. Until that is
there, what the stream says is held back. The order is always: ``gap``, a
published snapshot, ``synced``, what was held back; what was before another hole
is told before that.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct

from gateway.engine.accounts import AccountState, check
from gateway.engine.feeds import Feed
from gateway.engine.messages import TopicEvent, TopicStatus, records_json
from gateway.engine.standing import NOWHERE, Standing
from gateway.engine.topics import Topic
from gateway.model.account import ACCOUNT_RECORDS, Order
from gateway.model.subscriptions import RAW
from gateway.spi.contract import Rhythm
from gateway.spi.events import Data

HELD: Final = 10_000
"""Messages that may wait for the account to be fetched."""
RECENT: Final = 32
"""Records that are remembered until somebody asks what came lately; of more the oldest are let go."""
CHANNELS: Final = {kind: channel for channel, kind in ACCOUNT_RECORDS.items()}


class AccountFeed(Feed):
    """
    The listeners' side of an account's stream; each topic hears the records of its own kind.

    Args:
        stream: the exchange's name for it.
        ask: called whenever the account must be fetched; must return at once, and says whether it will be.
        rhythm: how it sounds while it is healthy.
    """

    def __init__(
        self, stream: str, ask: "Callable[[AccountFeed], bool]", *, rhythm: Rhythm = Rhythm.SPARSE
    ) -> None:
        super().__init__(stream, rhythm=rhythm)
        self.seen_us: int | None = None
        """Until when everything had certainly arrived; wall time. Nothing before the stream first flowed."""
        self.blind_us: int | None = None
        """The same before the last hole."""
        self.wish = 0
        """Which fetch is waited for: what was begun for another comes too early."""
        self._ask = ask
        self._state = AccountState()
        self._flows = False
        self._is_wanted = False
        """Whether the account is to be fetched."""
        self._is_whole = False
        """Whether all that is known of it was fetched, or has come since."""
        self._held: deque[tuple[Sequence[Any], int | None, int]] | None = None
        self._recent: deque[tuple[str, int | None, int]] = deque(maxlen=RECENT)

    @property
    def open_orders(self) -> Sequence[Order]:
        """The orders of which something may still become, as far as it is known."""
        return self._state.open_orders()

    def add(self, topic: Topic) -> None:
        """Hang ``topic`` off the stream; whoever joins it later is told what is known, but of frames."""
        super().add(topic)
        if topic.subscription.channel != RAW:
            topic.snapshot_of = partial(self._known, _kind(topic))
        elif self._flows:
            topic.status, topic.reason = TopicStatus.LIVE, ""

    def take_over(self, before: Feed) -> None:
        """Carry on where ``before`` left off; nothing is known of the account yet, whatever flowed."""
        super().take_over(before)
        if self.status in {TopicStatus.LIVE, TopicStatus.RESYNCING}:
            self.status, self.reason = TopicStatus.PENDING, ""

    def remove(self, topic: Topic) -> bool:
        """Take ``topic`` off and return whether none is left; what nobody hears of is not kept."""
        is_last = super().remove(topic)
        if not self.topics:
            self._state, self._is_whole = AccountState(), False
        return is_last

    # --- what comes

    def take(self, data: Data, recv_us: int) -> None:
        """Publish the records of ``data``, or hold them back."""
        records = data.records
        if self.overlap is not None:
            records = self._new_ones(self.overlap, records, data.ts)
        if not records:
            return
        _check(records)
        if self._hole:
            self._resync(recv_us)
        self.seen_us = recv_us
        if self._held is None:
            self._tell(records, data.ts, recv_us)
            return
        self._held.append((records, data.ts, recv_us))
        if len(self._held) > HELD:
            self.release("", recv_us)

    def _tell(self, records: Sequence[Struct], ts: int | None, recv_us: int) -> None:
        news = [record for record in records if self._state.take(record)]
        self._recent.extend((CHANNELS[type(record)], ts, recv_us) for record in news)
        for topic in self.topics:
            kind = _kind(topic)
            if mine := [record for record in news if type(record) is kind]:
                topic.publish("update", mine, ts, recv_us)

    def lately(self) -> Sequence[tuple[str, int | None, int]]:
        """Return the channel, the exchange's time and the receipt of what was told since this was asked last."""
        told = tuple(self._recent)
        self._recent.clear()
        return told

    def standing(self) -> Standing:
        """Nobody can tell: an account says the same again whenever it is asked for."""
        return NOWHERE

    # --- what is fetched

    def load(self, records: Sequence[Struct], wish: int, at_us: int) -> None:
        """Take the whole account, fetched for ``wish``: publish it, and then what was held back."""
        if not self._is_wanted or wish != self.wish:
            return
        _check(records)
        whole = self._state.load(records)
        self._is_wanted, self._is_whole = False, True
        for topic in self.topics:
            kind = _kind(topic)
            topic.publish("snapshot", [record for record in whole if type(record) is kind], None, at_us)
            if topic.status is TopicStatus.RESYNCING:
                topic.tell(TopicEvent.SYNCED, self.reason, at_us)
        self._become(TopicStatus.LIVE, "", at_us)
        self._let_go()

    def never(self, at_us: int) -> None:
        """Nobody can fetch it: what the stream says is all there is."""
        self._is_wanted = False
        self._become(TopicStatus.LIVE, "", at_us)
        self._let_go()

    def release(self, reason: str, at_us: int) -> None:
        """Hold nothing back any more; what is fetched later is told when it is there."""
        if self._held is None:
            return
        if self.status is TopicStatus.PENDING:
            self._become(TopicStatus.RESYNCING, reason, at_us)
        self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held or (), None
        for records, ts, recv_us in held:
            self._tell(records, ts, recv_us)

    def _want(self, at_us: int) -> None:
        """Have the account fetched; where that cannot be, what the stream says is all there is."""
        self.wish += 1
        self._is_wanted, self._is_whole = True, False
        self._state.begin()
        if self.topics and self._ask(self):
            self._held = deque()
        else:
            self.never(at_us)

    # --- what happens to the stream

    def begin(self) -> None:
        """A new epoch asks for the stream."""
        super().begin()
        self._flows = False

    def confirmed(self, at_us: int) -> None:
        """The stream flows: the account is fetched."""
        if self._flows:
            if self._is_wanted and not self._ask(self):  # this epoch's to do, if it was another's
                self.never(at_us)
            return
        self._flows = True
        for topic in self.everyone():
            if topic.status is TopicStatus.DISCONNECTED:
                topic.tell(TopicEvent.RESTORED, topic.reason, at_us)
        if self.raw is not None:  # frames wait for nothing
            self.raw.become(TopicStatus.LIVE, "", at_us)
        if self._hole or self.status is TopicStatus.DISCONNECTED:
            self._resync(at_us)
        else:
            self.seen_us = at_us
            self._want(at_us)

    def saw(self, at_us: int) -> None:
        """Everything until ``at_us`` has arrived."""
        if self._flows:
            self.seen_us = max(self.seen_us or 0, at_us)

    def lost(self, reason: str, at_us: int) -> None:
        """The exchange shows that something is missing though the connection stays."""
        super().lost(reason, at_us)
        if self._flows:
            self._resync(at_us)

    def broke(self, reason: str, at_us: int) -> None:
        """The connection is over: what was held back is told, and what comes next comes after a hole."""
        self._stop(reason)
        super().broke(reason, at_us)
        if self.raw is not None and self.raw.status is TopicStatus.LIVE:  # the account was still to come
            self.raw.become(TopicStatus.DISCONNECTED, reason, at_us)

    def refused(self, reason: str, at_us: int) -> None:
        """The exchange will not serve the stream; what was held back is told."""
        self._stop(reason)
        super().refused(reason, at_us)

    def _stop(self, reason: str) -> None:
        self._let_go()
        if self._flows:
            self._hole = self._raw_hole = reason
        self._flows = self._is_wanted = self._is_whole = False

    def _resync(self, at_us: int) -> None:
        """Tell of the hole, after what had come before it, and have the account fetched."""
        self._let_go()
        reason = self._hole or self.reason
        self._hole = ""
        self.blind_us, self.seen_us = self.seen_us, at_us
        for topic in self.topics:
            topic.tell(TopicEvent.GAP, reason, at_us, after_us=self.blind_us, before_us=at_us)
        self._want(at_us)
        if self._is_wanted:
            self._become(TopicStatus.RESYNCING, reason, at_us)

    def _become(self, status: TopicStatus, reason: str, at_us: int) -> None:
        self.status, self.reason = status, reason
        for topic in self.topics:
            topic.become(status, reason, at_us)
        if self.raw is not None and status is TopicStatus.RESYNCING:
            self.raw.become(TopicStatus.LIVE, "", at_us)
        elif self.raw is not None:
            self.raw.become(status, reason, at_us)

    # --- for those who join

    def _known(self, kind: type[Struct]) -> tuple[Sequence[Any], int | None] | None:
        return (self._state.records(kind), None) if self._is_whole else None


def _kind(topic: Topic) -> type[Struct]:
    return ACCOUNT_RECORDS[topic.subscription.channel]


def _check(records: Sequence[Struct]) -> None:
    """See that each can be told, before anything comes of it: later nobody would know whose fault it is."""
    for record in records:
        check(record)
    records_json(records)
