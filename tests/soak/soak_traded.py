"""The last number of each stream, in a file that the venue maps: a venue that is killed goes on where it was."""

import mmap
from collections.abc import Sequence
from pathlib import Path
from struct import calcsize
from typing import Final

_FORMAT: Final = "q"


class Traded:
    """
    The numbers, one a stream. One process writes, any may read.

    Args:
        path: of the file, which is made if there is none.
        streams: how many there are.
    """

    def __init__(self, path: Path, streams: int) -> None:
        size = calcsize(_FORMAT) * streams
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), size)).cast(_FORMAT)

    def next(self, place: int) -> int:
        """Return the next number of the stream at ``place``; from then on it was traded, whoever dies."""
        self._numbers[place] += 1
        return self._numbers[place]

    def read(self) -> Sequence[int]:
        """Return all of them, as they are now."""
        return self._numbers.tolist()
