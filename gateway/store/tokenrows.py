"""
The SQL of tokens.

Every function works inside a transaction that is not its own.
"""

import sqlite3
from typing import Final

from gateway.errors import StoreError
from gateway.store.schema import DamageError
from gateway.store.tokens import Token, TokenState

MOST: Final = 1000
"""Tokens, those included that are revoked or expired and were not forgotten yet."""

_ALL: Final = """
    SELECT id, digest, scopes, name, created_us, expires_us, revoked_us FROM tokens ORDER BY rowid
"""
_ADD: Final = """
    INSERT INTO tokens (id, digest, scopes, name, created_us, expires_us, revoked_us) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_REVOKE: Final = "UPDATE tokens SET revoked_us = coalesce(revoked_us, ?) WHERE id = ?"
_FORGET: Final = "DELETE FROM tokens WHERE id = ?"


def every(connection: sqlite3.Connection) -> tuple[Token, ...]:
    """
    Return all, the oldest first.

    Raises:
        DamageError: If a row is none that we wrote: who left it out could leave out all of them.
    """
    rows = connection.execute(_ALL)
    return tuple(_token(*row) for row in rows)


def add(connection: sqlite3.Connection, token: Token) -> None:
    """
    Keep ``token``.

    Raises:
        StoreError: If there are too many.
    """
    [count] = connection.execute("SELECT count(*) FROM tokens").fetchone()
    if count >= MOST:
        raise StoreError(
            f"there are {MOST:,} tokens already: forget those that are over with 'gateway token forget'"
        )
    scopes = " ".join(token.scopes)
    row = (token.id, token.digest, scopes, token.name, token.created_us, token.expires_us, token.revoked_us)
    connection.execute(_ADD, row)


def revoke(connection: sqlite3.Connection, token_id: str, now_us: int) -> Token | None:
    """Note that it is revoked and return it; one that was keeps its time."""
    connection.execute(_REVOKE, (now_us, token_id))
    return next((token for token in every(connection) if token.id == token_id), None)


def forget(connection: sqlite3.Connection, now_us: int) -> tuple[str, ...]:
    """Forget those that are worth nothing any more and return their ids."""
    over = tuple(token.id for token in every(connection) if token.state(now_us) is not TokenState.ACTIVE)
    connection.executemany(_FORGET, [(one,) for one in over])
    return over


def _token(token_id: str, digest: bytes, scopes: str, name: str, *times: int | None) -> Token:
    created_us, expires_us, revoked_us = times
    is_ours = all(isinstance(text, str) for text in (token_id, scopes, name)) and isinstance(digest, bytes)
    if not (is_ours and all(one is None or isinstance(one, int) for one in times)):
        raise DamageError("a row makes no sense")
    return Token(
        id=token_id,
        digest=digest,
        scopes=tuple(scopes.split()),
        name=name,
        created_us=created_us or 0,
        expires_us=expires_us,
        revoked_us=revoked_us,
    )
