"""In which ways each thing can go wrong at a venue."""

import enum
from dataclasses import dataclass, field
from typing import Final

VANISHED: Final = 1006
"""The code that no Close frame carries: the socket ends without one."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer instead of what was asked for."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Cut:
    """A socket is closed after so many seconds; :data:`VANISHED` closes it without a Close frame."""

    seconds: float
    code: int = 1001


@dataclass(frozen=True, slots=True)
class Quota:
    """A socket that sends more than ``count`` frames, pings and pongs among them, ``per`` seconds is closed."""

    count: int
    per: float = 1.0
    code: int = 1008


class Upgrade(enum.Enum):
    """How the answer to an upgrade is bent; the last two end well."""

    SILENCE = "no answer comes"
    ENDLESS = "headers come byte by byte, without end"
    CUT = "the socket ends in the middle of the answer"
    WRONG_ACCEPT = "the client's challenge is answered wrongly"
    NO_ACCEPT = "the client's challenge is not answered"
    NO_UPGRADE = "the Upgrade header is missing"
    NO_CONNECTION = "the Connection header is missing"
    OLD_HTTP = "it is HTTP/1.0"
    NO_HTTP = "it is no HTTP"
    LONG_LINE = "one header has a mebibyte"
    MANY_LINES = "there are ten thousand headers"
    EXTENSION = "an extension that nobody offered is agreed on"
    SUBPROTOCOL = "a subprotocol that nobody offered is agreed on"
    SLOW = "it comes byte by byte"
    PIGGYBACK = "the first frames come with it in one piece, a ping before them"


class Ack(enum.Enum):
    """How an answer to a request is bent. Ids are JSON members called ``id``; where there is none it stays."""

    TWICE = "it comes twice"
    STRANGER = "one for a request that nobody made comes before it"
    TEXT_ID = "its id is text instead of a number"
    NULL_ID = "its id is null"
    SWAPPED = "it comes after the next one"
    AFTER_DATA = "it comes after the next datum"
    ASTRAY = "it comes on the next socket that is opened"


class Pong(enum.Enum):
    """How the answer to a ping is bent."""

    LOST = "it does not come"
    TWICE = "it comes twice"
    EMPTY = "it has no payload"
    WRONG = "it has another payload"


class Body(enum.Enum):
    """How the body of a REST reply is bent."""

    EMPTY = "there is none"
    GARBAGE = "it is no text"
    PAGE = "it is a page for people"
    CUT = "half of it comes, then the connection ends"
    HALF = "half of it comes, then nothing"
    SLOW = "it comes byte by byte"
