"""
How much of each of an exchange's limits is left: exact sliding windows, with a margin.

A limit allows ``count`` units in *any* ``per`` seconds, so units are remembered
with their times; a bucket that refills would let twice as many through around an
edge. A tenth of each limit is left unused, since clocks and queues differ. What can
wait leaves a quarter of the rest to what cannot. Whoever was closed for sending too
much sends less, see :mod:`gateway.engine.restraint`.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.engine.restraint import Restraint
from gateway.spi.contract import Limit, Scope

MARGIN: Final = 0.1
RESERVE: Final = 0.25
"""Part of what is allowed that those leave free who can wait: whoever cannot goes first, and finds it at once."""


class Window:
    """
    One limit's units, as they were used. Event-loop only.

    ``now`` is monotonic seconds everywhere and never goes back. ``restraint``
    cuts what is allowed; units that can only be had at once may pass it.
    """

    def __init__(self, limit: Limit, restraint: Restraint | None = None) -> None:
        self.limit = limit
        self._restraint = restraint or Restraint()
        self.allowed = max(1, int(limit.count * (1 - MARGIN)))
        self._used: deque[tuple[float, int]] = deque()
        self._total = 0
        self._blocked_until = 0.0

    def wait(self, units: int, now: float, *, spare: int = 0) -> float:
        """
        Return the seconds until ``units`` may be used; 0 if now. ``spare`` units stay free.

        Raises:
            ValueError: If that many can never be had at once.
        """
        allowed = max(1, self.allowed - spare)
        if units > allowed:
            raise ValueError(f"limit {self.limit.name} allows {allowed} units at once, not {units}")
        allowed = min(allowed, max(units, self._restraint.of(self.allowed, now) - spare))
        self._forget(now)
        wait = max(0.0, self._blocked_until - now)
        surplus = self._total + units - allowed
        for at, used in self._used:
            if surplus <= 0:
                break
            surplus -= used
            wait = max(wait, at + self.limit.per - now)
        return wait

    def reserve(self, units: int) -> int:
        """Return how much whoever can wait leaves to others, never so much that he cannot have ``units``."""
        return max(0, min(int(self.allowed * RESERVE), self.allowed - units))

    def take(self, units: int, now: float) -> None:
        """Use ``units``, whether they are left or not."""
        if units > 0:
            self._used.append((now, units))
            self._total += units

    def correct(self, used: int, now: float) -> None:
        """The exchange says that ``used`` units are used: believe it where it says more than we know."""
        self._forget(now)
        self.take(used - self._total, now)

    def block(self, seconds: float, now: float) -> None:
        """Let nothing through for ``seconds``; never shortens an earlier block."""
        self._blocked_until = max(self._blocked_until, now + seconds)

    def used(self, now: float) -> int:
        """Return the units of the last ``per`` seconds."""
        self._forget(now)
        return self._total

    def _forget(self, now: float) -> None:
        while self._used and self._used[0][0] + self.limit.per <= now:
            self._total -= self._used.popleft()[1]


class Gate:
    """Shut while an exchange wants to hear nothing of this address, or of one account."""

    def __init__(self) -> None:
        self._shut_until = 0.0

    def shut(self, seconds: float, now: float) -> None:
        """Let nobody through for ``seconds``; never shortens an earlier time."""
        self._shut_until = max(self._shut_until, now + seconds)

    def wait(self, now: float) -> float:
        """Return the seconds until it is open."""
        return max(0.0, self._shut_until - now)


class Budgets:
    """
    The limits of this machine's address and of accounts, shared by all exchanges of the process.

    Names are global: a second exchange that declares a name shares the first one's window.
    """

    def __init__(self) -> None:
        self._shared: dict[tuple[str, str | None], Window] = {}
        self._gates: dict[tuple[str, str | None], Gate] = {}
        self._restraints: dict[str, Restraint] = {}

    def register(self, limits: Iterable[Limit]) -> None:
        """
        Make known what an exchange declares.

        Raises:
            ValueError: If a name is known with other figures.
        """
        for limit in limits:
            if limit.scope is Scope.IP:
                known = self._shared.setdefault((limit.name, None), Window(limit)).limit
                if (known.count, known.per) != (limit.count, limit.per):
                    raise ValueError(f"limit {limit.name} is declared twice with different figures")

    def for_connection(
        self, limits: Iterable[Limit], account: str | None, exchange: str = ""
    ) -> "ConnectionBudgets":
        """Return what one connection to ``exchange``, or one account's REST, lives under."""
        windows = {limit.name: self._window(limit, account) for limit in limits}
        whose = {Scope.IP: None} if account is None else {Scope.IP: None, Scope.ACCOUNT: account}
        gates = {scope: self._gates.setdefault((exchange, one), Gate()) for scope, one in whose.items()}
        return ConnectionBudgets(windows, gates)

    def halve(self, limits: Iterable[Limit], now: float) -> Mapping[str, int]:
        """
        A connection was closed because it sent too much: of its own limits every one uses half from now on.

        Returns what is left of each that was cut: none, where they just were.
        """
        bound = [limit for limit in limits if limit.scope is Scope.CONNECTION]
        cut = [limit for limit in bound if self._restraint(limit).halve(now)]
        return {limit.name: self._restraint(limit).of(Window(limit).allowed, now) for limit in cut}

    def _restraint(self, limit: Limit) -> Restraint:
        return self._restraints.setdefault(limit.name, Restraint())

    def _window(self, limit: Limit, account: str | None) -> Window:
        if limit.scope is Scope.CONNECTION:
            return Window(limit, self._restraint(limit))
        key = (limit.name, account if limit.scope is Scope.ACCOUNT else None)
        return self._shared.setdefault(key, Window(limit))


