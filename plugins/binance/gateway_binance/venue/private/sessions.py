"""
What one WS-API connection has to do with accounts: who is logged on, and whose events it gets.

After "Session Authentication" and "User Data Stream requests" in web-socket-api.md of
the spot documents, 2026-07-21.
"""

from dataclasses import dataclass
from typing import Final

from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.refusals import RefusedError

MOST_EVER: Final = 65_535
"""Subscriptions that one connection may ever have; afterwards there are no ids left."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """An account whose events are sent. ``ends`` is when a token's end, in seconds since 1970."""

    number: int
    account: str
    by_logon: bool = False
    ends: float | None = None


class Session:
    """One connection's; times are milliseconds since 1970."""

    def __init__(self, connected_at: int, *, returns_limits: bool) -> None:
        self.connected_at = connected_at
        self.returns_limits = returns_limits
        self.account: Account | None = None
        self.authorized_at: int | None = None
        self.subscriptions: dict[int, Subscription] = {}
        self._next = 0

    def log_on(self, account: Account, at: int) -> list[Subscription]:
        """Log on, in place of whoever was; return what ends with that."""
        ended = [] if self.account is account else self._end_logon()
        self.account, self.authorized_at = account, at
        return ended

    def log_out(self) -> list[Subscription]:
        """Log out; return what ends with that."""
        self.account = self.authorized_at = None
        return self._end_logon()

    def subscribe(self, account: str, *, by_logon: bool = False, ends: float | None = None) -> Subscription:
        """
        Begin to send an account's events.

        Raises:
            RefusedError: If they are sent already, or no id is left.
        """
        if any(one.account == account for one in self.subscriptions.values()):
            text = "User Data Stream subscription is already active for this account."
            raise RefusedError(-2035, text)
        if self._next >= MOST_EVER:
            raise RefusedError(-2042, "Subscription ID space is exhausted; reconnect to subscribe again.")
        one = Subscription(self._next, account, by_logon, ends)
        self._next += 1
        self.subscriptions[one.number] = one
        return one

    def unsubscribe(self, number: int | None) -> list[Subscription]:
        """
        End a subscription, or all of them; return what ended.

        Raises:
            RefusedError: If there is none.
        """
        if number is None:
            ended = list(self.subscriptions.values())
            self.subscriptions.clear()
            return ended
        if number not in self.subscriptions:
            raise RefusedError(-2036, "User Data Stream subscription is not active.")
        return [self.subscriptions.pop(number)]

    def end(self, account: str) -> list[Subscription]:
        """End whatever there is of an account, the log-on included; return what ended."""
        if self.account is not None and self.account.name == account:
            self.account = self.authorized_at = None
        ended = [one for one in self.subscriptions.values() if one.account == account]
        return [self.subscriptions.pop(one.number) for one in ended]

    def lapsed(self, now: float) -> list[Subscription]:
        """End those whose token is over at ``now``, in seconds since 1970; return them."""
        ended = [one for one in self.subscriptions.values() if one.ends is not None and one.ends <= now]
        return [self.subscriptions.pop(one.number) for one in ended]

    def _end_logon(self) -> list[Subscription]:
        ended = [one for one in self.subscriptions.values() if one.by_logon]
        return [self.subscriptions.pop(one.number) for one in ended]
