"""
The topics of a recording: what is told of each as it is played, whether anybody listens or not.

Everything a client hears goes through the same topic and outbox as what comes from an
exchange: with an epoch and offsets of its own, and the recording's times. Event-loop only.
"""

from collections.abc import Iterable
from typing import Final, cast

from gateway.engine.messages import Kind, TopicEvent, TopicStatus
from gateway.engine.topics import Topic
from gateway.model.subscriptions import RAW, Subscription, parse_topic
from gateway.recording.keeping import Shown, kept_of, records_of
from gateway.recording.spelling import NOT_RECORDED, Told

LAG: Final = "lag"
"""The reason of what is missing since the recorder had not kept up."""
END: Final = "end_of_recording"
MOST: Final = 100_000
"""Topics of a recording, beyond those that it begins with."""
_EVENTS: Final = frozenset(TopicEvent)
_BROKEN: Final = frozenset({TopicStatus.RESYNCING, TopicStatus.CLOSED})
_SHOWN: Final = frozenset({TopicStatus.LIVE, TopicStatus.STALE})


class Track:
    """One topic as it is told."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.topic: Topic | None = None
        """What listeners hear, while it is open."""
        self._status = TopicStatus.PENDING
        self._reason = ""
        self._kept = kept_of(subscription.channel)
        self._is_cut = False

    def open(self, topic: Topic) -> None:
        """Have ``topic`` told from now on; it is what the recording says by now."""
        self.topic = topic
        topic.status, topic.reason = self._status, self._reason
        topic.snapshot_of = self._shown

    def close(self) -> None:
        """Nobody listens."""
        self.topic = None

    def _shown(self) -> Shown:
        return self._kept.shown() if self._status in _SHOWN else None

    def hear(self, told: Told, at: int) -> None:
        """
        Be told what the recording has.

        Raises:
            ValueError: If it cannot be; ``ArithmeticError`` and ``LookupError`` too.
        """
        if told.method is not None:
            self._joined(told, at)
        elif told.type == "status":
            self._hear_status(told, at)
        elif told.type == "lag":
            self._gap(Told(reason=LAG), at)
        else:
            self._publish(told)

    def cut(self, at: int) -> None:
        """The recorder was ended here; what comes next comes after a gap."""
        if self._status is not TopicStatus.PENDING:
            self._is_cut = True
            self._become(TopicStatus.DISCONNECTED, NOT_RECORDED, at)

    def end(self, at: int) -> None:
        """Nothing more will come."""
        if self._status is not TopicStatus.CLOSED:
            self._become(TopicStatus.CLOSED, END, at)

    def _joined(self, told: Told, at: int) -> None:
        if told.method != "subscribe" or not told.success:
            return
        if self._is_cut:
            self._is_cut = False
            self._tell(TopicEvent.RESTORED, Told(reason=NOT_RECORDED), at)
            self._gap(Told(reason=NOT_RECORDED), at)
        self._become(TopicStatus(told.status), told.reason, at)

    def _hear_status(self, told: Told, at: int) -> None:
        at = at if told.ts is None else told.ts
        if told.status not in _EVENTS:
            self._become(TopicStatus(told.status), told.reason, at)
        elif told.status == TopicEvent.GAP:
            self._gap(told, at)
        else:
            self._tell(TopicEvent(told.status), told, at)

    def _become(self, status: TopicStatus, reason: str, at: int) -> None:
        if status in _BROKEN:
            self._kept.forget()
        topic = self.topic
        if topic is not None and status is self._status:
            topic.explain(reason, at)
        elif topic is not None:
            topic.become(status, reason, at)
        self._status, self._reason = status, reason

    def _gap(self, told: Told, at: int) -> None:
        self._kept.forget()
        self._tell(TopicEvent.GAP, told, at)

    def _tell(self, event: TopicEvent, told: Told, at: int) -> None:
        if self.topic is not None:
            self.topic.tell(
                event,
                told.reason,
                at,
                first=told.first,
                last=told.last,
                after_us=told.from_ts,
                before_us=told.to_ts,
                recoverable=bool(told.recoverable),
            )

    def _publish(self, told: Told) -> None:
        if self.subscription.channel == RAW:
            if self.topic is not None:
                self.topic.publish_raw(bytes(told.data), binary=False, recv_us=told.recv)
            return
        if told.type not in {"update", "snapshot"}:
            raise ValueError(f"no message has the type {told.type!r}")
        kind = cast("Kind", told.type)
        records = records_of(self.subscription.channel, told.data)
        self._kept.take(kind, records, told.ts)
        if self.topic is not None:
            self.topic.publish(kind, records, told.ts, told.recv)


class Tracks:
    """All topics of a recording, by name."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.all: dict[str, Track] = {}
        for name in topics:
            self.of(name)

    def hear(self, told: Told, at: int) -> None:
        """
        Be told what the recording has of one of them, or of another one that is subscribed to here.

        Raises:
            ValueError: If it cannot be told; ``ArithmeticError`` and ``LookupError`` too.
        """
        is_known = told.topic in self.all
        if not is_known and (told.method is None or len(self.all) >= MOST):
            raise ValueError(f"{told.topic!r} was not subscribed to")
        if is_known or told.success:
            self.of(told.topic).hear(told, at)

    def of(self, name: str) -> Track:
        """
        Return one, made if it was not there.

        Raises:
            ValueError: If it is no topic.
        """
        track = self.all.get(name)
        if track is None:
            track = self.all[name] = Track(parse_topic(name))
        return track

    def cut(self, at: int) -> None:
        """The recorder was ended here."""
        for track in self.all.values():
            track.cut(at)

    def end(self, at: int) -> None:
        """Nothing more will come of any."""
        for track in self.all.values():
            track.end(at)
