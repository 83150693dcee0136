"""
How near the process is to the memory that it may have, told before the system ends it for want of more.

What it may have is what its cgroup says, or one above it: ``MemoryMax`` of systemd, ``limits.memory`` of
Kubernetes. What it has is what is resident of it alone: of the cgroup's own figure a part are pages of files.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

from gateway.engine.observer import Observer

EVERY: Final = 5.0
"""Seconds between two looks."""
EASED: Final = 0.9
"""Of the share that is told: below so much of it, it is told anew when it is reached again."""
NO_LIMIT: Final = 1 << 60
"""Bytes from which on a limit means none: where there is none, older kernels say the largest number they have."""
_PROCESS: Final = Path("/proc/self")
_GROUPS: Final = Path("/sys/fs/cgroup")


def limit(process: Path = _PROCESS, groups: Path = _GROUPS) -> int | None:
    """Return how many bytes the process may have; :obj:`None` where nobody bounds it, or nobody says."""
    with suppress(OSError, ValueError):
        return min(_limits(process, groups), default=None)
    return None


def resident(process: Path = _PROCESS) -> int | None:
    """Return how many bytes it has; :obj:`None` where nobody says."""
    with suppress(OSError, ValueError, IndexError):
        return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


class MemoryAlarm:
    """
    Tells once when so much is taken, and again when it has been less meanwhile. Event-loop only.

    Args:
        share: of what the process may have, from which it is told; 0 tells nobody.
        observer: told ``memory_short``.
        limit: how many bytes the process may have, if anybody bounds it.
        resident: how many it has, if anybody says.
        every: seconds between two looks.
    """

    def __init__(
        self,
        share: float,
        observer: Observer,
        limit: Callable[[], int | None] = limit,
        resident: Callable[[], int | None] = resident,
        every: float = EVERY,
    ) -> None:
        self._share = share
        self._observer = observer
        self._limit = limit
        self._resident = resident
        self._every = every
        self._is_told = False

    def look(self) -> None:
        """Tell if it is near."""
        most, used = self._limit(), self._resident()
        if not most or used is None:
            return
        if used < most * self._share * EASED:
            self._is_told = False
        elif used >= most * self._share and not self._is_told:
            self._is_told = True
            self._observer.noticed("gateway", 0, "memory_short", used=used, limit=most, percent=100 * used // most)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look every so often while inside."""
        if not self._share:
            yield
            return
        task = asyncio.create_task(self._watch(), name="gateway memory")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _watch(self) -> NoReturn:
        while True:
            self.look()
            await asyncio.sleep(self._every)


def _limits(process: Path, groups: Path) -> Iterator[int]:
    """Yield the limit of each cgroup that the process is in, from its own to the root, in either version."""
    for line in (process / "cgroup").read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        if not controllers:
            yield from _upwards(groups, place, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _upwards(groups / "memory", place, "memory.limit_in_bytes")


def _upwards(root: Path, place: str, name: str) -> Iterator[int]:
    """Yield each limit; in a container the place is seen from outside, and only what is at the root is there."""
    own = root / place.lstrip("/")
    for group in (own, *own.parents):
        with suppress(OSError):
            text = (group / name).read_text().strip()
            if text != "max" and int(text) < NO_LIMIT:
                yield int(text)
        if group == root:
            return
