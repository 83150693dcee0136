"""
What is known of an account: its open orders, its balances and positions, and which record is older than that.

An order tells by itself how far it is: what is filled, then its status, then its
time. Balances and positions have their time alone. So what a stream says and
what was fetched can be put together, whichever was faster.
"""

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from gateway.model.account import Balance, Order, OrderStatus, Position

MOST: Final = 10_000
"""Records of one kind that are known at once; the oldest make room."""
ENDED: Final = 1_000
"""Orders that have ended and are remembered, so that what comes late does not bring them back."""

_FAR: Final[Mapping[OrderStatus, int]] = {
    "pending": 0,
    "new": 1,
    "partially_filled": 2,
    "filled": 3,
    "canceled": 3,
    "rejected": 3,
    "expired": 3,
}
_OVER: Final = 3


def is_open(order: Order) -> bool:
    """Whether something may still become of ``order``."""
    return _FAR[order.status] < _OVER


def is_older(order: Order, other: Order) -> bool:
    """
    Whether ``order`` is further behind than ``other``, which is the same one.

    Raises:
        ArithmeticError: If what is filled is no number.
    """
    far, other_far = (_FAR[order.status], order.ts), (_FAR[other.status], other.ts)
    if order.filled is None or other.filled is None:
        return far < other_far
    return (Decimal(order.filled), *far) < (Decimal(other.filled), *other_far)


def check(record: Struct) -> None:
    """
    See that ``record`` can be told from others about the same.

    Raises:
        TypeError: If it is no record of an account, or its time is no number.
        LookupError: If its status is none.
        ArithmeticError: If what is filled is no number.
    """
    if not isinstance(record, Order | Balance | Position) or type(record.ts) is not int:
        raise TypeError(f"{type(record).__name__} is no record of an account, or has no time")
    if isinstance(record, Order):
        is_older(record, record)


class AccountState:
    """One account, within bounds. Event-loop only."""

    def __init__(self) -> None:
        self._orders = _Newest(Order, ("symbol", "order_id"), is_older)
        self._balances = _Newest(Balance, ("asset",), _is_earlier)
        self._positions = _Newest(Position, ("symbol", "side"), _is_earlier)
        self._ended: deque[Order] = deque()
        self._fetched: dict[str, int] = {}
        """When each asset's balance was as it was fetched last: changes until then are in it."""

    def take(self, record: Struct) -> bool:
        """
        Take what the stream says; false if it is older than what is known, so that nobody is to be told.

        Raises what :func:`check` does; then nothing was taken.
        """
        check(record)
        match record:
            case Order():
                return self._take_order(record)
            case Balance(free=None, locked=None, total=None):
                return record.ts > self._fetched.get(record.asset, -1)
            case Balance():
                return self._balances.take(replace(record, change=None, reason=None))
            case _:
                return self._positions.take(record)

    def begin(self) -> None:
        """The account is about to be fetched: what the stream says from here on may be newer than that."""
        for known in (self._orders, self._balances, self._positions):
            known.spoken_of.clear()

    def load(self, records: Sequence[Struct]) -> list[Any]:
        """
        Take the whole account as it was fetched; return what is known now, and the orders whose end is news.

        What was known, is not among ``records``, and was not spoken of since
        :meth:`begin`, is gone.

        Raises what :func:`check` does; then nothing was taken.
        """
        for record in records:
            check(record)
        self._orders.keep(records, may_go=is_open)
        self._balances.keep(records)
        self._positions.keep(records)
        self._fetched = {one.asset: one.ts for one in records if isinstance(one, Balance)}
        ended = []
        for record in records:
            ends = isinstance(record, Order) and not is_open(record) and not self._has_ended(record)
            if self.take(record) and ends:
                ended.append(record)
        return [*ended, *self.open_orders(), *self._balances.all(), *self._positions.all()]

    def open_orders(self) -> list[Order]:
        """Return the orders of which something may still become, without their last fills."""
        return [order for order in self._orders.all() if is_open(order)]

    def records(self, kind: type[Struct]) -> list[Any]:
        """Return what is known of one kind; of orders those that are open."""
        if kind is Order:
            return self.open_orders()
        return self._balances.all() if kind is Balance else self._positions.all()

    def _take_order(self, order: Order) -> bool:
        had_ended = self._has_ended(order)
        bare = replace(order, last_price=None, last_size=None, fee=None, fee_asset=None, trade_id=None)
        if not self._orders.take(bare):
            return False
        if not is_open(order) and not had_ended:
            self._ended.append(order)
            if len(self._ended) > ENDED and self._has_ended(oldest := self._ended.popleft()):
                self._orders.drop(oldest)
        return True

    def _has_ended(self, order: Order) -> bool:
        known = self._orders.get(order)
        return known is not None and not is_open(known)


def _is_earlier(record: Any, other: Any) -> bool:
    earlier: bool = record.ts < other.ts
    return earlier


class _Newest:
    """
    The newest record of each thing that records of one kind are about.

    Args:
        kind: of the records.
        key: the fields that tell what one is about.
        is_older: whether one is older than another about the same.
    """

    def __init__(self, kind: type[Struct], key: tuple[str, ...], is_older: Callable[[Any, Any], bool]) -> None:
        self.spoken_of: set[Hashable] = set()
        self._kind = kind
        self._key = attrgetter(*key)
        self._is_older = is_older
        self._by_key: dict[Hashable, Any] = {}

    def all(self) -> list[Any]:
        """Return every record."""
        return list(self._by_key.values())

    def get(self, record: Any) -> Any:
        """Return what is known of what ``record`` is about, if anything is."""
        return self._by_key.get(self._key(record))

    def take(self, record: Any) -> bool:
        """Take ``record``; false if it is older than what is known."""
        key = self._key(record)
        known = self._by_key.get(key)
        if known is not None and self._is_older(record, known):
            return False
        self._by_key[key] = record
        self.spoken_of.add(key)
        if len(self._by_key) > MOST:
            self.drop(next(iter(self._by_key.values())))
        return True

    def drop(self, record: Any) -> None:
        """Know nothing of what ``record`` is about."""
        key = self._key(record)
        self._by_key.pop(key, None)
        self.spoken_of.discard(key)

    def keep(self, records: Sequence[Any], *, may_go: Callable[[Any], bool] = lambda _: True) -> None:
        """Drop what ``records`` are not about and nobody spoke of, if it may go."""
        about = {self._key(one) for one in records if isinstance(one, self._kind)}
        for key, record in tuple(self._by_key.items()):
            if key not in about and key not in self.spoken_of and may_go(record):
                del self._by_key[key]
