"""What SQLite's error codes tell: something about the file, or only about the world around it."""

import sqlite3
from typing import Final

BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
FAILING: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL}
)
FORBIDDEN: Final = frozenset({sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})


def is_damage(exc: sqlite3.Error) -> bool:
    """
    Whether the file is to blame.

    All that does not come from the world does, even a plain "SQL logic error":
    what we ask of a file of ours is always right.
    """
    return primary(exc) not in BUSY | FAILING | FORBIDDEN


def primary(exc: sqlite3.Error) -> int:
    """Return the code without its details; errors of Python's own module have none."""
    return getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def told(exc: sqlite3.Error) -> str:
    """Return what SQLite says, with its name for it."""
    return f"{exc} ({getattr(exc, 'sqlite_errorname', type(exc).__name__)})"
