"""
How messages are spelled as server-sent events, each as a chunk of an HTTP/1.1 body.

A message is encoded once, as a WebSocket frame, and what every client gets of it is
made from that frame once: whoever asks for the frame that was asked for last, as all
listeners of a topic do one after the other, gets what was made for the first.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from gateway.engine.messages import encode

END: Final = b"0\r\n\r\n"
"""The chunk after which nothing follows."""
NOTHING: Final = b"3\r\n:\n\n\r\n"
"""A comment: it says that we live, and nothing else."""

MEDIUM: Final = 126
"""The smallest of the sizes that stand for a longer one that follows (RFC 6455 section 5.2)."""
_HEAD: Final = re.compile(
    rb'\{"topic":("(?:[^"\\]|\\.)*"),"type":"([a-z]+)",'
    rb'(?:"epoch":"([^"]*)",(?:"first":\d+,)?"offset":(\d+),|"from":\d+,"to":(\d+)\}|)'
)
_BREAKS: Final = bytes.maketrans(b"\r\n", b"  ")


class Event(NamedTuple):
    """
    One message as an event.

    ``topic`` is its name as JSON, empty where it has none. ``epoch`` and ``offset`` are where
    a client stands that has it; an offset without an epoch is one of the epoch that the client
    is in, and without either the client stands where it stood. ``lines`` are all lines but the
    id's, ``whole`` is the chunk for a client that follows this topic alone.
    """

    topic: bytes
    epoch: bytes
    offset: bytes
    lines: bytes
    whole: bytes


class Answer(msgspec.Struct):
    """What is needed of an answer to a request."""

    success: bool
    topic: str = ""


_answer: Final = msgspec.json.Decoder(Answer)


def chunk(text: bytes) -> bytes:
    """Return ``text`` as one chunk."""
    return b"%x\r\n%b\r\n" % (len(text), text)


def lines_of(event: str, payload: bytes) -> bytes:
    """Return the lines of an event with the data ``payload``; a line break means nothing in JSON but much here."""
    if b"\n" in payload or b"\r" in payload:
        payload = payload.translate(_BREAKS)
    return b"event: %b\ndata: %b\n\n" % (event.encode(), payload)


def said(event: str, **fields: object) -> bytes:
    """Return the chunk of an event that is for one client alone."""
    return chunk(lines_of(event, encode({"type": event, **fields})))


def payloads(frames: bytes) -> Iterator[bytes]:
    """Yield what the WebSocket frames hold of which ``frames`` is made; they are whole and not masked."""
    at = 0
    while at < len(frames):
        size, at = frames[at + 1], at + 2
        if size >= MEDIUM:
            wide = 2 if size == MEDIUM else 8
            size, at = int.from_bytes(frames[at : at + wide], "big"), at + wide
        yield frames[at : at + size]
        at += size


def event_of(payload: bytes) -> Event:
    """Return the message that ``payload`` is, one of those that clients are sent, as an event."""
    found = _HEAD.match(payload)
    if found is None:
        answer = _answer.decode(payload)
        lines = lines_of("subscribed" if answer.success else "refused", payload)
        return Event(encode(answer.topic), b"", b"", lines, chunk(lines))
    topic, kind, epoch, offset, dropped = found.groups(b"")
    lines = lines_of(kind.decode(), payload)
    whole = chunk(b"id: %b:%b\n%b" % (epoch, offset, lines) if epoch else lines)
    return Event(topic, epoch, offset or dropped, lines, whole)


class Spelling:
    """Frames as events, made once for all who ask in a row. Event-loop only."""

    def __init__(self) -> None:
        self._frame = b""
        self._events: tuple[Event, ...] = ()

    def events(self, frame: bytes) -> tuple[Event, ...]:
        """Return what ``frame``, one or several after each other, holds."""
        if frame is not self._frame:
            self._events = tuple(event_of(payload) for payload in payloads(frame))
            self._frame = frame
        return self._events
