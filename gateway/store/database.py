"""
One open database: what a commit promises, and what is committed together.

Write-ahead log and ``synchronous = FULL``: a commit returns once the log was
written *and* synced. What each setting keeps of what was committed:

========  ==========================  =============================================================
setting   kill -9 of this process     power loss, crash of the system
========  ==========================  =============================================================
OFF       all                         anything may be lost, and the file may be damaged
NORMAL    all                         whole, but commits since the last checkpoint may be missing
FULL      all                         all, as far as the disk does not lie about what it has written
========  ==========================  =============================================================

What is written survives kill -9 since the system holds it, not the process;
half a commit at the log's end is not there for the next reader. ``FULL`` costs
a sync for each commit, which is why all that waits is committed together.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from gateway.errors import StoreError
from gateway.store.codes import told
from gateway.store.places import beside

Job = Callable[[sqlite3.Connection], Any]
"""Reads and writes inside a transaction that is not its own; it may be called again after a rollback."""

PATIENCE: Final = 1.0
"""Seconds to wait for another program that reads the file just now."""
MOST_PAGES: Final = 16_384
"""64 MiB: a client that subscribes without end fills no disk."""


class Database:
    """
    An open file, or memory. For the thread that opened it alone.

    Args:
        connection: in autocommit mode.
        lock: closed last.
        place: of the file, where there is one.
        notices: what the operator should read, a sentence each.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: sqlite3.Connection | None = None,
        place: Path | None = None,
        notices: Sequence[str] = (),
    ) -> None:
        self.notices = tuple(notices)
        self._connection = connection
        self._lock = lock
        names = () if place is None else (place, beside(place, "-wal"))
        self._files: Mapping[Path, tuple[int, int] | None] = {name: _identity(name) for name in names}

    def commit(self, jobs: Sequence[Job]) -> list[Any]:
        """
        Do all of ``jobs`` in one transaction, or none of them, and return their results.

        Raises:
            StoreError: If the database could not do it.
        """
        try:
            return self._transact(jobs)
        except sqlite3.Error as exc:
            raise StoreError(f"what is to survive a restart could not be kept: {told(exc)}") from exc

    def close(self) -> None:
        """Move the log into the file and let go of it."""
        try:
            self._connection.close()
        finally:
            if self._lock is not None:
                self._lock.close()

    def _transact(self, jobs: Sequence[Job]) -> list[Any]:
        self._connection.execute("BEGIN")
        try:
            results = [job(self._connection) for job in jobs]
            self._check_place()
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise
        return results

    def _check_place(self) -> None:
        """SQLite goes on writing to a file that was removed, and nobody would find it again."""
        for name, identity in self._files.items():
            if _identity(name) != identity:
                raise StoreError(f"{name} was moved, replaced or removed while in use: restart the gateway")


def connect(place: Path) -> sqlite3.Connection:
    """
    Return a connection that has done nothing yet, not even looked whether the file is a database.

    Once it looks, it keeps the file to itself: no other program can write to it,
    and the log needs no memory shared between processes.
    """
    connection = sqlite3.connect(place, isolation_level=None, timeout=PATIENCE)
    # Damaged text is to be compared, not to raise.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make commits last."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA max_page_count = {MOST_PAGES}")


def copy(connection: sqlite3.Connection, place: Path) -> None:
    """Write the whole database, its log included, to ``place``, where nothing is or nothing that counts."""
    with closing(sqlite3.connect(place, isolation_level=None)) as target:
        connection.backup(target)


def _identity(name: Path) -> tuple[int, int] | None:
    try:
        found = name.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
