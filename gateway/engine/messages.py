"""How what is published is spelled: the downstream protocol's data and status messages."""

from base64 import b64encode
from collections.abc import Sequence
from enum import StrEnum, auto
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from gateway.engine.frames import text_frame
from gateway.model.subscriptions import Subscription

Kind = Literal["update", "snapshot"]
encode: Final = msgspec.json.Encoder().encode
_check_json: Final = msgspec.json.Decoder(msgspec.Raw).decode


class TopicStatus(StrEnum):
    """What a topic *is*."""

    PENDING = auto()
    LIVE = auto()
    STALE = auto()
    RESYNCING = auto()
    DISCONNECTED = auto()
    CLOSED = auto()


class TopicEvent(StrEnum):
    """What a topic's listeners are *told*."""

    GAP = auto()
    SYNCED = auto()
    RESTORED = auto()


class Message(Struct, frozen=True, gc=False):
    """
    One published message.

    ``records`` are market or account records, for ``raw`` the exchange's bytes.
    ``recv_us`` is when the gateway received the frame. ``frame`` is the message
    as clients get it, empty while no client listens.
    """

    subscription: Subscription
    kind: Kind
    records: Any
    ts: int | None
    recv_us: int
    offset: int
    frame: bytes


class Conflated(Message, frozen=True, gc=False):
    """A message that stands for all from the offset ``first`` to its own."""

    first: int


def first_of(message: Message) -> int:
    """Return the first offset that ``message`` stands for."""
    return message.first if isinstance(message, Conflated) else message.offset


class Notice(Struct, frozen=True):
    """
    A status message: what a topic is, or what its listeners are told.

    ``first`` and ``last`` bound a gap (both inclusive) where they are known, and
    so do ``after_us`` and ``before_us``, the exchange's times of what came before
    and of what comes next. ``recoverable`` tells that the exchange may still have
    what is missing.
    """

    subscription: Subscription
    status: TopicStatus | TopicEvent
    reason: str
    at_us: int
    first: int | None = None
    last: int | None = None
    recoverable: bool | None = None
    after_us: int | None = None
    before_us: int | None = None

    def frame(self) -> bytes:
        """Return it as clients get it."""
        fields: dict[str, Any] = {
            "topic": self.subscription.topic,
            "type": "status",
            "status": self.status,
            "reason": self.reason,
            "ts": self.at_us,
            "from": self.first,
            "to": self.last,
            "from_ts": self.after_us,
            "to_ts": self.before_us,
            "recoverable": self.recoverable,
        }
        return text_frame(encode({name: value for name, value in fields.items() if value is not None}))


class Spelling:
    """The unchanging parts of one topic's messages, encoded once."""

    __slots__ = ("_snapshot", "_update", "epoch", "topic")

    def __init__(self, topic: str, epoch: str) -> None:
        self.topic = topic
        self.epoch = epoch
        self._update = self._head("update")
        self._snapshot = self._head("snapshot")

    def _head(self, kind: Kind) -> bytes:
        return encode({"topic": self.topic, "type": kind, "epoch": self.epoch})[:-1]

    def frame(  # one argument for each field of the message
        self, kind: Kind, offset: int, ts: int | None, recv_us: int, data: bytes, first: int | None = None
    ) -> bytes:
        """Return the whole message around ``data``; ``first`` marks a conflated one."""
        head = self._update if kind == "update" else self._snapshot
        if first is not None:
            head = b'%b,"first":%d' % (head, first)
        if ts is None:
            return text_frame(b'%b,"offset":%d,"recv":%d,"data":%b}' % (head, offset, recv_us, data))
        return text_frame(b'%b,"offset":%d,"ts":%d,"recv":%d,"data":%b}' % (head, offset, ts, recv_us, data))


def records_json(records: Sequence[Any]) -> bytes:
    """Return ``records`` as the JSON list that ``data`` is."""
    return encode(records)


def raw_json(payload: bytes, *, binary: bool) -> bytes:
    """
    Return an exchange's frame as the JSON value that a raw topic's ``data`` is.

    JSON is spliced in as it came, after a check that builds nothing: a
    malformed frame must not break the client's message. Other text, and absurd
    nesting, becomes a string, binary an object with ``base64``.
    """
    if binary:
        return b'{"base64":"%b"}' % b64encode(payload)
    try:
        _check_json(payload)
        payload.decode()
    except (ValueError, RecursionError):
        return encode(payload.decode("utf-8", "replace"))
    return payload
