"""The instruments of one exchange: how a symbol that a client wrote is found, and what became of each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from gateway.errors import SubscriptionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """
    One thing that is traded.

    ``symbol`` is the gateway's spelling (``BTC-USDT``), ``native`` the
    exchange's own (``BTCUSDT``). ``tick_size`` and ``lot_size`` are decimal
    strings; ``status`` is the exchange's own word.
    """

    symbol: str
    native: str
    base: str
    quote: str
    status: str = ""
    tick_size: str | None = None
    lot_size: str | None = None


@dataclass(frozen=True, slots=True)
class ListChange:
    """What became of one instrument between two lists; where it was not listed there is :obj:`None`."""

    before: Instrument | None
    after: Instrument | None

    @property
    def what(self) -> Literal["listed", "delisted", "changed"]:
        """A word for it."""
        if self.after is None:
            return "delisted"
        return "listed" if self.before is None else "changed"

    @property
    def instrument(self) -> Instrument:
        """The instrument as it is now, or was last."""
        found = self.after or self.before
        if found is None:
            raise LookupError("it was on neither list")
        return found


class Instruments:
    """
    An immutable list of instruments, found by either spelling.

    The gateway's spelling is tried first, then the exchange's own. A symbol is
    never guessed by cutting a string.
    """

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._all = tuple(instruments)
        self._by_symbol = _grouped((i.symbol, i) for i in self._all)
        self._by_native = _grouped((i.native, i) for i in self._all)

    def find(self, exchange: str, written: str) -> Instrument:
        """
        Return the instrument that a client of ``exchange`` means by ``written``.

        Raises:
            SubscriptionError: ``unknown_symbol``, or ``ambiguous_symbol`` with the choices.
        """
        found = self._by_symbol.get(written) or self._by_native.get(written) or ()
        if not found:
            raise SubscriptionError("unknown_symbol", f"{exchange} has no symbol {written}")
        if len(found) > 1:
            choices = ", ".join(sorted({i.symbol for i in found} | {i.native for i in found}))
            raise SubscriptionError("ambiguous_symbol", f"{written} could be any of {choices} on {exchange}")
        return found[0]

    def native(self, written: str) -> Instrument | None:
        """Return the instrument of the exchange's own spelling ``written``, if there is just one."""
        found = self._by_native.get(written, ())
        return found[0] if len(found) == 1 else None

    def since(self, before: "Instruments") -> Iterator[ListChange]:
        """Yield what became of each instrument since the list was ``before``; native names tell which is which."""
        old, new = ({one.native: one for one in instruments} for instruments in (before, self))
        for native in {**old, **new}:
            if old.get(native) != new.get(native):
                yield ListChange(old.get(native), new.get(native))

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def _grouped(pairs: Iterable[tuple[str, Instrument]]) -> dict[str, tuple[Instrument, ...]]:
    groups: dict[str, tuple[Instrument, ...]] = {}
    for name, instrument in pairs:
        groups[name] = (*groups.get(name, ()), instrument)
    return groups
