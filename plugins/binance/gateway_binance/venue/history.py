"""
What has been traded and told of one symbol: everything that REST answers about the past is read from here.

Events are kept as they were sent and looked into only when somebody asks.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final, TypeVar

from msgspec import Struct, field
from msgspec.json import Decoder

from gateway_binance.venue.listing import Listed

KEPT: Final = 20_000
"""Trades that are remembered of a symbol, and as many aggregates."""


class Trade(Struct, frozen=True, gc=False):
    """A trade, as far as REST tells of it."""

    id: int = field(name="t")
    price: str = field(name="p")
    size: str = field(name="q")
    at: int = field(name="T")
    buyer_made: bool = field(name="m")


class Aggregate(Struct, frozen=True, gc=False):
    """An aggregate of trades."""

    id: int = field(name="a")
    price: str = field(name="p")
    size: str = field(name="q")
    first: int = field(name="f")
    last: int = field(name="l")
    at: int = field(name="T")
    buyer_made: bool = field(name="m")


class Quote(Struct, frozen=True, gc=False):
    """The best bid and ask."""

    bid: str = field(name="b")
    bid_size: str = field(name="B")
    ask: str = field(name="a")
    ask_size: str = field(name="A")


class Mark(Struct, frozen=True, gc=False):
    """The mark price of a contract."""

    price: str = field(name="p")
    index: str = field(name="i", default="0")
    settle: str = field(name="P", default="0")
    rate: str = field(name="r", default="")
    next_at: int = field(name="T", default=0)


T = TypeVar("T")
_TRADE: Final = Decoder(Trade).decode
_AGGREGATE: Final = Decoder(Aggregate).decode
_QUOTE: Final = Decoder(Quote).decode
_MARK: Final = Decoder(Mark).decode


class History:
    """One symbol's past; ``candles`` and ``day`` are the newest events of their kinds, as bytes."""

    def __init__(self) -> None:
        self._trades: deque[bytes] = deque(maxlen=KEPT)
        self._aggregates: deque[bytes] = deque(maxlen=KEPT)
        self._quote: bytes | None = None
        self._mark: bytes | None = None
        self.candles: dict[str, deque[bytes]] = {}
        self.day: bytes | None = None

    def take(self, kind: str, data: bytes) -> None:
        """Remember a datum of the stream that tells ``kind``."""
        if kind == "trade":
            self._trades.append(data)
        elif kind == "aggTrade":
            self._aggregates.append(data)
        elif kind == "bookTicker":
            self._quote = data
        elif kind.startswith("markPrice@") or kind == "markPrice":
            self._mark = data
        elif kind == "ticker":
            self.day = data
        elif kind.startswith("kline_"):
            self.candles.setdefault(kind, deque(maxlen=KEPT)).append(data)

    def trades(self) -> list[Trade]:
        """Return the trades, oldest first."""
        return [_TRADE(one) for one in self._trades]

    def aggregates(self) -> list[Aggregate]:
        """Return the aggregates, oldest first."""
        return [_AGGREGATE(one) for one in self._aggregates]

    def prices(self) -> Iterator[Trade]:
        """Return whatever shows prices: trades where there are any, else aggregates as if each were one."""
        if self._trades:
            yield from self.trades()
        for one in self.aggregates() if not self._trades else ():
            yield Trade(one.last, one.price, one.size, one.at, one.buyer_made)

    @property
    def has_trades(self) -> bool:
        """Whether there were trades, and not aggregates alone."""
        return bool(self._trades)

    @property
    def quote(self) -> Quote | None:
        """The newest quote, if there was one."""
        return None if self._quote is None else _QUOTE(self._quote)

    @property
    def mark(self) -> Mark | None:
        """The newest mark price, if there was one."""
        return None if self._mark is None else _MARK(self._mark)

    @property
    def last(self) -> Trade | None:
        """The newest trade, or what stands for it."""
        if self._trades:
            return _TRADE(self._trades[-1])
        if self._aggregates:
            one = _AGGREGATE(self._aggregates[-1])
            return Trade(one.last, one.price, one.size, one.at, one.buyer_made)
        return None


class Day:
    """What tickers say of all trades so far; there is no day before."""

    def __init__(self, listed: Listed, trades: Iterable[Trade] = ()) -> None:
        self._worth = listed.worth
        self.first: Trade | None = None
        self.last: Trade | None = None
        self.high = self.low = self.volume = self.quote_volume = self.turnover = Decimal(0)
        self.count = 0
        for trade in trades:
            self.take(trade)

    def take(self, trade: Trade) -> None:
        """Count ``trade`` in."""
        price, size = Decimal(trade.price), Decimal(trade.size)
        self.first = self.first or trade
        self.high = max(self.high, price)
        self.low = min(self.low, price) if self.count else price
        self.volume += size
        self.turnover += price * size
        self.quote_volume += self._worth(price, size)
        self.last = trade
        self.count += 1
