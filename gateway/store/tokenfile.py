"""
The file of tokens, beside the store's, which several processes use at once, each for an instant.

The store is kept exclusively by the gateway that runs on it, and tokens must be made and revoked
meanwhile. A file that is damaged is refused: nothing is begun in its place.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from gateway.errors import ConfigError, StoreError
from gateway.store import schema, tokenrows
from gateway.store.codes import BUSY, FAILING, primary, told
from gateway.store.places import KEY, beside, make, place_of
from gateway.store.tokens import Token
from gateway.store.transient import is_transient

SUFFIX: Final = ".tokens"
MIGRATIONS: Final = "token_migrations"
PATIENCE: Final = 2.0
"""Seconds to wait for another process that reads or writes the file just now."""

T = TypeVar("T")


class TokenFile:
    """
    The tokens of one configuration. Blocks; any thread, any process, also while a gateway runs on it.

    Args:
        store: ``store.path``; the tokens are beside it.

    Raises:
        ConfigError: If nothing is kept there, or no file can be.
    """

    def __init__(self, store: str) -> None:
        if is_transient(store):
            raise ConfigError(KEY, "is :memory:, and tokens must outlive the process: name a file")
        self.place = beside(place_of(store), SUFFIX)

    def read(self) -> tuple[Token, ...]:
        """
        Return all, the oldest first; none where there is no file, which is not made then.

        Raises:
            ConfigError: If the file is damaged, newer than we are, or cannot be read.
        """
        return self._do(tokenrows.every) if self.place.exists() else ()

    def add(self, token: Token) -> None:
        """
        Keep ``token``; the file is made if there is none.

        Raises:
            ConfigError: As :meth:`read`.
            StoreError: If it cannot be kept: there are too many, or the disk is full or fails.
        """
        if not self.place.exists():
            _begin(self.place)
        self._do(lambda connection: tokenrows.add(connection, token))

    def revoke(self, token_id: str, now_us: int) -> Token | None:
        """
        Let the token be worth nothing from now on and return it; nothing if there is none.

        Raises as :meth:`add`.
        """
        if not self.place.exists():
            return None
        return self._do(lambda connection: tokenrows.revoke(connection, token_id, now_us))

    def forget(self, now_us: int) -> tuple[str, ...]:
        """Forget those that are worth nothing any more and return their ids. Raises as :meth:`add`."""
        return self._do(lambda connection: tokenrows.forget(connection, now_us)) if self.place.exists() else ()

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with explained(self.place), closing(connect(self.place, PATIENCE)) as connection:
            prepare(connection, self.place)
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
            return result


def connect(place: Path, patience: float) -> sqlite3.Connection:
    """Return a connection to a file that is there; one thread after another may use it."""
    return sqlite3.connect(
        f"{place.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=patience, check_same_thread=False
    )


def prepare(connection: sqlite3.Connection, place: Path) -> None:
    """Upgrade an older file; refuse any other that is not as it should be, an empty one too."""
    migrations = schema.scripts(MIGRATIONS)
    try:
        if schema.examine(connection, migrations) == 0:
            raise _damaged(place, "it is empty")
        schema.upgrade(connection, migrations)
    except schema.NewerError as newer:
        raise ConfigError(KEY, f"{place} was written by a newer gateway: its schema is {newer.version}") from newer
    except schema.DamageError as damage:
        raise _damaged(place, str(damage)) from damage


def _begin(place: Path) -> None:
    """Have a file there that is whole from the first instant; one that another process has begun stays."""
    with explained(place), TemporaryDirectory(prefix=place.name, dir=place.parent) as room:
        made = Path(room, place.name)
        make(made)
        with closing(connect(made, PATIENCE)) as connection:
            schema.upgrade(connection, schema.scripts(MIGRATIONS))
        with suppress(FileExistsError):
            os.link(made, place)


def _damaged(place: Path, how: str) -> ConfigError:
    """Nothing is begun in its place: whoever had to show a token must not find an open door."""
    return ConfigError(
        KEY, f"{place} cannot be used: {how}; bring a copy of it back, or move it away and make new tokens"
    )


@contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into a sentence for the operator."""
    try:
        yield
    except schema.DamageError as damage:
        raise _damaged(place, str(damage)) from damage
    except sqlite3.Error as exc:
        if primary(exc) in BUSY:
            raise StoreError(f"{place} is in use by another program") from exc
        if primary(exc) in FAILING:
            raise StoreError(f"{place} cannot be used: {told(exc)}") from exc
        raise _damaged(place, told(exc)) from exc
    except OSError as exc:
        raise ConfigError(KEY, f"{place} cannot be used: {exc.strerror}") from exc
