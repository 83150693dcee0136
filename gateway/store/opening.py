"""
What becomes of the file that is found at a start.

None, or an empty one, is begun. An older one is copied and upgraded. A newer
one is refused and not touched. A damaged one, or another program's, is renamed
and a fresh one begun: an operator can look at it later, and the gateway runs now.
"""

import errno
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from gateway.errors import ConfigError, StoreError
from gateway.store import schema
from gateway.store.codes import BUSY, FAILING, is_damage, primary, told
from gateway.store.database import Database, connect, copy, prepare
from gateway.store.places import KEY, beside, flaw, free_name, lock, make, place_of, set_aside, twin
from gateway.store.schema import DamageError, NewerError

MEMORY: Final = ":memory:"


def open_database(path: str, now_us: int, migrations: Sequence[str] | None = None) -> Database:
    """
    Return the database at ``path``, ready for use. Blocks.

    Args:
        path: of the file; ``:memory:`` for one that nothing remains of.
        now_us: goes into the names of what is set aside or copied.
        migrations: replaces ours.

    Raises:
        ConfigError: If no file can be kept there, somebody else uses it, or it is newer than we are.
        StoreError: If the disk is full or fails.
    """
    migrations = schema.scripts() if migrations is None else migrations
    if path == MEMORY:
        connection = sqlite3.connect(MEMORY, isolation_level=None)
        schema.upgrade(connection, migrations)
        return Database(connection)
    place = place_of(path)
    held = lock(place)
    try:
        return _open(place, held, now_us, migrations)
    except BaseException as exc:
        held.close()
        if isinstance(exc, (sqlite3.Error, OSError)):
            raise _explained(place, exc) from exc
        raise


def _open(place: Path, held: sqlite3.Connection, now_us: int, migrations: Sequence[str]) -> Database:
    notices: list[str] = []
    connection, version = _examined(place, now_us, migrations, notices.append)
    try:
        prepare(connection)
        if 0 < version < len(migrations):
            kept = _upgraded(connection, place, now_us, version, migrations)
            notices.append(
                f"{place} was upgraded from schema {version} to {len(migrations)}; "
                f"as it was before it is kept as {kept}"
            )
        schema.upgrade(connection, migrations)
        # Nothing but what is yet to come then depends on the log.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Database(connection, held, place, notices)
    except BaseException:
        connection.close()
        raise


def _examined(
    place: Path, now_us: int, migrations: Sequence[str], notice: Callable[[str], None]
) -> tuple[sqlite3.Connection, int]:
    """Return a connection to a file that is sound, and its version."""
    try:
        return _sound(place, migrations)
    except NewerError as newer:
        raise ConfigError(
            KEY,
            f"{place} was written by a newer gateway: its schema is {newer.version}, this one knows "
            f"up to {len(migrations)}; run the newer one, or name another file",
        ) from newer
    except DamageError as damage:
        aside = set_aside(place, now_us)
        notice(
            f"{place} could not be used: {damage}. It is kept as {aside}; a new one was begun, without "
            "the subscriptions made through the API and the ban deadlines that it held"
        )
    return _sound(place, migrations)


def _sound(place: Path, migrations: Sequence[str]) -> tuple[sqlite3.Connection, int]:
    if (told_by_size := flaw(place)) is not None:
        raise DamageError(told_by_size)
    with twin(place) as copy:
        if copy is not None:
            connection, _ = _looked_into(copy, migrations)
            connection.close()
    make(place)
    return _looked_into(place, migrations)


def _looked_into(place: Path, migrations: Sequence[str]) -> tuple[sqlite3.Connection, int]:
    connection = connect(place)
    try:
        return connection, schema.examine(connection, migrations)
    except sqlite3.Error as exc:
        connection.close()
        if is_damage(exc):
            raise DamageError(told(exc)) from exc
        raise
    except BaseException:
        connection.close()
        raise


def _upgraded(
    connection: sqlite3.Connection, place: Path, now_us: int, version: int, migrations: Sequence[str]
) -> Path:
    """Return where the database is kept as it was."""
    part = beside(place, ".part")
    make(part)
    copy(connection, part)
    kept = part.rename(free_name(place, f"schema-{version}", now_us))
    try:
        schema.upgrade(connection, migrations)
    except BaseException:
        kept.unlink()  # nothing was changed; else each start would leave one
        raise
    return kept


def _explained(place: Path, exc: sqlite3.Error | OSError) -> ConfigError | StoreError:
    if isinstance(exc, OSError):
        is_failing, text = exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}, str(exc)
    elif primary(exc) in BUSY:
        return ConfigError(KEY, f"{place} is in use by another program")
    else:
        is_failing, text = primary(exc) in FAILING, told(exc)
    sentence = f"{place} cannot be used: {text}"
    return StoreError(sentence) if is_failing else ConfigError(KEY, sentence)
