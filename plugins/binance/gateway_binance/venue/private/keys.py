"""
What opens an account's stream without a signature: futures' listenKeys, and margin's listenTokens.

After "Start User Data Stream" and its neighbours in USD-M's documents, 2026-08, and
margin's of 2026-02: a listenKey lives an hour from its last use, a token a day.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from gateway_binance.venue.hosts import Market

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LENGTH: Final = 64


@dataclass(slots=True)
class ListenKey:
    """A key; times are seconds since 1970."""

    text: str
    account: str
    market: Market
    expires: float


class Keys:
    """
    All keys and tokens.

    Args:
        random: makes them.
        now: seconds since 1970.
        life: how long a listenKey lives from its last use.
    """

    def __init__(self, random: Random, now: Callable[[], float], life: float = HOUR) -> None:
        self._random = random
        self._now = now
        self.life = life
        self._keys: dict[tuple[str, Market], ListenKey] = {}
        self._tokens: dict[str, tuple[str, float]] = {}

    def create(self, account: str, market: Market) -> ListenKey:
        """Return the key of an account, the one there is or a new one; it lives for an hour from now."""
        key = self._keys.get((account, market))
        if key is None:
            key = self._keys[account, market] = ListenKey(self._text(), account, market, 0.0)
        key.expires = self._now() + self.life
        return key

    def extend(self, account: str, market: Market) -> ListenKey | None:
        """Have the key of an account live for an hour from now, if there is one."""
        key = self._keys.get((account, market))
        if key is not None:
            key.expires = self._now() + self.life
        return key

    def delete(self, account: str, market: Market) -> ListenKey | None:
        """Forget the key of an account."""
        return self._keys.pop((account, market), None)

    def account_of(self, text: str) -> ListenKey | None:
        """Return the key that is spelled so, if there is one."""
        return next((key for key in self._keys.values() if key.text == text), None)

    def of_account(self, account: str, market: Market) -> ListenKey | None:
        """Return the key of an account, if there is one."""
        return self._keys.get((account, market))

    def expired(self) -> Iterator[ListenKey]:
        """Yield the keys whose time is over; they are forgotten."""
        now = self._now()
        for place, key in tuple(self._keys.items()):
            if key.expires <= now:
                del self._keys[place]
                yield key

    def expire(self, account: str) -> Iterator[ListenKey]:
        """Yield the keys of an account, whatever their time; they are forgotten."""
        for place, key in tuple(self._keys.items()):
            if key.account == account:
                del self._keys[place]
                yield key

    def token(self, account: str, seconds: float = DAY) -> tuple[str, float]:
        """Return a listenToken of an account, and when it ends."""
        text, ends = self._text(), self._now() + min(seconds, DAY)
        self._tokens[text] = account, ends
        return text, ends

    def account_of_token(self, text: str) -> tuple[str, float] | None:
        """Return whose a token is and when it ends, if it is one that has not ended."""
        account, ends = self._tokens.get(text, ("", 0.0))
        return (account, ends) if ends > self._now() else None

    def _text(self) -> str:
        return "".join(self._random.choices(_LETTERS, k=_LENGTH))
