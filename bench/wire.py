"""As much of WebSocket as the feed and a counting client need, over blocking sockets."""

import hashlib
import os
import socket
from base64 import b64encode
from collections.abc import Iterator
from struct import pack, unpack_from
from typing import Final

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BUFFER: Final = 1 << 20
_HEAD: Final = 10
"""Bytes of the longest head."""
_READ: Final = 64 * 1024


def frame(opcode: int, payload: bytes, *, masked: bool = False) -> bytes:
    """Return one final frame; a client's is masked, here by noughts, which changes nothing."""
    mask = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = pack(">BB", 0x80 | opcode, mask | size)
    elif size < 65536:
        head = pack(">BBH", 0x80 | opcode, mask | 126, size)
    else:
        head = pack(">BBQ", 0x80 | opcode, mask | 127, size)
    return head + bytes(4 if masked else 0) + payload


def text_frame(payload: bytes) -> bytes:
    """Return a server's text message."""
    return frame(TEXT, payload)


def accept(key: str) -> str:
    """Return a server's answer to a client's key."""
    return b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()


def dial(host: str, port: int, path: str, receives: int | None = None) -> tuple[socket.socket, bytes]:
    """Upgrade a connection that may buffer ``receives`` bytes; return it and what came after the answer's head."""
    sock = socket.socket()
    sock.settimeout(30)
    if receives is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    sock.connect((host, port))
    key = b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head, rest = read_head(sock)
    if not head.startswith("HTTP/1.1 101"):
        raise ConnectionError(f"no upgrade: {head[:100]}")
    return sock, rest


def read_head(sock: socket.socket, early: bytes = b"") -> tuple[str, bytes]:
    """Return an HTTP head and what came after it; an empty head means the end."""
    data = early
    while b"\r\n\r\n" not in data:
        more = sock.recv(_READ)
        if not more:
            return "", b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


class ClientFrames:
    """Reads the masked frames of a client."""

    def __init__(self, sock: socket.socket, early: bytes) -> None:
        self._sock = sock
        self._data = early

    def next(self) -> tuple[int, bytes]:
        """
        Return opcode and payload.

        Raises:
            EOFError: If the client is gone.
        """
        opcode, size = self._take(2)
        size &= 0x7F
        if size >= 126:
            size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
        mask = self._take(4)
        payload = self._take(size)
        return opcode & 0xF, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    def _take(self, count: int) -> bytes:
        while len(self._data) < count:
            more = self._sock.recv(_READ)
            if not more:
                raise EOFError
            self._data += more
        taken, self._data = self._data[:count], self._data[count:]
        return taken


Places = list[tuple[int, int]]
"""Where payloads begin and end."""


def batches(sock: socket.socket, early: bytes) -> Iterator[tuple[bytearray, Places]]:
    """
    Yield a buffer and the places of a server's whole frames in it, whenever there are some.

    The buffer is used again and again; a frame must fit into it. Ends with the
    connection, or when nothing has come for too long.
    """
    data = bytearray(BUFFER + _HEAD)
    data[: len(early)] = early
    end = len(early)
    while True:
        places, at = _places(data, end)
        if places:
            yield data, places
        rest = end - at
        data[:rest] = data[at:end]
        try:
            more = sock.recv_into(memoryview(data)[rest:BUFFER])
        except OSError:
            return
        end = rest + more
        if not more:
            return


def _places(data: bytearray, end: int) -> tuple[Places, int]:
    """Return the places of whole frames, and where the first begins that is not whole."""
    places: Places = []
    at = 0
    while at + 2 <= end:
        size, begin = data[at + 1], at + 2
        if size == 126:
            size, begin = data[at + 2] << 8 | data[at + 3], at + 4
        elif size == 127:
            size, begin = unpack_from(">Q", data, at + 2)[0], at + 10
        if begin + size > end:  # true of a head that is not whole, too, whatever was there before
            break
        at = begin + size
        places.append((begin, at))
    return places, at
