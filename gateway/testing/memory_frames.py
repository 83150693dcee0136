"""Raw bytes on a wire that does not exist: they are read as a strict client would read them."""

import struct
from typing import Final

from gateway.net.transport import Kind
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.noise import unmasked

_FINAL: Final = 0x80
_RSV: Final = 0x70
_OPCODE: Final = 0x0F
_SIZE: Final = 0x7F
_CONTROL: Final = 0x08
_MORE: Final = 0
_CLOSE: Final = 8
_KINDS: Final = {1: Kind.TEXT, 2: Kind.BINARY, 9: Kind.PING, 10: Kind.PONG}
_SHAPES: Final = {126: struct.Struct("!H"), 127: struct.Struct("!Q")}
_CODE: Final = 2
_CODES: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_FIRST_FREE_CODE: Final = 3000


class FrameReader:
    """Reads the frames of one socket for ``peer``'s client; what breaks the protocol ends the socket."""

    def __init__(self, peer: MemoryPeer) -> None:
        self._peer = peer
        self._buffer = bytearray()
        self._kind: Kind | None = None
        self._message = bytearray()

    def feed(self, data: bytes) -> None:
        """Take some bytes, at any cut."""
        self._buffer += data
        try:
            while not self._peer.closed and self._take():
                pass
        except ValueError as exc:
            self._peer.violate(str(exc))

    def _take(self) -> bool:
        """Take one frame; false if it is not all there."""
        sized = self._sized()
        if sized is None:
            return False
        first, at, size = sized
        self._check(first, size)
        mask = bytes(self._buffer[at : at + 4]) if self._buffer[1] & _FINAL else b""
        end = at + len(mask) + size
        if len(self._buffer) < end:
            return False
        payload = unmasked(bytes(self._buffer[end - size : end]), mask)
        del self._buffer[:end]
        self._deliver(first, payload)
        return True

    def _sized(self) -> tuple[int, int, int] | None:
        """Return the first byte, where mask or payload begin, and the payload's size."""
        if len(self._buffer) < 2:  # noqa: PLR2004  # bits and size
            return None
        first, size, at = self._buffer[0], self._buffer[1] & _SIZE, 2
        shape = _SHAPES.get(size)
        if shape is not None:
            at += shape.size
            if len(self._buffer) < at:
                return None
            (size,) = shape.unpack_from(self._buffer, 2)
        return first, at, size

    def _check(self, first: int, size: int) -> None:
        opcode = first & _OPCODE
        if first & _RSV:
            raise ValueError("reserved bits are set")
        if opcode & _CONTROL:
            if size >= min(_SHAPES) or not first & _FINAL:
                raise ValueError("a control frame is long or in parts")
        elif (opcode == _MORE) is (self._kind is None):
            raise ValueError("a message begins within another, or never began")
        elif len(self._message) + size > self._peer.max_frame:
            raise ValueError("message too big")
        if opcode not in {_MORE, _CLOSE, *_KINDS}:
            raise ValueError("unknown opcode")

    def _deliver(self, first: int, payload: bytes) -> None:
        opcode = first & _OPCODE
        if opcode == _CLOSE:
            self._peer.close(*_closing(payload))
        elif opcode & _CONTROL:
            self._peer.put(_KINDS[opcode], payload)
        else:
            self._kind = self._kind or _KINDS[opcode]
            self._message += payload
            if first & _FINAL:
                self._peer.put(self._kind, bytes(self._message))
                self._kind = None
                self._message.clear()


def _closing(payload: bytes) -> tuple[int, str]:
    if not payload:
        return 1000, ""
    if len(payload) < _CODE:
        raise ValueError("half a close code")
    (code,) = struct.unpack_from("!H", payload)
    if code not in _CODES and code < _FIRST_FREE_CODE:
        raise ValueError(f"close code {code}")
    return code, payload[_CODE:].decode()
