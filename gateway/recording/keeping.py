"""What is known of a topic at any instant of its recording: what a client that joins then is sent first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
from msgspec import Raw, Struct

from gateway.engine.accounts import AccountState
from gateway.engine.book import OrderBook
from gateway.engine.messages import Kind
from gateway.engine.topics import LAST_VALUE
from gateway.model.account import ACCOUNT_RECORDS
from gateway.model.market import MARKET_RECORDS, Book

BOOK: Final = "book"
Shown = tuple[Sequence[Any], int | None] | None


class Kept(Protocol):
    """What is known."""

    def take(self, kind: Kind, records: Sequence[Any], ts: int | None) -> None:
        """Take a message's records; raises an exception of its own if they cannot be."""

    def forget(self) -> None:
        """Something is missing: know nothing until the next snapshot."""

    def shown(self) -> Shown:
        """Return the records of a snapshot and their exchange time, or nothing while there is none."""


class Nothing:
    """Of a channel that has no snapshots."""

    def take(self, kind: Kind, records: Sequence[Any], ts: int | None) -> None:
        """Keep nothing."""

    def forget(self) -> None:
        """Know no less."""

    def shown(self) -> Shown:
        """Return nothing."""
        return None


class Newest:
    """The newest record, of a channel where it says all."""

    def __init__(self) -> None:
        self._newest: Shown = None

    def take(self, _: Kind, records: Sequence[Any], ts: int | None) -> None:
        """Keep the last."""
        if records:
            self._newest = records[-1:], ts

    def forget(self) -> None:
        """It is true still, as it was when it came."""

    def shown(self) -> Shown:
        """Return it."""
        return self._newest


class Levels:
    """A book."""

    def __init__(self) -> None:
        self._book: OrderBook | None = None
        self._seq: int | None = None
        self._ts: int | None = None
        self._record_ts: int | None = None

    def take(self, kind: Kind, records: Sequence[Book], ts: int | None) -> None:
        """Start anew, or change what there is; changes of nothing are nothing."""
        for record in records:
            for price, _ in (*record.bids, *record.asks):
                float(price)  # else a client that joins would be the first to know
            if kind == "snapshot":
                self._book = OrderBook()
                self._book.replace(record.bids, record.asks)
            elif self._book is not None:
                self._book.apply(record.bids, record.asks)
            self._seq, self._record_ts = record.seq, record.ts
        self._ts = ts

    def forget(self) -> None:
        """Have no book."""
        self._book = None

    def shown(self) -> Shown:
        """Return it whole, best first."""
        if self._book is None:
            return None
        bids, asks = self._book.top()
        return [Book(bids, asks, self._seq, self._record_ts)], self._ts


class Account:
    """Open orders, balances or positions."""

    def __init__(self, channel: str) -> None:
        self._kind = ACCOUNT_RECORDS[channel]
        self._state: AccountState | None = None
        self._ts: int | None = None

    def take(self, kind: Kind, records: Sequence[Struct], ts: int | None) -> None:
        """Start anew, or take what is newer."""
        if kind == "snapshot":
            self._state = AccountState()
        if self._state is not None:
            for record in records:
                self._state.take(record)
        self._ts = ts

    def forget(self) -> None:
        """Have nothing."""
        self._state = None

    def shown(self) -> Shown:
        """Return what is known."""
        return None if self._state is None else (self._state.records(self._kind), self._ts)


def kept_of(channel: str) -> Kept:
    """Return what keeps a topic of ``channel``."""
    if channel == BOOK:
        return Levels()
    if channel in ACCOUNT_RECORDS:
        return Account(channel)
    return Newest() if channel in LAST_VALUE else Nothing()


_DECODERS: Final[Mapping[str, Callable[[Raw], list[Any]]]] = {
    channel: msgspec.json.Decoder(list[record]).decode  # type: ignore[valid-type]  # a type that is a value
    for channel, record in {**MARKET_RECORDS, **ACCOUNT_RECORDS}.items()
}
_plain: Final = msgspec.json.Decoder(list[Any]).decode


def records_of(channel: str, data: Raw) -> list[Any]:
    """
    Return the records that ``data`` holds.

    A record that is not quite what its channel says, which a plugin may have made, stays a plain
    dict, but where more is done with it than passing it on.

    Raises:
        msgspec.DecodeError: If it is no list of them.
    """
    decode = _DECODERS.get(channel, _plain)
    try:
        return decode(data)
    except msgspec.ValidationError:
        if channel == BOOK or channel in ACCOUNT_RECORDS:
            raise
        return _plain(data)
