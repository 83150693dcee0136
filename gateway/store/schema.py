"""
What a file of ours looks like, how an older one becomes today's, and how a damaged one is told.

``PRAGMA user_version`` counts the numbered SQL files in ``migrations`` that a
file went through. ``PRAGMA application_id`` tells our files from other programs'.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from importlib.resources import files
from typing import Final

APPLICATION_ID: Final = 0x47575354
"""``GWST`` in ASCII."""


class DamageError(Exception):
    """The file is none of ours, or no longer what we wrote; the text says what is wrong with it."""


class NewerError(Exception):
    """
    The file went through migrations that we do not have.

    Args:
        version: how many it went through.
    """

    def __init__(self, version: int) -> None:
        super().__init__(f"schema {version}")
        self.version = version


def scripts(folder: str = "migrations") -> tuple[str, ...]:
    """Return the SQL of a folder's migrations in their order; the first makes version 1."""
    found = sorted(
        (one for one in files("gateway.store").joinpath(folder).iterdir() if one.name.endswith(".sql")),
        key=lambda one: one.name,
    )
    assert [int(one.name[:4]) for one in found] == list(range(1, len(found) + 1)), "a number is missing"
    return tuple(one.read_text(encoding="utf-8") for one in found)


def examine(connection: sqlite3.Connection, migrations: Sequence[str]) -> int:
    """
    Return the version of the file, 0 where nothing was written yet. Changes nothing.

    Raises:
        DamageError: If it is another program's file, or damaged.
        NewerError: If it is newer than ``migrations``.
        sqlite3.Error: If SQLite cannot read it.
    """
    application, version = pragma(connection, "application_id"), pragma(connection, "user_version")
    if (application, version) == (0, 0) and not _objects(connection):
        return 0
    if application != APPLICATION_ID:
        raise DamageError("it is another program's file")
    if version > len(migrations):
        raise NewerError(version)
    if version < 1:
        raise DamageError(f"it says that its schema is {version}")
    if (verdict := connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
        raise DamageError(" ".join(verdict.split()))
    if missing := _expected(migrations[:version]) - _objects(connection):
        raise DamageError(f"schema {version} has another {min(missing)[1]}")
    _try_to_write(connection, version)
    return version


def upgrade(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Bring the file to the newest version, wholly or not at all."""
    version = pragma(connection, "user_version")
    if version == len(migrations):
        return
    steps = "\n".join(migrations[version:])
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {len(migrations)};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{steps}\n{marks}\nCOMMIT;")
    except BaseException:
        connection.rollback()
        raise


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """Return a pragma whose value is a number."""
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _try_to_write(connection: sqlite3.Connection, version: int) -> None:
    """A header can forbid it, and beginning a transaction would not tell."""
    connection.execute("BEGIN")
    try:
        connection.execute(f"PRAGMA user_version = {version}")
    finally:
        connection.rollback()


def _expected(migrations: Sequence[str]) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        upgrade(model, migrations)
        return _objects(model)


def _objects(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Return kind, name and SQL of all that the file has: tables, indexes."""
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master")
    return {(str(kind), str(name), str(sql)) for kind, name, sql in rows}
