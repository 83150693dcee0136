"""
The last messages of one topic, bounded in number and bytes, from which a client resumes.

Gaps are kept among them: whoever was away when one was told must hear of it before what follows.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

MESSAGES: Final = 1024
BYTES: Final = 1 << 20


class Ring:
    """Frames with contiguous offsets, the newest last."""

    __slots__ = ("_bytes", "_frames", "_gaps", "_max_bytes", "_max_messages", "_newest")

    def __init__(self, newest: int, *, max_messages: int = MESSAGES, max_bytes: int = BYTES) -> None:
        self._frames: deque[bytes] = deque()
        self._gaps: deque[tuple[int, bytes]] = deque()  # each with the offset after which it was told
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
            self._drop()

    def tell(self, gap: bytes) -> None:
        """Keep what was told between the newest message and the next; as many as messages, at most."""
        self._gaps.append((self._newest, gap))
        self._bytes += len(gap)
        if len(self._gaps) > self._max_messages:
            self._forget_gap()

    def bound(self, max_messages: int, max_bytes: int) -> None:
        """Keep at most so much from now on, and drop the oldest beyond it."""
        self._max_messages, self._max_bytes = max_messages, max_bytes
        frames = self._frames
        while len(frames) > max_messages or (self._bytes > max_bytes and len(frames) > 1):
            self._drop()
        while len(self._gaps) > max_messages:
            self._forget_gap()

    def after(self, offset: int) -> Sequence[bytes] | None:
        """
        Return every frame after ``offset``, or :obj:`None` if one of them is gone or ``offset`` never was.

        Gaps that were told right after it are among them: the client may have heard of them or not.
        """
        missed = self._newest - offset
        if not 0 <= missed <= len(self._frames):
            return None
        frames = [self._frames[i] for i in range(len(self._frames) - missed, len(self._frames))]
        for after, gap in reversed(self._gaps):
            if after < offset:
                break
            frames.insert(after - offset, gap)
        return frames

    def _drop(self) -> None:
        """Drop the oldest message, and the gaps that were told before it."""
        self._bytes -= len(self._frames.popleft())
        oldest = self._newest - len(self._frames)
        while self._gaps and self._gaps[0][0] < oldest:
            self._forget_gap()

    def _forget_gap(self) -> None:
        self._bytes -= len(self._gaps.popleft()[1])

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._bytes
