"""
Where trades that are missing are fetched: from which id on, how many at a time, at what weight.

After "Old trade lookup" and "Compressed/Aggregate trades list" in rest-api.md of the
spot API docs, and after "Recent Trades List" and "Compressed/Aggregate Trades List"
of both futures markets at developers.binance.com, all as of 2026-01. Old trades of
futures are for those alone who have a key, which public data have not: of these the
recent ones are asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from msgspec import Struct, convert, field

from gateway import spi
from gateway_binance.decimals import check_two
from gateway_binance.declared.market import REST, Market
from gateway_binance.records.fields import Count, Made, Time, microseconds

IN_MICROSECONDS: Final = {"X-MBX-TIME-UNIT": "MICROSECOND"}
"""rest-api.md, "General API Information"; spot alone."""


class Old(Struct, frozen=True, gc=False):
    """A trade."""

    id: Count
    price: str
    size: str = field(name="qty")
    at: Time = field(name="time")
    buyer_made: bool = field(name="isBuyerMaker")
    first: Count | None = None
    last: Count | None = None


class OldAggregate(Struct, frozen=True, gc=False):
    """An aggregate."""

    id: Count = field(name="a")
    price: str = field(name="p")
    size: str = field(name="q")
    first: Made = field(name="f")
    last: Made = field(name="l")
    at: Time = field(name="T")
    buyer_made: bool = field(name="m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """
    What is asked for trades of the past.

    ``path`` follows the market's own beginning, ``most`` is the highest number
    of rows that a reply has, ``by_id`` tells whether they begin where one wants.
    """

    path: str
    weight: int
    most: int = 1000
    by_id: bool = True
    rows: type[Sequence[Old]] | type[Sequence[OldAggregate]] = Sequence[Old]


Pasts = Mapping[str | None, Past]
"""By variant of the channel."""

SPOT: Final[Pasts] = {
    None: Past(path="/historicalTrades", weight=25),
    "agg": Past(path="/aggTrades", weight=4, rows=Sequence[OldAggregate]),
}
FUTURES: Final[Pasts] = {
    None: Past(path="/trades", weight=5, by_id=False),
    "agg": Past(path="/aggTrades", weight=20, rows=Sequence[OldAggregate]),
}


def fetch_trades(
    target: spi.Target, market: Market, past: Past, symbol: str, ids: range, *, fine: bool
) -> spi.Conversation[Sequence[spi.Trade]]:
    """Fetch the trades of these ids, or the first of them; ``fine`` ones tell their times in microseconds."""
    most = min(past.most, len(ids)) if past.by_id else past.most
    first = f"&fromId={ids.start}" if past.by_id else ""
    url = f"{target.urls[REST]}{market.api}{past.path}?symbol={quote(symbol, safe='')}{first}&limit={most}"
    headers = IN_MICROSECONDS if fine else {}
    reply = yield spi.Fetch("GET", url, headers=headers, cost={market.weight: past.weight})
    rows = convert(reply.json(), past.rows)
    return [_trade(row) for row in rows if row.id in ids and _is_trade(row)]


def _is_trade(row: Old | OldAggregate) -> bool:
    """Tell a trade from an aggregate of none, which has an id and nothing else."""
    return row.first is None or row.last is None or min(row.first, row.last) >= 0


def _trade(row: Old | OldAggregate) -> spi.Trade:
    check_two(row.price, row.size)
    side: Literal["buy", "sell"] = "sell" if row.buyer_made else "buy"
    return spi.Trade(row.id, row.price, row.size, side, microseconds(row.at), row.first, row.last)
