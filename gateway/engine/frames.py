"""How a text message becomes one WebSocket frame for clients (RFC 6455 section 5.2: final, unmasked)."""

from struct import Struct
from typing import Final

_SMALL: Final = Struct(">BB")
_MEDIUM: Final = Struct(">BBH")
_LARGE: Final = Struct(">BBQ")
_TEXT: Final = 0x81


def text_frame(payload: bytes) -> bytes:
    """Return ``payload`` (UTF-8) as a whole frame, ready to be written to any number of clients."""
    size = len(payload)
    if size < 126:
        return _SMALL.pack(_TEXT, size) + payload
    if size < 65536:
        return _MEDIUM.pack(_TEXT, 126, size) + payload
    return _LARGE.pack(_TEXT, 127, size) + payload
