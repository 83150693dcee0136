"""
From a raw topic to all native clients that want it alike: each datum is written once, the same bytes go to all.

The protocol of an exchange has no word for a hole. So whoever was sent something of a stream that has
one now, or whose connection broke, loses its socket, as it would have at the exchange; it cannot
take what comes next for what followed.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from gateway.engine.frames import text_frame
from gateway.engine.hub import Hub
from gateway.engine.messages import Message, Notice, TopicEvent, TopicStatus
from gateway.engine.native import Wrap
from gateway.engine.outbox import Outbox
from gateway.engine.topics import Topic
from gateway.model.subscriptions import Subscription

BREAKS: Final = frozenset({TopicStatus.DISCONNECTED, TopicEvent.GAP})


class Member(Protocol):
    """A client; what it is told here ends its socket, and it leaves every fan before that returns."""

    @property
    def outbox(self) -> Outbox:
        """What is written to it."""

    def lose(self, reason: str, /) -> None:
        """A stream of which it was sent something has a hole."""

    def fail(self, failure: Exception, /) -> None:
        """The exchange's plugin cannot write a datum."""


class _Seat(NamedTuple):
    member: Member
    since: int
    """How many data there had been when it came."""


class Fan:
    """
    A :class:`~gateway.engine.topics.Listener` for all clients of one shape. Event-loop only.

    Args:
        wish: the topic, which is a raw one.
        shape: the plugin's word for how data are written.
        wrap: writes them.
    """

    wants_frames = False
    topic: Topic
    """Set when it is attached."""

    def __init__(self, wish: Subscription, shape: str, wrap: Wrap) -> None:
        self.wish = wish
        self.shape = shape
        self._stream = wish.symbol
        self._wrap = wrap
        self._written = 0
        self._seats: tuple[_Seat, ...] = ()
        self._puts: tuple[Callable[[bytes], None], ...] = ()

    def __bool__(self) -> bool:
        return bool(self._seats)

    def put(self, message: Message, /) -> None:
        """Write a datum once, and queue it for everybody. The hot path: nothing is awaited, logged or locked."""
        try:
            frame = text_frame(self._wrap(self.shape, self._stream, message.records))
        except Exception as failure:  # noqa: BLE001  # a plugin's mistake must reach nobody else
            for seat in self._seats:
                seat.member.fail(failure)
            return
        self._written += 1
        for put in self._puts:
            put(frame)

    def notify(self, notice: Notice, _: bytes, /) -> None:
        """End those whose stream has a hole; whoever was sent nothing of it yet has lost nothing."""
        if notice.status in BREAKS:
            for seat in self._seats:
                if seat.since < self._written:
                    seat.member.lose(notice.reason)

    def timed(self, recv_us: int, /) -> None:
        """Have the writes timed that take the last datum along."""
        for seat in self._seats:
            seat.member.outbox.time(recv_us)

    def join(self, member: Member) -> None:
        """Let ``member`` have every datum from the next one on."""
        self._seat((*self._seats, _Seat(member, self._written)))

    def part(self, member: Member) -> None:
        """Let it have no more."""
        self._seat(tuple(seat for seat in self._seats if seat.member is not member))

    def _seat(self, seats: tuple[_Seat, ...]) -> None:
        self._seats = seats
        self._puts = tuple(seat.member.outbox.put for seat in seats)


class Fans:
    """
    Those of all native clients. Event-loop only.

    Args:
        hub: all topics.
        now: monotonic seconds.
    """

    def __init__(self, hub: Hub, now: Callable[[], float]) -> None:
        self._hub = hub
        self._now = now
        self._fans: dict[tuple[str, str], Fan] = {}

    def join(self, wish: Subscription, shape: str, wrap: Wrap, member: Member) -> Fan:
        """
        Let ``member`` have a raw topic, in one step with whatever its caller says of it.

        Raises:
            SubscriptionError: If the exchange does not offer it.
        """
        key = wish.topic, shape
        fan = self._fans.get(key)
        if fan is None:
            fan = Fan(wish, shape, wrap)
            fan.topic = self._hub.attach(wish, fan)
            self._fans[key] = fan
        fan.join(member)
        return fan

    def part(self, fan: Fan, member: Member) -> Topic:
        """Let ``member`` have it no longer; return its topic, which nobody may listen to now."""
        fan.part(member)
        if not fan:
            del self._fans[fan.wish.topic, fan.shape]
            self._hub.detach(fan.topic, fan, self._now())
        return fan.topic
