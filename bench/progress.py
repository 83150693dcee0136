"""
How far the last reader is, told to the venue: whether it is ready, and how many messages it has counted.

The gateway never holds an exchange back: a client that it cannot write to as fast
as it reads is conflated or cut off in the end. What can be sustained is found by
letting the client hold the venue back.
"""

import mmap
from pathlib import Path
from struct import Struct
from typing import Final

WAITING: Final = -1
"""Not ready: nothing is to be sent but what a book's reader needs before its snapshot."""
UNLIMITED: Final = 2**62
"""Ready for as much as the socket takes."""
_NUMBER: Final = Struct("<q")


class Progress:
    """The number, in a file that each process maps."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_NUMBER.pack(WAITING))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _NUMBER.size)

    def tell(self, count: int) -> None:
        """Say how many messages have been counted, or one of the values above."""
        _NUMBER.pack_into(self._shared, 0, count)

    def read(self) -> int:
        """Return what was told last."""
        count: int = _NUMBER.unpack_from(self._shared)[0]
        return count
