"""
What somebody may do: the scopes, and who has which.

``admin`` includes all that is not account data: who may change the configuration could give
themselves the rest of it. Account data is for those who were given that account by name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MARKET: Final = "market:read"
WRITE: Final = "connection:write"
ADMIN: Final = "admin"
METRICS: Final = "metrics"
SIMPLE: Final = (MARKET, WRITE, ADMIN, METRICS)

_ACCOUNT: Final = re.compile(r"account:([a-z][a-z0-9-]*):read")


def account_scope(account: str) -> str:
    """Return the scope that an account's orders, balances and positions need."""
    return f"account:{account}:read"


def account_of(scope: str) -> str | None:
    """
    Return the account that ``scope`` is about; nothing if it is about none.

    Raises:
        ValueError: If there is no such scope.
    """
    if scope in SIMPLE:
        return None
    match = _ACCOUNT.fullmatch(scope)
    if match is None:
        raise ValueError(f"there is no scope {scope!r}; there are {', '.join(SIMPLE)} and account:<id>:read")
    return match[1]


@dataclass(frozen=True, slots=True)
class Access:
    """
    What somebody may do.

    ``token`` is the id of the token that says so, never the token; nothing where none is needed.
    Without ``scopes`` everything is allowed.
    """

    token: str | None
    scopes: frozenset[str] | None

    def allows(self, scope: str) -> bool:
        """Whether ``scope`` is among them, or included."""
        if self.scopes is None or scope in self.scopes:
            return True
        return ADMIN in self.scopes and scope in SIMPLE


def access_of(token: str, scopes: Iterable[str]) -> Access:
    """Return what the token with the id ``token`` allows."""
    return Access(token, frozenset(scopes))


OPEN: Final = Access(None, None)
"""Where only this machine can connect and no token was ever made, everybody may do everything."""
