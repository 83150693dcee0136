"""
How many messages the last reader in the chain has counted, told to the venue.

The gateway never holds an exchange back: a client that it cannot write to as fast
as it reads is conflated or cut off in the end. What can be sustained is found by
letting the client hold the venue back.
"""

import mmap
from pathlib import Path
from struct import Struct
from typing import Final

UNLIMITED: Final = 2**62
_NUMBER: Final = Struct("<q")


class Progress:
    """The number, in a file that each process maps."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_NUMBER.pack(UNLIMITED))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _NUMBER.size)

    def tell(self, count: int) -> None:
        """Say how many messages have been counted; ``UNLIMITED`` lets the venue hurry."""
        _NUMBER.pack_into(self._shared, 0, count)

    def read(self) -> int:
        """Return what was told last."""
        count: int = _NUMBER.unpack_from(self._shared)[0]
        return count
