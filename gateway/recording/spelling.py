"""How a recording is spelled: a header on the first line of each file, then a line for each message."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from gateway.errors import DamagedRecording

FORMAT: Final = 1
SUFFIX: Final = ".jsonl.zst"
NOT_RECORDED: Final = "not_recorded"
"""The reason of what the recorder itself says of a topic: it was away."""

Microseconds = Annotated[int, Meta(ge=0, lt=1 << 53)]
"""Since 1970; what a float holds exactly."""


class Header(Struct, frozen=True):
    """
    The first line of a file.

    ``gateway`` is the version that wrote it. ``run`` is the same in all files that one recorder
    wrote, ``segment`` counts these from 1; ``topics`` are those it was asked for, and ``started``,
    in microseconds since 1970, is when it began with this file.
    """

    format: int
    gateway: str
    run: str
    segment: int
    topics: list[str]
    started: Microseconds


class Line(Struct, frozen=True):
    """
    One message, or answer to a subscription, as it came.

    ``at`` is when it was received, in microseconds since 1970. ``by`` is ``recorder`` for a status
    that it tells itself, of what it could not hear.
    """

    at: Microseconds
    message: Raw
    by: Literal["gateway", "recorder"] = "gateway"


class Told(Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """What is to be known of a message to serve it again; ``first`` and ``last`` are those of a gap or a lag."""

    topic: str = ""
    type: str = ""
    method: str | None = None
    success: bool = False
    status: str = ""
    reason: str = ""
    ts: int | None = None
    recv: int = 0
    data: Raw = Raw(b"null")
    first: int | None = None
    last: int | None = None
    from_ts: int | None = None
    to_ts: int | None = None
    recoverable: bool | None = None


_header: Final = msgspec.json.Decoder(Header).decode
_line: Final = msgspec.json.Decoder(Line).decode
_told: Final = msgspec.json.Decoder(Told).decode
_encode: Final = msgspec.json.Encoder().encode


def header_line(header: Header) -> bytes:
    """Return the first line of a file."""
    return _encode(header) + b"\n"


def message_line(at: int, text: bytes) -> bytes:
    """Return the line of a message that came as ``text``; line breaks, which mean nothing there, become spaces."""
    if b"\n" in text:
        text = text.replace(b"\n", b" ")
    return b'{"at":%d,"message":%b}\n' % (at, text)


def recorder_line(at: int, **status: object) -> bytes:
    """Return the line of a status that the recorder tells; what is nothing is left out."""
    told = {"type": "status", **{key: value for key, value in status.items() if value is not None}}
    return b'{"at":%d,"by":"recorder","message":%b}\n' % (at, _encode(told))


def read_header(line: bytes, place: str) -> Header:
    """
    Return what the first line of a file says.

    Raises:
        DamagedRecording: If it is no header, or one of a format that is unknown.
    """
    try:
        header = _header(line)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise DamagedRecording(place, f"no header: {exc}") from None
    if header.format != FORMAT:
        raise DamagedRecording(place, f"format {header.format}, and this gateway reads {FORMAT}")
    return header


def read_line(line: bytes, place: object) -> Line:
    """
    Return what a later line says.

    Raises:
        DamagedRecording: If it is none.
    """
    try:
        return _line(line)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise DamagedRecording(str(place), f"no message: {exc}") from None


def read_told(line: Line, place: object) -> Told:
    """
    Return what the message of a line says.

    Raises:
        DamagedRecording: If it is no message of the protocol.
    """
    try:
        return _told(line.message)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise DamagedRecording(str(place), f"no message of the protocol: {exc}") from None
