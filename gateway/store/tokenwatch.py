"""That the file of tokens has changed: noticed by looking, since another process did it."""

import sqlite3
from pathlib import Path
from threading import Lock

from gateway.store import schema, tokenrows
from gateway.store.tokenfile import PATIENCE, connect, explained
from gateway.store.tokens import Token


class TokenWatch:
    """
    Notices that a :class:`TokenFile` has changed, for a few microseconds a look.

    One thread at a time looks; any other may :meth:`leave` it meanwhile.

    Args:
        place: of the file, which may be made later.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._connection: sqlite3.Connection | None = None
        self._looking = Lock()
        self._left = False
        self._seen: tuple[tuple[int, int] | None, int] | None = None

    def look(self) -> tuple[Token, ...] | None:
        """
        Return all tokens if they may have changed since the last look, else nothing.

        A file that is gone has none; one that was put in its place is read.

        Raises:
            ConfigError: If it is damaged or cannot be read.
            StoreError: If the disk fails, or somebody has been writing for long.
        """
        try:
            with self._looking:
                return self._look()
        finally:
            self._close_if_left()

    def leave(self) -> None:
        """Let go of the file, once nobody is looking any more. Never waits."""
        self._left = True
        self._close_if_left()

    def _close_if_left(self) -> None:
        # Whoever is looking does it afterwards: that it is left is known before it is tried here.
        if self._left and self._looking.acquire(blocking=False):
            self._close()
            self._looking.release()

    def _look(self) -> tuple[Token, ...] | None:
        with explained(self._place):
            identity = _identity(self._place)
            if self._seen is None or identity != self._seen[0]:
                self._close()
            if identity is None:
                seen, self._seen = self._seen, (None, 0)
                return () if seen != self._seen else None
            return self._read(identity)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, identity: tuple[int, int]) -> tuple[Token, ...] | None:
        if self._connection is None:
            self._connection = connect(self._place, PATIENCE)
        seen = (identity, schema.pragma(self._connection, "data_version"))
        if seen == self._seen:
            return None
        tokens = tokenrows.every(self._connection)
        self._seen = seen
        return tokens


def _identity(place: Path) -> tuple[int, int] | None:
    try:
        found = place.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
