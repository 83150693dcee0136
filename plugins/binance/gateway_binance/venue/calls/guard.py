"""
Who has asked too much: weight and requests behind one address, orders of one account, and bans.

Stretches are the clock's: a minute begins when its seconds are nought. After "LIMITS"
in rest-api.md of the spot documents, 2026-07-21.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from gateway_binance.venue.refusals import RefusedError
from gateway_binance.venue.rules import MINUTE, PoolRules, Quota

TOO_MANY: Final = 429
BANNED: Final = 418
_CODE: Final = -1003


class Used:
    """
    What was used of one quota in the present stretch.

    Args:
        quota: which.
    """

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.count = 0
        self.most = 0
        """The most that was ever used in one stretch."""
        self._stretch = -1

    def add(self, count: int, now: float) -> bool:
        """Count ``count`` more; false if that is too much."""
        stretch = int(now // self.quota.seconds)
        if stretch != self._stretch:
            self._stretch, self.count = stretch, 0
        self.count += count
        self.most = max(self.most, self.count)
        return self.count <= self.quota.count

    def ends_in(self, now: float) -> int:
        """Return in how many seconds, rounded up, the stretch ends."""
        return self.quota.seconds - int(now) % self.quota.seconds

    def row(self, kind: str) -> dict[str, Any]:
        """Return its row of ``rateLimits``."""
        return {**self.quota.row(kind), "count": self.count}


class Guard:
    """
    What one address has used, of one pool of limits.

    Args:
        rules: the pool's.
        now: seconds since 1970.
    """

    def __init__(self, rules: PoolRules, now: Callable[[], float]) -> None:
        self.rules = rules
        self.weight = Used(rules.weight)
        self.refused = 0
        """How many requests were refused, ever, those of a ban included."""
        self.bans = 0
        self.dials = Used(rules.dials)
        self._raw = Used(rules.raw) if rules.raw else None
        self._orders: dict[str, tuple[Used, ...]] = {}
        self._now = now
        self._refusals: Counter[int] = Counter()
        self._offences: Counter[int] = Counter()
        self._banned_until = 0.0

    def admit(self, weight: int) -> None:
        """
        Count a request.

        Raises:
            RefusedError: If it is one too many, or the address is banned.
        """
        now = self._now()
        if now < self._banned_until:
            self.refused += 1
            raise self._ban()
        within = self.weight.add(weight, now)
        if not (self._raw is None or self._raw.add(1, now)) or not within:
            raise self._refusal(now)

    def dial(self) -> bool:
        """Count a connection; false if it is one too many."""
        return self.dials.add(1, self._now())

    def offend(self) -> None:
        """Count a connection that was ended for saying too much; whoever goes on is banned."""
        minute = int(self._now() // MINUTE)
        self._offences = Counter({minute: self._offences[minute] + 1})
        if self._offences[minute] > self.rules.tolerated:
            self._ban_longer()

    def give_back(self, weight: int) -> None:
        """Count ``weight`` less: what it was for succeeded, and is free then."""
        self.weight.count = max(0, self.weight.count - weight)

    def order(self, account: str, count: int) -> tuple[Used, ...]:
        """
        Count ``count`` orders of ``account`` and return what it has used.

        Raises:
            RefusedError: If it is one too many.
        """
        quotas = self._orders.setdefault(account, tuple(Used(one) for one in self.rules.orders))
        now = self._now()
        for used in quotas if count else ():
            if not used.add(count, now):
                until = int((now + used.ends_in(now)) * 1000)
                number, interval = used.quota.count, f"{used.quota.number} {used.quota.interval}"
                text = f"Too many new orders; current limit is {number} orders per {interval}."
                raise RefusedError(-1015, text, TOO_MANY, until)
        return quotas

    def ban(self, seconds: float) -> None:
        """Ban the address."""
        self.bans += 1
        self._banned_until = self._now() + seconds

    def _refusal(self, now: float) -> RefusedError:
        """Refuse; whoever goes on in the same minute is banned, each time twice as long."""
        self.refused += 1
        minute = int(now // MINUTE)
        self._refusals = Counter({minute: self._refusals[minute] + 1})
        if self._refusals[minute] > self.rules.tolerated:
            self._ban_longer()
            return self._ban()
        limit = self.weight.quota.count
        text = f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
        return RefusedError(_CODE, text, TOO_MANY, int((now + self.weight.ends_in(now)) * 1000))

    def _ban_longer(self) -> None:
        self.ban(min(self.rules.shortest_ban * 2**self.bans, self.rules.longest_ban))

    def _ban(self) -> RefusedError:
        until = int(self._banned_until * 1000)
        text = (
            f"Way too much request weight used; IP banned until {until}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return RefusedError(_CODE, text, BANNED, until)
