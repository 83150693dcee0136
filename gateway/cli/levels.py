"""A book as far as it is needed to show its best levels: sides by price, changed as the messages say."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

Level = tuple[str, str]
NOTHING = Decimal(0)


class Levels:
    """One book; empty until a snapshot came, and again once it is not to be trusted."""

    def __init__(self) -> None:
        self._bids: dict[str, str] = {}
        self._asks: dict[str, str] = {}
        self._whole = False

    def take(self, kind: str, records: Iterable[Any]) -> None:
        """Change it by a message's records; changes of what is not there are passed over."""
        if kind == "snapshot":
            self.forget()
            self._whole = True
        if self._whole:
            for record in records:
                _apply(self._bids, record["bids"])
                _apply(self._asks, record["asks"])

    def forget(self) -> None:
        """It is not to be trusted until the next snapshot."""
        self._bids.clear()
        self._asks.clear()
        self._whole = False

    def best(self) -> tuple[Level | None, Level | None]:
        """Return the highest bid and the lowest ask, where there are any. Looks at every level."""
        bid = max(self._bids.items(), key=_price, default=None)
        ask = min(self._asks.items(), key=_price, default=None)
        return bid, ask


def _apply(side: dict[str, str], levels: Iterable[Sequence[str]]) -> None:
    for price, size in levels:
        if Decimal(size) == NOTHING:
            side.pop(price, None)
        else:
            side[price] = size


def _price(level: Level) -> Decimal:
    return Decimal(level[0])
