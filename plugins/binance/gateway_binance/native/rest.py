"""
What clients may ask over REST, and where it is had: ping, time, the symbols and books.

Nothing else is: an account's requests are signed for the exchange itself, and history is asked for once by each.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from gateway import spi
from gateway_binance.declared.market import REST, Market
from gateway_binance.native.figures import Doors
from gateway_binance.native.replies import answer, problem
from gateway_binance.streams import pair_of

INFO_KEPT: Final = 60.0
"""Seconds for which symbols are not asked for again: a halt is seen so much later."""
BOOK_KEPT: Final = 0.5
"""Seconds for a book: who subscribed just before and finds it older than the stream asks again, as documented."""
_INFO_PARAMS: Final = ("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus")
_MILLI: Final = 1000
_MOST_LEVELS: Final = 5000
_DIGITS: Final = 9

Query = Mapping[str, str]


class Answers:
    """
    One market's answers.

    Args:
        target: where the exchange is, and its clock.
        market: its figures.
        doors: those of its own protocol.
    """

    def __init__(self, target: spi.Target, market: Market, doors: Doors) -> None:
        self._target = target
        self._market = market
        self._doors = doors
        self._calls: Mapping[str, Callable[[Query], spi.NativeAnswer]] = {
            f"{market.api}/ping": lambda _: answer({}),
            f"{market.api}/time": lambda _: answer({"serverTime": target.now() // _MILLI}),
            f"{market.api}/exchangeInfo": self._info,
            f"{market.api}/depth": self._depth,
        }

    def answer(self, method: str, path: str, query: Query) -> spi.NativeAnswer:
        """Return the answer to a request, or where it is had."""
        call = self._calls.get(path)
        if call is None or method not in {"GET", "HEAD"}:
            known = ", ".join(self._calls)
            return problem(404, -1020, f"This operation is not supported by the gateway, only GET of {known}.")
        return call(query)

    def _info(self, query: Query) -> spi.NativeFetch:
        params = {name: query[name] for name in _INFO_PARAMS if name in query}
        return spi.NativeFetch(self._fetch("exchangeInfo", params, self._market.info_weight), INFO_KEPT)

    def _depth(self, query: Query) -> spi.NativeAnswer:
        symbol, limit = query.get("symbol", ""), query.get("limit", str(self._doors.levels))
        if not symbol:
            return problem(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        is_number = limit.isascii() and limit.isdecimal() and len(limit) <= _DIGITS
        if not (is_number and 0 < int(limit) <= _MOST_LEVELS):
            return problem(400, -1100, "Illegal characters found in parameter 'limit', or it is out of range.")
        levels = int(limit)
        fetch = self._fetch("depth", {"symbol": symbol, "limit": limit}, self._doors.weight(levels))
        return spi.NativeBook(
            stream=f"{symbol.lower()}@depth@100ms",
            levels=levels,
            render=lambda book: answer(self._written(symbol, book)),
            otherwise=spi.NativeFetch(fetch, BOOK_KEPT),
        )

    def _written(self, symbol: str, book: spi.BookSnapshot) -> dict[str, Any]:
        whole: dict[str, Any] = {"lastUpdateId": book.last}
        if self._doors.is_of_pairs:
            whole |= {"symbol": symbol, "pair": pair_of(symbol)}
        if self._doors.is_timed and book.ts is not None:
            whole["E"] = book.ts // _MILLI
        return {**whole, "bids": book.bids, "asks": book.asks}

    def _fetch(self, call: str, params: Query, weight: int) -> spi.Fetch:
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        url = f"{self._target.urls[REST]}{self._market.api}/{call}{query}"
        return spi.Fetch("GET", url, cost={self._market.weight: weight})
