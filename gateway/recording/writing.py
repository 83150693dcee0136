"""
How a recording is written: lines gather, become a frame, and frames a file until that is large or old enough.

What is on disk is whole frames, whenever the process ends: a frame that could not be written
is cut off again. A file that is there is never opened again, let alone overwritten.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.errors import RecordingError
from gateway.recording.locking import locked
from gateway.recording.reading import number_of
from gateway.recording.spelling import FORMAT, SUFFIX, Header, header_line
from gateway.recording.zstd import packed

GATHERED: Final = 1 << 18
"""Bytes of lines from which on they become a frame at once."""
SIZE: Final = 1 << 26
"""Bytes of a file from which on the next one is begun."""
AGE: Final = 3600.0
"""Seconds after which the next one is."""
PRIVATE: Final = 0o600
"""What a recording holds of accounts is nobody else's business."""


class Writer:
    """
    Writes one run into a directory, which is made if need be. Blocks on the disk.

    What cannot be written is a RecordingError of the method that tried.

    Args:
        directory: where; it may hold earlier runs.
        gateway: the version that writes.
        run: unlike any other's.
        topics: that are recorded.
        size: bytes of a file at most, to speak of.
        age: seconds of a file at most.
    """

    def __init__(
        self, directory: Path, gateway: str, run: str, topics: list[str], *, size: int = SIZE, age: float = AGE
    ) -> None:
        self.lines = 0
        """How many are on disk."""
        self.bytes = 0
        """Of all files so far."""
        self.is_broken = False
        """Whether something could not be written; then nothing more is."""
        self.segment = 0
        """How many files there are of this run."""
        self.path = directory
        """The file that is being written."""
        self._directory = directory
        self._gateway, self._run, self._topics = gateway, run, topics
        self._size, self._age = size, age
        self._lines: list[bytes] = []
        self._gathered = 0
        self._file = -1
        self._in_file = 0
        self._has_lines = False
        self._began = 0.0
        self._lock = -1

    def open(self, now: float, now_us: int) -> None:
        """Begin with the first file; ``now`` is monotonic."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = locked(self._directory)
            self._begin(now, now_us)
        except OSError as exc:
            raise self._failed(exc) from None

    def put(self, line: bytes) -> bool:
        """Take a line; true if so much has gathered that :meth:`flush` is due."""
        self._lines.append(line)
        self._gathered += len(line)
        return self._gathered >= GATHERED

    def flush(self, now: float, now_us: int) -> None:
        """Have all that was taken on disk, in the next file if it is time for that; ``now`` is monotonic."""
        if not self._lines:
            return
        try:
            if self._has_lines and (self._in_file >= self._size or now - self._began >= self._age):
                self._finish()
                self._begin(now, now_us)
            self._write(packed(b"".join(self._lines)))
            self._has_lines = True
        except OSError as exc:
            raise self._failed(exc) from None
        self.lines += len(self._lines)
        self._lines.clear()
        self._gathered = 0

    def close(self) -> None:
        """Finish the file; what was not flushed is lost. Idempotent."""
        try:
            self._finish()
        except OSError as exc:
            raise self._failed(exc) from None
        finally:
            lock, self._lock = self._lock, -1
            if lock >= 0:
                os.close(lock)

    def _begin(self, now: float, now_us: int) -> None:
        taken = [number for path in self._directory.iterdir() if (number := number_of(path)) is not None]
        self.path = self._directory / f"{max(taken, default=0) + 1:06}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._file = os.open(self.path, flags, PRIVATE)
        self._in_file, self._began, self._has_lines = 0, now, False
        self.segment += 1
        self._write(
            packed(header_line(Header(FORMAT, self._gateway, self._run, self.segment, self._topics, now_us)))
        )
        _sync_directory(self._directory)

    def _write(self, frame: bytes) -> None:
        rest = memoryview(frame)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._in_file)
            raise
        self._in_file += len(frame)
        self.bytes += len(frame)

    def _finish(self) -> None:
        file, self._file = self._file, -1
        if file < 0:
            return
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def _failed(self, exc: OSError) -> RecordingError:
        self.is_broken = True
        return RecordingError(
            f"{self.path} cannot be written: {exc.strerror or exc}; lines on disk: {self.lines or 'none'}"
        )


def _sync_directory(directory: Path) -> None:
    """Have the file's name survive a crash of the machine, where a directory can be opened for that."""
    if os.name != "posix":
        return
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
