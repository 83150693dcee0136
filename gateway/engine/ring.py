"""The last messages of one topic, bounded in number and bytes, from which a client resumes."""

from collections import deque
from collections.abc import Sequence
from typing import Final

MESSAGES: Final = 1024
BYTES: Final = 1 << 20


class Ring:
    """Frames with contiguous offsets, the newest last."""

    __slots__ = ("_bytes", "_frames", "_max_bytes", "_max_messages", "_newest")

    def __init__(self, newest: int, *, max_messages: int = MESSAGES, max_bytes: int = BYTES) -> None:
        self._frames: deque[bytes] = deque()
        self._newest = newest
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes

    def append(self, frame: bytes) -> None:
        """Keep the message that follows the newest, and drop the oldest beyond the bounds."""
        frames = self._frames
        frames.append(frame)
        self._newest += 1
        self._bytes += len(frame)
        while len(frames) > self._max_messages or (self._bytes > self._max_bytes and len(frames) > 1):
            self._bytes -= len(frames.popleft())

    def bound(self, max_messages: int, max_bytes: int) -> None:
        """Keep at most so much from now on, and drop the oldest beyond it."""
        self._max_messages, self._max_bytes = max_messages, max_bytes
        frames = self._frames
        while len(frames) > max_messages or (self._bytes > max_bytes and len(frames) > 1):
            self._bytes -= len(frames.popleft())

    def after(self, offset: int) -> Sequence[bytes] | None:
        """Return every frame after ``offset``, or :obj:`None` if one of them is gone or ``offset`` never was."""
        missed = self._newest - offset
        if not 0 <= missed <= len(self._frames):
            return None
        return [self._frames[i] for i in range(len(self._frames) - missed, len(self._frames))]

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._bytes
