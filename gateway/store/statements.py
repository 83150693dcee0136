"""
The SQL of what is kept.

Every function works inside a transaction that is not its own, and may be called again after a rollback.
"""

import sqlite3
from typing import Any, Final

from gateway.errors import Reason
from gateway.model.subscriptions import Subscription
from gateway.spi.contract import Scope
from gateway.store.records import Added, Ban, StandingSubscription

_ADD: Final = """
    INSERT INTO subscriptions (exchange, channel, symbol, variant, account, created_us)
    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_CREATED: Final = """
    SELECT created_us FROM subscriptions
    WHERE exchange = ? AND channel = ? AND symbol = ? AND variant = ? AND account = ?
"""
_REMOVE: Final = """
    DELETE FROM subscriptions
    WHERE exchange = ? AND channel = ? AND symbol = ? AND variant = ? AND account = ?
"""
_STANDING: Final = """
    SELECT exchange, channel, symbol, variant, account, created_us FROM subscriptions ORDER BY rowid
"""
# A known ban is never shortened. But one that was noted later than this one is
# from before the clock was set back, and gives way.
_NOTE: Final = """
    INSERT INTO bans (exchange, scope, account, limit_name, until_us, reason, noted_us)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (exchange, scope, account, limit_name) DO UPDATE
    SET until_us = excluded.until_us, reason = excluded.reason, noted_us = excluded.noted_us
    WHERE excluded.until_us >= until_us OR excluded.noted_us < noted_us
"""
_BANS: Final = """
    SELECT exchange, scope, account, limit_name, until_us, reason, noted_us FROM bans
    WHERE until_us > ? ORDER BY until_us DESC
"""
_CORRECT: Final = """
    UPDATE bans SET until_us = :now + until_us - noted_us, noted_us = :now WHERE noted_us > :now
"""
_ALWAYS: Final = -(2**63)
_REASONS: Final = {reason.value: reason for reason in Reason}
"""By value, since another version may have had one that this one has not."""


def add(connection: sqlite3.Connection, wish: Subscription, created_us: int) -> Added:
    """Let ``wish`` stand, once."""
    is_new = connection.execute(_ADD, (*_key(wish), created_us)).rowcount == 1
    [since] = connection.execute(_CREATED, _key(wish)).fetchone()
    return Added(StandingSubscription(wish, since), is_new)


def remove(connection: sqlite3.Connection, wish: Subscription) -> bool:
    """Let ``wish`` stand no longer and return whether it did."""
    return connection.execute(_REMOVE, _key(wish)).rowcount == 1


def standing(connection: sqlite3.Connection) -> tuple[StandingSubscription, ...]:
    """Return all that stand, in the order in which they were made; a row that we did not write is none."""
    rows = connection.execute(_STANDING)
    return tuple(_standing(*row) for row in rows if _are(str, *row[:-1]) and _are(int, row[-1]))


def note(connection: sqlite3.Connection, ban: Ban) -> None:
    """Remember ``ban``."""
    key = (ban.exchange, ban.scope.value, ban.account or "", ban.limit or "")
    connection.execute(_NOTE, (*key, ban.until_us, ban.reason.value, ban.noted_us))


def bans(connection: sqlite3.Connection, after_us: int = _ALWAYS) -> tuple[Ban, ...]:
    """Return the bans that hold after ``after_us``, the longest first; a row that we did not write is none."""
    found = (_ban(*row) for row in connection.execute(_BANS, (after_us,)))
    return tuple(one for one in found if one is not None)


def forget_bans(connection: sqlite3.Connection, before_us: int) -> None:
    """Forget the bans that ended before ``before_us``."""
    connection.execute("DELETE FROM bans WHERE until_us < ?", (before_us,))


def correct_bans(connection: sqlite3.Connection, now_us: int) -> None:
    """Let no ban hold for longer than when it was noted, though the clock was set back since."""
    connection.execute(_CORRECT, {"now": now_us})


def _key(wish: Subscription) -> tuple[str, str, str, str, str]:
    return wish.exchange, wish.channel, wish.symbol, wish.variant or "", wish.account or ""


def _standing(
    exchange: str, channel: str, symbol: str, variant: str, account: str, created_us: int
) -> StandingSubscription:
    wish = Subscription(exchange, channel, symbol, variant or None, account or None)
    return StandingSubscription(wish, created_us)


def _ban(exchange: str, scope: str, account: str, limit: str, *rest: Any) -> Ban | None:
    until_us, reason, noted_us = rest
    if not (_are(str, exchange, scope, account, limit, reason) and _are(int, until_us, noted_us)):
        return None
    try:
        return Ban(
            exchange=exchange,
            scope=Scope(scope),
            account=account or None,
            limit=limit or None,
            until_us=until_us,
            reason=_REASONS.get(reason, Reason.BANNED),
            noted_us=noted_us,
        )
    except ValueError:  # a scope of another version's
        return None


def _are(kind: type, *cells: object) -> bool:
    """Whether these are what was written: a column of SQLite takes values of any kind."""
    return all(type(cell) is kind for cell in cells)
