"""Where the file is, who may use it, and how what is not to be touched gets out of the way."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from gateway.errors import ConfigError
from gateway.store.codes import BUSY, primary, told

KEY: Final = "store.path"
LOGS: Final = ("-wal", "-journal")
BESIDE: Final = (*LOGS, "-shm")
"""What SQLite puts beside a file."""
SECTOR: Final = 512
"""Bytes of the smallest page; every file has a whole number of them."""
OWNER_ONLY: Final = 0o600


def place_of(path: str) -> Path:
    """
    Return where ``path`` is, links followed.

    Raises:
        ConfigError: If no file can be kept there.
    """
    try:
        place = Path(os.path.realpath(path))
        there = _mode(place)
    except (OSError, ValueError) as exc:
        raise ConfigError(KEY, f"{path!r} cannot be used: {exc}") from exc
    if not place.parent.is_dir():
        raise ConfigError(KEY, f"there is no directory {place.parent}")
    if there is not None and not stat.S_ISREG(there):
        raise ConfigError(KEY, f"{place} is no regular file")
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise ConfigError(KEY, f"files cannot be made in {place.parent}")
    if there is not None and not os.access(place, os.R_OK | os.W_OK):
        raise ConfigError(KEY, f"{place} cannot be read and written")
    return place


def lock(place: Path) -> sqlite3.Connection:
    """
    Return what keeps every other process, and this one, from using ``place`` until it is closed.

    The lock is a file of its own, never removed: ``place`` itself may have to be
    renamed, and another process must not meet it half-way. The system lets go of
    the lock when the process ends, however it does.

    Raises:
        ConfigError: If somebody uses it.
    """
    name = beside(place, ".lock")
    _make_first(name)
    # Nothing but SQLite may open this file: closing it anywhere in a process ends all the process's locks on it.
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(closing(sqlite3.connect(name, isolation_level=None, timeout=0.0)))
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as exc:
            if primary(exc) in BUSY:
                raise ConfigError(KEY, f"{place} is in use by another gateway") from exc
            raise ConfigError(KEY, f"{name} cannot be locked: {told(exc)}") from exc
        stack.pop_all()
    return connection


def flaw(place: Path) -> str | None:
    """Return what the sizes alone tell against the file, since SQLite would silently begin it anew or mend it."""
    size, log = _size(place), _size(beside(place, "-wal"))
    if log and size < SECTOR:
        return "it is missing or cut short though its write-ahead log is there"
    if size % SECTOR and not log:
        return "no database has its size"
    return None


@contextmanager
def twin(place: Path) -> Iterator[Path | None]:
    """Yield a copy of the file with its logs, which to look into would change it; nothing where it has none."""
    copy = beside(place, ".part")
    _remove(copy)  # left behind by a process that was killed
    if not any(_size(beside(place, suffix)) for suffix in LOGS):
        yield None
        return
    try:
        for suffix in ("", *LOGS):
            if (original := beside(place, suffix)).exists():
                make(beside(copy, suffix))
                shutil.copyfile(original, beside(copy, suffix))
        yield copy
    finally:
        _remove(copy)


def make(place: Path) -> None:
    """Have a file there that its owner alone may read; changes none that is there."""
    os.close(os.open(place, os.O_CREAT | os.O_RDWR, OWNER_ONLY))


def _make_first(place: Path) -> None:
    """The same for a file that must not even be opened; whoever could read it could lock it."""
    try:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY))
    except OSError:  # it is there, or cannot be: SQLite says which
        with suppress(OSError):
            place.chmod(OWNER_ONLY)


def set_aside(place: Path, now_us: int) -> Path:
    """Rename the file with all that is beside it and return its new name; never overwrites anything."""
    aside = free_name(place, "aside", now_us)
    # The file first: ended half-way, the next start finds a log without a file and sets that aside as well.
    for suffix in ("", *BESIDE):
        if (old := beside(place, suffix)).exists():
            old.rename(beside(aside, suffix))
    return aside


def free_name(place: Path, word: str, now_us: int) -> Path:
    """Return a name beside ``place`` that says why and when, and that nothing has."""
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now_us)
    first = beside(place, f".{word}-{when:%Y%m%dT%H%M%SZ}")
    names = (first if number == 1 else beside(first, f"-{number}") for number in count(1))
    return next(name for name in names if not any(beside(name, s).exists() for s in ("", *BESIDE)))


def beside(place: Path, suffix: str) -> Path:
    """Return the path whose name is longer by ``suffix``."""
    return place.with_name(place.name + suffix)


def _mode(place: Path) -> int | None:
    try:
        return place.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _remove(place: Path) -> None:
    for suffix in ("", *BESIDE):
        beside(place, suffix).unlink(missing_ok=True)


def _size(place: Path) -> int:
    return place.stat().st_size if place.exists() else 0
