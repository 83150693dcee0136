"""When each line of a recording is told: as long after the one before as when it was heard, or so much sooner."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from gateway.errors import DamagedRecording
from gateway.recording.reading import Batch, Torn, read
from gateway.recording.spelling import Header, Line, read_told
from gateway.recording.tracks import Tracks

TURN: Final = 1 << 15
"""Bytes that are told in one turn of the event loop: less than what makes a client lag."""
PATIENCE: Final = 5.0
"""Seconds that a client which does not read holds up the others, where nothing else sets the pace."""
LOOK: Final = 0.001
"""Seconds between two looks whether clients have read."""


class Player:
    """
    Tells what was recorded. Event-loop only; files are read on it, a frame at a time.

    Args:
        files: of the recording, in order.
        tracks: who is told.
        speed: how many times faster than it happened; nothing for as fast as clients read.
        is_behind: whether some client still has to read.
    """

    def __init__(
        self, files: Sequence[Path], tracks: Tracks, speed: float | None, is_behind: Callable[[], bool]
    ) -> None:
        self.messages = 0
        """Told so far."""
        self.read = 0
        """Bytes of the files so far."""
        self.at = 0
        """When what was told last had been heard, in microseconds since 1970."""
        self._files = files
        self._tracks = tracks
        self._speed = speed
        self._is_behind = is_behind
        self._began: tuple[float, int] | None = None
        self._told = 0
        self._run = ""

    async def play(self) -> None:
        """
        Tell all of it.

        Raises:
            DamagedRecording: Where a file is not what was written; what was before that has been told.
            RecordingError: If a file cannot be read.
        """
        for path in self._files:
            before = self.read
            for part in read(path):
                match part:
                    case Header():
                        self._begin_run(part)
                    case Batch():
                        for line in part:
                            await self._tell(line, part)
                        self.read = before + part.end
                    case Torn():
                        self._tracks.cut(self.at)
        self._tracks.end(self.at)
        await self._let_read()

    def _begin_run(self, header: Header) -> None:
        if self._run not in {"", header.run}:
            self._tracks.cut(self.at)
        self._run = header.run

    async def _tell(self, line: Line, place: Batch) -> None:
        await self._wait(line.at)
        self.at = line.at
        told = read_told(line, place)
        try:
            self._tracks.hear(told, line.at)
        except (ValueError, ArithmeticError, LookupError, msgspec.DecodeError, RecursionError) as exc:
            raise DamagedRecording(str(place), f"cannot be told: {exc}") from None
        self.messages += 1
        self._told += len(line.message)
        if self._told >= TURN:
            await self._let_read()

    async def _wait(self, at: int) -> None:
        """Wait until it is time for what was heard then."""
        if self._speed is None:
            return
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now, at
        begun, first = self._began
        due = begun + (at - first) / 1e6 / self._speed
        if due > now:
            self._told = 0
            await asyncio.sleep(due - now)

    async def _let_read(self) -> None:
        """Let clients be written to; where nothing else sets the pace, until they have read."""
        self._told = 0
        await asyncio.sleep(0)
        if self._speed is not None:
            return
        now = asyncio.get_running_loop().time
        until = now() + PATIENCE
        while self._is_behind() and now() < until:  # noqa: ASYNC110  # many clients, and each has a pipe of its own
            await asyncio.sleep(LOOK)
