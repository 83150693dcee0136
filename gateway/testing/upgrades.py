"""How an answer to an upgrade is bent on its way out: one row for each way."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from gateway.testing.ways import Upgrade
from gateway.testing.wire import Wire

EVERY: Final = 0.01
"""Seconds between two bytes of an answer that comes byte by byte."""
_END: Final = b"\r\n\r\n"
Bend = Callable[[bytes], bytes]


def _without(name: bytes, head: bytes) -> bytes:
    return re.sub(rb"(?im)^" + name + rb": [^\r]*\r\n", b"", head)


def _with(lines: bytes, head: bytes) -> bytes:
    return head.replace(_END, b"\r\n" + lines + _END, 1)


def _instead(old: bytes, new: bytes, head: bytes) -> bytes:
    return re.sub(b"(?i)" + old, new, head, count=1)


_WRONG: Final = rb"\1AAAAAAAAAAAAAAAAAAAAAAAAAAA="
BENDS: Final[Mapping[Upgrade, Bend]] = {
    Upgrade.WRONG_ACCEPT: partial(_instead, rb"(sec-websocket-accept: )[^\r]*", _WRONG),
    Upgrade.NO_ACCEPT: partial(_without, b"sec-websocket-accept"),
    Upgrade.NO_UPGRADE: partial(_without, b"upgrade"),
    Upgrade.NO_CONNECTION: partial(_without, b"connection"),
    Upgrade.OLD_HTTP: partial(_instead, b"HTTP/1.1", b"HTTP/1.0"),
    Upgrade.NO_HTTP: lambda _: b"220 mail.example ESMTP" + _END,
    Upgrade.LONG_LINE: partial(_with, b"X-Long: " + b"x" * (1 << 20)),
    Upgrade.MANY_LINES: partial(_with, b"\r\n".join([b"X-Many: x"] * 10_000)),
    Upgrade.EXTENSION: partial(_with, b"Sec-WebSocket-Extensions: permessage-surprise"),
    Upgrade.SUBPROTOCOL: partial(_with, b"Sec-WebSocket-Protocol: surprise"),
    Upgrade.CUT: lambda head: head[: len(head) // 2],
}
DRIPS: Final[Mapping[Upgrade, Bend]] = {
    Upgrade.SLOW: bytes,
    Upgrade.ENDLESS: partial(_with, b"X-More: x\r\n" * 10_000),
}


def answer(wire: Wire, how: Upgrade | None) -> None:
    """Let the answer that ``wire`` holds go out, bent; one with company stays until that comes."""
    match how:
        case None | Upgrade.PIGGYBACK:
            return
        case Upgrade.SLOW | Upgrade.ENDLESS:
            wire.drip(DRIPS[how], every=EVERY)
        case _:
            wire.release(BENDS[how])
            if how is Upgrade.CUT:
                wire.close()
