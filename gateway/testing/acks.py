"""What becomes of a venue's answers to requests, and to pings."""

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.testing.faults import Faults
from gateway.testing.ways import Ack, Pong

_ID: Final = re.compile(rb'("id"\s*:\s*)(-?\d+|"[^"]*"|null)')
_NOBODYS: Final = b"987654321"


def _renamed(ack: bytes, name: bytes) -> bytes:
    return _ID.sub(rb"\g<1>" + name, ack, count=1)


def _quoted(ack: bytes) -> bytes:
    return _ID.sub(lambda found: found[1] + b'"' + found[2].strip(b'"') + b'"', ack, count=1)


_BENT: Final[Mapping[Ack, Callable[[bytes], tuple[bytes, ...]]]] = {
    Ack.TWICE: lambda ack: (ack, ack),
    Ack.STRANGER: lambda ack: (_renamed(ack, _NOBODYS), ack),
    Ack.TEXT_ID: lambda ack: (_quoted(ack),),
    Ack.NULL_ID: lambda ack: (_renamed(ack, b"null"),),
}
_PONGS: Final[Mapping[Pong, Callable[[bytes], tuple[bytes, ...]]]] = {
    Pong.LOST: lambda _: (),
    Pong.TWICE: lambda payload: (payload, payload),
    Pong.EMPTY: lambda _: (b"",),
    Pong.WRONG: lambda payload: (payload[::-1] + b"!",),
}


def pongs(faults: Faults, payload: bytes) -> tuple[bytes, ...]:
    """Return with what a ping is answered."""
    how = faults.bend_pongs.strike()
    return (payload,) if how is None else _PONGS[how](payload)


class Acks:
    """
    The answers of one socket.

    Args:
        faults: the venue's.
        astray: answers that go to the next socket of the venue.
    """

    def __init__(self, faults: Faults, astray: deque[bytes]) -> None:
        self._faults = faults
        self._overtaken: list[bytes] = []
        self._behind: list[bytes] = []
        self._kept: Mapping[Ack, list[bytes] | deque[bytes]] = {
            Ack.SWAPPED: self._overtaken,
            Ack.AFTER_DATA: self._behind,
            Ack.ASTRAY: astray,
        }

    def instead_of(self, ack: bytes) -> Sequence[bytes]:
        """Return what is sent when ``ack`` should be."""
        if self._faults.lose_acks.strike():
            return ()
        how = self._faults.bend_acks.strike()
        if how is not None and how in self._kept:
            self._kept[how].append(ack)
            return ()
        sent = (ack,) if how is None else _BENT[how](ack)
        return (*sent, *_emptied(self._overtaken))

    def after_data(self) -> Sequence[bytes]:
        """Return what is sent now that there was a datum."""
        return _emptied(self._behind) if self._behind else ()


def _emptied(acks: list[bytes]) -> Sequence[bytes]:
    kept = tuple(acks)
    acks.clear()
    return kept
