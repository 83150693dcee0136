"""
The venue's REST: what of ``/api/v3`` a gateway asks for, and the weight of each request.

After rest-api.md in the Binance spot API docs, 2026-07-21.
"""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from msgspec import to_builtins

from gateway.testing.listener import Answer, reply
from gateway_binance.venue.books import Books
from gateway_binance.venue.recording import DEPTHS, Event, Recording

MOST_WEIGHT: Final = 6000
MINUTE: Final = 60
WEIGHT_HEADER: Final = "x-mbx-used-weight-1m"
_MOST_LEVELS: Final = 5000
_USUAL_LEVELS: Final = 100
_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1000, 50), (_MOST_LEVELS, 250))
_QUOTES: Final = (
    *("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "BIDR", "IDRT", "USDP", "USDS", "BKRW", "DOGE"),
    *("BTC", "ETH", "BNB", "XRP", "TRX", "SOL", "DAI", "PAX", "UST", "VAI", "DOT", "EURI"),
    *(
        "EUR",
        "TRY",
        "BRL",
        "RUB",
        "GBP",
        "AUD",
        "UAH",
        "NGN",
        "ZAR",
        "PLN",
        "RON",
        "ARS",
        "JPY",
        "MXN",
        "CZK",
        "USD",
    ),
)
"""The assets in which others are priced."""
_CODE: Final = 3
_PLACES: Final = 8
_PRICES: Final = re.compile(rb'"[pba]":"([0-9.]+)"|\["([0-9.]+)","[0-9.]+"\]')
_SIZES: Final = re.compile(rb'"[qBA]":"([0-9.]+)"|\["[0-9.]+","([0-9.]+)"\]')


class Rest:
    """
    The routes.

    Args:
        recording: whose symbols there are.
        books: told by ``depth``.
    """

    def __init__(self, recording: Recording, books: Books) -> None:
        self._symbols = [_symbol(symbol, *_steps(recording, symbol)) for symbol in recording.symbols]
        self._books = books
        self._minute = 0
        self._used = 0

    def answers(self) -> Mapping[str, Answer]:
        """Return the routes as the engine wants them."""
        return {
            "GET /api/v3/ping": lambda _request, _body: self._weighed(1, {}),
            "GET /api/v3/time": lambda _request, _body: self._weighed(1, {"serverTime": _now()}),
            "GET /api/v3/exchangeInfo": lambda request, _body: self._exchange_info(request),
            "GET /api/v3/depth": lambda request, _body: self._depth(request),
        }

    def _exchange_info(self, request: web.Request) -> web.Response:
        wanted = request.query.get("symbol")
        symbols = [one for one in self._symbols if wanted in {None, one["symbol"]}]
        if not symbols:
            return self._weighed(20, {"code": -1121, "msg": "Invalid symbol."}, 400)
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": MOST_WEIGHT}
        info = {"timezone": "UTC", "serverTime": _now(), "rateLimits": [limit], "exchangeFilters": []}
        return self._weighed(20, {**info, "symbols": symbols})

    def _depth(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", str(_USUAL_LEVELS))
        if not (limit.isascii() and limit.isdigit()) or not int(limit) > 0:
            return self._weighed(5, {"code": -1100, "msg": "Illegal characters found in parameter 'limit'."}, 400)
        levels = min(int(limit), _MOST_LEVELS)
        weight = next(weight for most, weight in _DEPTH_WEIGHTS if levels <= most)
        if "symbol" not in request.query:
            return self._weighed(weight, {"code": -1102, "msg": "Mandatory parameter 'symbol' was not sent."}, 400)
        book = self._books.get(request.query["symbol"])
        if book is None:
            return self._weighed(weight, {"code": -1121, "msg": "Invalid symbol."}, 400)
        return self._weighed(weight, to_builtins(book.reply(levels)))

    def _weighed(self, weight: int, data: Any, status: int = 200) -> web.Response:
        """Answer, unless the minute's weight is used up; minutes are the clock's."""
        now = time.time()
        if int(now) // MINUTE != self._minute:
            self._minute, self._used = int(now) // MINUTE, 0
        self._used += weight
        headers = {WEIGHT_HEADER: str(self._used)}
        if self._used > MOST_WEIGHT:
            headers["retry-after"] = str(MINUTE - int(now) % MINUTE)
            return reply({"code": -1003, "msg": "Too many requests."}, status=429, headers=headers)
        return reply(data, status=status, headers=headers)


def split_symbol(symbol: str) -> tuple[str, str]:
    """Return base and quote of ``symbol``; an unknown quote is taken for a currency's three letters."""
    for quote in sorted(_QUOTES, key=len, reverse=True):
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote), quote
    return symbol[:-_CODE], symbol[-_CODE:]


def _symbol(symbol: str, tick: str, step: str) -> dict[str, Any]:
    base, quote = split_symbol(symbol)
    filters = [{"filterType": "PRICE_FILTER", "tickSize": tick}, {"filterType": "LOT_SIZE", "stepSize": step}]
    names = {"symbol": symbol, "status": "TRADING", "baseAsset": base, "quoteAsset": quote}
    return {**names, "isSpotTradingAllowed": True, "filters": filters, "permissionSets": [["SPOT"]]}


def _steps(recording: Recording, symbol: str) -> tuple[str, str]:
    """Return the finest step that ``symbol``'s recorded prices and sizes show."""
    streams = {f"{symbol.lower()}@{kind}" for kind in ("trade", "aggTrade", "bookTicker", *DEPTHS)}
    data = b"".join(one.data for one in recording.lines if isinstance(one, Event) and one.stream in streams)
    return _step(_PRICES, data), _step(_SIZES, data)


def _step(pattern: re.Pattern[bytes], data: bytes) -> str:
    numbers = {one or other for one, other in pattern.findall(data)}
    places = max((len(number.partition(b".")[2].rstrip(b"0")) for number in numbers), default=0)
    return f"{10**-places:.{max(places, _PLACES)}f}"


def _now() -> int:
    return time.time_ns() // 1_000_000
