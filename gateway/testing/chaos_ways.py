"""What happens to the bytes of one direction of a chaos proxy."""

import asyncio
import math
from typing import Final

CHUNK: Final = 1 << 16
"""Bytes that are read, and written, at once."""


class Way:
    """
    One direction, of every link that there is and will be. May be changed at any moment; event-loop only.

    ``delay`` is how many seconds a byte is held up that comes from now on,
    ``rate`` bytes a second, of each link, ``piece`` the most bytes of one write.
    """

    def __init__(self) -> None:
        self.delay = 0.0
        self.rate = math.inf
        self.piece = CHUNK
        self.passed = 0
        """Bytes that were passed on, ever."""
        self.swallowed = 0
        """Bytes that were taken and never passed on."""
        self.swallows = False
        """Whether they are now."""
        self._flips: dict[int, int] = {}
        self._cut_at: int | None = None
        self._cut_by_rst = False
        self._open = asyncio.Event()
        self._healthy = asyncio.Event()
        self.thaw()

    def freeze(self) -> None:
        """Pass nothing on, ends included; what comes is kept, and the sender waits once much is."""
        self.swallows = False
        self._open.clear()
        self._healthy.clear()

    def swallow(self) -> None:
        """Take whatever comes and what is kept, and pass nothing on; ends wait."""
        self.swallows = True
        self._open.set()
        self._healthy.clear()

    def thaw(self) -> None:
        """Pass on again what comes, and what was kept."""
        self.swallows = False
        self._open.set()
        self._healthy.set()

    def flip(self, *, after: int = 0, mask: int = 0xFF) -> None:
        """Spare the next ``after`` bytes and change the one behind them by ``mask``."""
        self._flips[self.passed + after] = mask

    def cut_after(self, count: int, *, rst: bool = True) -> None:
        """
        Let ``count`` more bytes pass and end their link: both ends get RST, or FIN.

        RST loses what a receiver that does not keep up has not got yet.
        """
        self._cut_at, self._cut_by_rst = self.passed + count, rst

    # --- what links ask

    async def opened(self) -> None:
        """Wait while it is frozen."""
        await self._open.wait()

    async def healed(self) -> None:
        """Wait while it is frozen or swallows."""
        await self._healthy.wait()

    @property
    def cut(self) -> bool | None:
        """Whether a link is to be cut now by RST, :obj:`None` if not at all; it is asked once."""
        if self._cut_at is None or self.passed < self._cut_at:
            return None
        self._cut_at = None
        return self._cut_by_rst

    def first(self, data: bytes, most: float) -> bytes:
        """Return how much of ``data`` passes now, at most ``most``, as it passes."""
        left = math.inf if self._cut_at is None else self._cut_at - self.passed
        taken = bytearray(data[: int(max(1, min(self.piece, most, left, CHUNK)))])
        for at in [at for at in self._flips if at < self.passed + len(taken)]:
            taken[at - self.passed] ^= self._flips.pop(at)
        self.passed += len(taken)
        return bytes(taken)
