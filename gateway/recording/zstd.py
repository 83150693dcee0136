"""Zstandard frames: one is made of whole lines, and of a file those are read that are whole, within bounds."""

import sys
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from gateway.errors import DamagedRecording

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LARGEST: Final = (1 << 25) + (1 << 20)
"""Bytes of what one frame holds: a client's largest message, and lines that were there already."""
WINDOW: Final = 26
"""Log of the bytes that a frame may have us look back: what the largest needs."""
CHUNK: Final = 1 << 16
LEVEL: Final = 3

_COMPRESS: Final[Mapping[int, int]] = {
    zstd.CompressionParameter.checksum_flag: 1,
    zstd.CompressionParameter.compression_level: LEVEL,
}
_DECOMPRESS: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: WINDOW}


def packed(lines: bytes) -> bytes:
    """Return ``lines`` as one frame, with a checksum."""
    return zstd.compress(lines, options=_COMPRESS)


class Frames:
    """
    What the whole frames of a file hold, one after the other.

    Args:
        file: read from where it stands, as far as is asked for.
        name: of the file, for errors.

    Iteration raises a DamagedRecording where something is no frame, or holds too much, and
    whatever reading a file does.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.begin = 0
        """Where the frame that was returned last begins."""
        self.end = 0
        """Where it ends."""
        self.is_torn = False
        """Whether the file ends amid a frame; known once the iteration is over."""
        self._file = file
        self._name = name
        self._rest = b""

    def __iter__(self) -> Iterator[bytes]:
        while (whole := self._next()) is not None:
            yield whole

    def _next(self) -> bytes | None:
        given = self._rest or self._file.read(CHUNK)
        if not given:
            return None
        self.begin = end = self.end
        frame, pieces, size = zstd.ZstdDecompressor(options=_DECOMPRESS), [], 0
        while True:
            end += len(given)
            pieces.append(self._decompressed(frame, given, LARGEST + 1 - size))
            size += len(pieces[-1])
            if size > LARGEST:
                raise DamagedRecording(str(self), f"a frame that holds more than {LARGEST} bytes")
            if frame.eof:
                break
            given = self._file.read(CHUNK) if frame.needs_input else b""
            if frame.needs_input and not given:
                self.is_torn = True
                return None
        self._rest = frame.unused_data
        self.end = end - len(self._rest)
        return b"".join(pieces)

    def _decompressed(self, frame: zstd.ZstdDecompressor, given: bytes, most: int) -> bytes:
        try:
            return frame.decompress(given, most)
        except zstd.ZstdError as exc:
            raise DamagedRecording(str(self), f"no frame, or a damaged one: {exc}") from None

    def __str__(self) -> str:
        return f"{self._name}, byte {self.begin}"