class ConnectionBudgets:
    """The limits that bind one connection. Event-loop only; ``now`` is monotonic seconds."""

    def __init__(self, windows: Mapping[str, Window], gates: Mapping[Scope, Gate]) -> None:
        self._windows = windows
        self._gates = gates
        self._controls = tuple(w for w in windows.values() if w.limit.counts_control_frames)

    def wait(self, cost: Mapping[str, int], now: float, *, yields: bool = False) -> float:
        """
        Return the seconds until all of ``cost`` may be used; whoever ``yields`` leaves a reserve of each limit.

        Where control frames count, one unit is always left for a pong.

        Raises:
            ValueError: If ``cost`` names an undeclared limit, or asks for more than it ever allows.
        """
        return max(
            (
                window.wait(units, now, spare=max(_for_a_pong(window), window.reserve(units) if yields else 0))
                for window, units in self._of(cost)
            ),
            default=0.0,
        )

    def quiet(self, now: float) -> float:
        """Return the seconds for which nothing may be dialled or fetched, whatever it costs; 0 if it may."""
        return max(gate.wait(now) for gate in self._gates.values())

    def take(self, cost: Mapping[str, int], now: float) -> None:
        """Use ``cost``."""
        for window, units in self._of(cost):
            window.take(units, now)

    def charge_control_frame(self, now: float) -> None:
        """Count a ping or pong that cannot wait."""
        for window in self._controls:
            window.take(1, now)

    def correct(self, name: str, used: int, now: float) -> None:
        """Believe the exchange's own count."""
        self._windows[name].correct(used, now)

    def block(self, scope: Scope, seconds: float, now: float) -> None:
        """Let nothing of ``scope`` through for ``seconds``; where no limit of that scope is declared, too."""
        if scope in self._gates:
            self._gates[scope].shut(seconds, now)
        for window in self._windows.values():
            if window.limit.scope is scope:
                window.block(seconds, now)

    def used(self, now: float) -> dict[str, tuple[int, int]]:
        """Return for each limit the units used and the units that the exchange allows."""
        return {name: (window.used(now), window.limit.count) for name, window in self._windows.items()}

    def _of(self, cost: Mapping[str, int]) -> list[tuple[Window, int]]:
        unknown = cost.keys() - self._windows.keys()
        if unknown:
            raise ValueError(f"cost names undeclared limits: {', '.join(sorted(unknown))}")
        return [(self._windows[name], units) for name, units in cost.items()]


def _for_a_pong(window: Window) -> int:
    return 1 if window.limit.counts_control_frames else 0
