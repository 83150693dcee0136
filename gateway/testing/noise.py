"""What a venue can send that means nothing, is hard to read, or breaks the WebSocket protocol (RFC 6455)."""

import enum
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from aiohttp import WSMsgType

_MORE, _TEXT, _CLOSE, _PING = (
    int(kind) for kind in (WSMsgType.CONTINUATION, WSMsgType.TEXT, WSMsgType.CLOSE, WSMsgType.PING)
)
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_SMALL: Final = 126
_MEDIUM: Final = 1 << 16


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes = b"",
    size: int | None = None,
) -> bytes:
    """Return a frame, a senseless one if asked: ``rsv`` has three bits, ``size`` is what it claims to hold."""
    size = len(payload) if size is None else size
    first, masked = (_FINAL if fin else 0) | rsv << 4 | opcode, _MASKED if mask else 0
    if size < _SMALL:
        header = struct.pack("!BB", first, masked | size)
    elif size < _MEDIUM:
        header = struct.pack("!BBH", first, masked | _SMALL, size)
    else:
        header = struct.pack("!BBQ", first, masked | (_SMALL + 1), size)
    return header + mask + unmasked(payload, mask)


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """Return ``payload`` with ``mask`` put on or taken off; an empty one does nothing."""
    if not mask:
        return payload
    return bytes(byte ^ mask[at % len(mask)] for at, byte in enumerate(payload))


def _packed(data: bytes) -> bytes:
    """Return ``data`` deflated, in a shape that can be repeated."""
    packer = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


class Noise(enum.Enum):
    """
    WebSocket opcode and payload; without an opcode, the bytes on the wire.

    Text to ``BINARY`` are messages that no dialect knows, ``MASKED`` to
    ``PING_INSIDE`` are legal and rare, all that follows breaks the protocol.
    The last two never end. ``BOMB`` and ``EMPTY_BLOCKS`` are compressed
    messages where :attr:`~gateway.testing.faults.Faults.deflate` let the client
    agree on that, and violations otherwise.
    """

    TEXT = (WSMsgType.TEXT, b"surely no message")
    CUT_JSON = (WSMsgType.TEXT, b'{"stream":"tr')
    STRANGE_JSON = (WSMsgType.TEXT, b'[{"surprise":[null,1e400]}]')
    NAN_JSON = (WSMsgType.TEXT, b'{"price":NaN,"size":-Infinity}')
    TWICE_KEYED_JSON = (WSMsgType.TEXT, b'{"stream":"a","id":1,"stream":"b","id":2}')
    DEEP_JSON = (WSMsgType.TEXT, b"[" * 100_000)
    LONG_NUMBER = (WSMsgType.TEXT, b'{"id":' + b"9" * 1_000_000 + b"}")
    EMPTY = (WSMsgType.TEXT, b"")
    BINARY = (WSMsgType.BINARY, bytes(range(256)))

    MASKED = (None, frame(_TEXT, b"masked", mask=b"\x01\x02\x03\x04"))
    FRAGMENTS = (None, frame(_TEXT, b"f", fin=False) + frame(_MORE, b"g", fin=False) * 9 + frame(_MORE, b"h"))
    PING_INSIDE = (None, frame(_TEXT, b"be", fin=False) + frame(_PING, b"inside") + frame(_MORE, b"tween"))

    BAD_UTF8 = (WSMsgType.TEXT, b"\xc3\x28\xff")
    BAD_FRAME = (None, b"\xf3\x00\xff\xff")
    UNKNOWN_OPCODE = (None, frame(3, b"x"))
    RSV1 = (None, frame(_TEXT, b"x", rsv=4))
    RSV2 = (None, frame(_TEXT, b"x", rsv=2))
    RSV3 = (None, frame(_TEXT, b"x", rsv=1))
    ORPHAN = (None, frame(_MORE, b"x"))
    NESTED = (None, frame(_TEXT, b"x", fin=False) + frame(_TEXT, b"y"))
    SPLIT_PING = (None, frame(_PING, b"x", fin=False))
    LONG_PING = (None, frame(_PING, b"x" * 126))
    OVERSIZE = (None, frame(_TEXT, b"x" * 1000, size=64 << 20))
    VAST = (None, frame(_TEXT, b"x", fin=False) + frame(_MORE, b"y", size=(1 << 63) - 1))
    CLOSE_CODE = (None, frame(_CLOSE, struct.pack("!H", 1005)))
    HALF_CODE = (None, frame(_CLOSE, b"\x03"))
    CLOSE_TEXT = (None, frame(_CLOSE, struct.pack("!H", 1000) + b"\xff"))
    BOMB = (None, frame(_TEXT, _packed(bytes(65536)) * 1024, rsv=4))
    EMPTY_BLOCKS = (None, frame(_TEXT, b"\x00\x00\x00\xff\xff" * 100_000, rsv=4))

    DRIBBLE = (None, frame(_TEXT, size=1_000_000))
    ENDLESS = (None, frame(_TEXT, b"x", fin=False))


REPEATED: Final[Mapping[bytes, bytes]] = {
    Noise.DRIBBLE.value[1]: b"x",
    Noise.ENDLESS.value[1]: frame(_MORE, b"x" * 4096, fin=False),
}
"""What is sent again and again after that beginning."""
EVERY: Final = 0.01
"""Seconds between two of them."""
