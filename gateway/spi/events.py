"""What a dialect reports: the meaning of one frame, never an action."""

import enum
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from gateway.errors import Reason
from gateway.spi.contract import Op, Scope, Verdict
from gateway.spi.steps import Frame


class All(enum.Enum):
    """Stands for every stream of the connection."""

    ALL = "all"


ALL: Final = All.ALL


class Blank(Struct, frozen=True, gc=False):
    """A number of a contiguous stream that stands for nothing to be told, such as a trade that was none."""

    id: int
    ts: int


class Data(Struct, frozen=True, gc=False):
    """
    Records of one stream, in the exchange's order.

    ``records`` are of the channel's record type or, for books, of
    :class:`~gateway.spi.books.BookDelta` and :class:`~gateway.spi.books.BookSnapshot`.
    ``ts`` is the exchange's time of the message in microseconds, if it gives one.
    ``blank`` comes alone, without records.
    """

    stream: str
    records: Sequence[Any]
    ts: int | None = None
    blank: Blank | None = None


class Ack(Struct, frozen=True):
    """
    An answer to a request.

    ``accepted`` :obj:`None` means all that the request covers; ``rejected``
    names the others. ``state`` is the exchange's complete list, where it sends
    one instead.
    """

    id: int | str | None = None
    accepted: tuple[str, ...] | None = None
    rejected: tuple[str, ...] = ()
    state: tuple[str, ...] | None = None


class Nack(Struct, frozen=True):
    """A refusal. ``id`` :obj:`None` means the oldest pending request of ``op``."""

    id: int | str | None
    op: Op
    verdict: Verdict


class Pong(Struct, frozen=True):
    """The answer to our own ping, with its token where it carries one."""

    token: int | str | None = None


class Heartbeat(Struct, frozen=True):
    """The exchange's own sign of life."""

    counter: int | None = None


class Reply(Struct, frozen=True):
    """A frame to send at once, inside the limits."""

    frame: Frame


class Draining(Struct, frozen=True):
    """The exchange is about to close; ``deadline`` in seconds from now, where it says."""

    deadline: float | None = None


class SessionLost(Struct, frozen=True):
    """The session ended although the socket stays; a new epoch is needed."""

    scope: Scope
    reason: str


class Revoked(Struct, frozen=True):
    """The exchange ended a stream by itself; ``again`` says whether asking again can help."""

    stream: str
    reason: str
    again: bool = True


class Lost(Struct, frozen=True):
    """A hole that the exchange's connection-wide sequence shows."""

    streams: tuple[str, ...] | All
    reason: Reason = Reason.SEQUENCE_GAP


class Problem(Struct, frozen=True):
    """Anything else that is wrong, judged."""

    verdict: Verdict
    text: str = ""


Event = Data | Ack | Nack | Pong | Heartbeat | Reply | Draining | SessionLost | Revoked | Lost | Problem
