"""
What became of an exchange's instruments from one list to the next: whether a list is believed, and what is told.

A list that has lost half of its instruments is more likely a broken answer than a
day of many delistings: it is believed once the exchange has said so for a minute.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.errors import ProtocolViolation
from gateway.model.instruments import Instruments, ListChange
from gateway.runtime.ground import Ground

KEPT: Final = 64
"""Changes that are remembered."""
NAMED: Final = 20
"""Symbols that a line of the log names."""
DOUBTED: Final = 60.0
"""Seconds for which a list must have shrunk before it is believed."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A change and when it was seen, wall time in microseconds."""

    change: ListChange
    at_us: int


class Listings:
    """
    The instruments of one exchange over time. Event-loop only, but what is said of ``recent``.

    Args:
        ground: whose ``instruments`` are replaced.
    """

    def __init__(self, ground: Ground) -> None:
        self.recent: tuple[Listing, ...] = ()
        """The last changes, newest last; replaced, so any thread may read it."""
        self._ground = ground
        self._doubted_at: float | None = None
        self._is_first = True

    def take(self, found: Instruments) -> Sequence[ListChange]:
        """
        Have ``found`` from now on and announce what has changed since the last list, if there was one.

        Raises:
            ProtocolViolation: If it is not believed yet; nothing was changed.
        """
        before = self._ground.instruments
        self._doubt(len(before), len(found))
        self._ground.instruments = found
        if self._is_first:
            self._is_first = False
            return ()
        changes = tuple(found.since(before))
        if changes:
            self._announce(changes)
        return changes

    def _doubt(self, before: int, found: int) -> None:
        now = self._ground.now()
        if found * 2 >= before:
            self._doubted_at = None
            return
        if self._doubted_at is None:
            self._doubted_at = now
        if now - self._doubted_at < DOUBTED:
            raise ProtocolViolation(f"the list of instruments has {found} where it had {before}: it is doubted")
        self._doubted_at = None

    def _announce(self, changes: Sequence[ListChange]) -> None:
        at_us = self._ground.wall_us()
        self.recent = (*self.recent, *(Listing(change, at_us) for change in changes))[-KEPT:]
        words: dict[str, list[str]] = {}
        for change in changes:
            words.setdefault(change.what, []).append(_worded(change))
        facts = {what: _named(symbols) for what, symbols in words.items()}
        self._ground.observer.noticed(self._ground.exchange, 0, "instruments_changed", **facts)


def _worded(change: ListChange) -> str:
    """Return the symbol and, if its status is another, what it was and is."""
    symbol = change.instrument.symbol
    if change.before is None or change.after is None or change.before.status == change.after.status:
        return symbol
    return f"{symbol} ({change.before.status} to {change.after.status})"


def _named(symbols: Iterable[str]) -> str:
    names = sorted(symbols)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
