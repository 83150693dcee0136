"""Stores on files, sound ones, and what a killed process leaves."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.errors import Reason
from gateway.model.subscriptions import Subscription
from gateway.spi.contract import Scope
from gateway.store import Ban, Store

NOW = 1_764_103_200_000_000
"""2025-11-25, 20:40 UTC."""
STAMP = "20251125T204000Z"
SECOND = 1_000_000


def wish(number: int) -> Subscription:
    return Subscription("mock", "trades", f"S{number}-USDT")


def ban(until_us: int, *, noted_us: int = NOW, **changes) -> Ban:
    known = {"exchange": "mock", "scope": Scope.IP, "reason": Reason.BANNED}
    return Ban(**{**known, "until_us": until_us, "noted_us": noted_us, **changes})


@asynccontextmanager
async def opened(path: Path | str, now_us: int = NOW, **options) -> AsyncIterator[Store]:
    """Yield an open store that has nothing to tell."""
    store = Store(str(path), **options)
    assert await store.open(now_us) == ()
    try:
        yield store
    finally:
        await store.close()


async def fill(path: Path, wishes: int = 50) -> None:
    """Leave a sound file with ``wishes`` subscriptions and three bans."""
    async with opened(path) as store:
        for number in range(wishes):
            await store.add_subscription(wish(number), NOW + number)
        for number in range(3):
            await store.note_ban(ban(NOW + (number + 1) * SECOND, limit=f"limit-{number}"))


async def fill_and_kill(path: Path, wishes: int = 50) -> None:
    """Leave what a process that was killed leaves: the file with its log."""
    original = path.with_name("original.db")
    async with opened(original) as store:
        for number in range(wishes):
            await store.add_subscription(wish(number), NOW + number)
        shutil.copy(original, path)
        shutil.copy(f"{original}-wal", f"{path}-wal")


async def kept(path: Path) -> tuple[list[Subscription], int]:
    """Return the subscriptions and the number of bans of a sound file."""
    async with opened(path) as store:
        return [one.subscription for one in await store.subscriptions()], len(await store.ban_history())


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}
