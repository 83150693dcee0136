"""
One-time tickets: a page in a browser shows one instead of a token, which it need not hold then.

A ticket allows what its token does. It is good once, for half a minute, and no longer than the token.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.serving.auth.keeper import Keeper
from gateway.serving.auth.scopes import Access
from gateway.serving.auth.tokens import BYTES, base62, digest_of

LASTS: Final = 30.0
"""Seconds."""
MOST: Final = 100
"""Tickets of one token that may wait to be used."""
PREFIX: Final = "gwt1_"


@dataclass(frozen=True, slots=True)
class _Ticket:
    access: Access
    due: float


class Tickets:
    """
    Gives and takes them. Event-loop only.

    Args:
        keeper: knows whether the token is still good.
        now: monotonic seconds.
    """

    def __init__(self, keeper: Keeper, now: Callable[[], float]) -> None:
        self._keeper = keeper
        self._now = now
        self._waiting: dict[bytes, _Ticket] = {}  # by digest; the oldest first

    def give(self, access: Access) -> str | None:
        """Return a new ticket for what ``access`` allows; nothing if too many of its token wait."""
        self._forget()
        if Counter(one.access.token for one in self._waiting.values())[access.token] >= MOST:
            return None
        ticket = PREFIX + base62(secrets.token_bytes(BYTES))
        self._waiting[digest_of(ticket)] = _Ticket(access, self._now() + LASTS)
        return ticket

    def take(self, ticket: str) -> Access | None:
        """Return what ``ticket`` allows, once; nothing if it is no good, or not any more."""
        self._forget()
        found = self._waiting.pop(digest_of(ticket), None)
        if found is None or not self._keeper.stands(found.access):
            return None
        return found.access

    def _forget(self) -> None:
        now = self._now()
        while self._waiting:
            first = next(iter(self._waiting))
            if self._waiting[first].due > now:
                return
            del self._waiting[first]
