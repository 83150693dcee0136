"""What a server has sent a client in one go, told apart cheaply, since everybody is sent the same bytes."""

import re
from dataclasses import dataclass
from struct import unpack_from
from typing import Final, NamedTuple

_UPDATE: Final = re.compile(
    rb'\{"topic":"([^"]+)","type":"(?:update|snapshot)","epoch":"([^"]+)",(?:"first":(\d+),)?"offset":(\d+),"ts":(\d+)'
)
_LAG: Final = re.compile(rb'\{"topic":"([^"]+)","type":"lag","from":(\d+),"to":(\d+)\}')
_REMEMBERED: Final = 512


class Datum(NamedTuple):
    """A message with offsets; ``ts`` is none for a lag, which tells that these offsets were dropped."""

    topic: bytes
    epoch: bytes
    first: int
    last: int
    ts: int | None
    is_snapshot: bool


class Other(NamedTuple):
    """Any other frame."""

    opcode: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """What was received: the frames in it, and what is not a whole frame yet."""

    frames: tuple[Datum | Other, ...]
    rest: bytes


def frame_at(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return opcode, begin and end of the frame that begins ``at``; nothing while it is not whole."""
    if at + 2 > len(data):
        return None
    size, begin = data[at + 1], at + 2
    if size == 126:
        begin = at + 4
        if begin > len(data):
            return None
        size = unpack_from(">H", data, at + 2)[0]
    elif size == 127:
        begin = at + 10
        if begin > len(data):
            return None
        size = unpack_from(">Q", data, at + 2)[0]
    return None if begin + size > len(data) else (data[at] & 0x0F, begin, begin + size)


def _read(opcode: int, payload: bytes) -> Datum | Other:
    if opcode != 1:
        return Other(opcode, payload)
    if found := _UPDATE.match(payload):
        topic, epoch, first, offset, ts = found.groups()
        last = int(offset)
        is_snapshot = payload.startswith(b'"snapshot"', found.end(1) + 9)
        return Datum(topic, epoch, int(first or last), last, int(ts), is_snapshot)
    if found := _LAG.match(payload):
        return Datum(found[1], b"", int(found[2]), int(found[3]), None, False)
    return Other(opcode, payload)


def _cut(data: bytes) -> Piece:
    frames, at = [], 0
    while (place := frame_at(data, at)) is not None:
        opcode, begin, at = place
        frames.append(_read(opcode, data[begin:at]))
    return Piece(tuple(frames), data[at:])


class Cutter:
    """Cuts what was received into frames, and remembers how: the next client was probably sent the same."""

    def __init__(self) -> None:
        self._known: dict[bytes, Piece] = {}

    def cut(self, data: bytes) -> Piece:
        """Return the frames in ``data``, which begins with one."""
        piece = self._known.get(data)
        if piece is None:
            piece = _cut(data)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[data] = piece
        return piece
