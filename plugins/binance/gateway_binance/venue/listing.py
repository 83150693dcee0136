"""
What the exchange tells of its symbols: names, steps and contracts, in the shape of each market's ``exchangeInfo``.

After "Exchange information" of the spot documents, 2026-07-21, and of USD-M's and
COIN-M's REST documents, 2026-08.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from gateway_binance.venue.hosts import Market

NEVER: Final = 4_133_404_800_000
"""The delivery date of contracts that have none."""
_SINCE: Final = 1_569_398_400_000
_QUOTES: Final = (
    *("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "BIDR", "IDRT", "USDP", "USDS", "BKRW", "DOGE"),
    *("BTC", "ETH", "BNB", "XRP", "TRX", "SOL", "DAI", "PAX", "UST", "VAI", "DOT", "EURI"),
    *("EUR", "TRY", "BRL", "RUB", "GBP", "AUD", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS"),
    *("JPY", "MXN", "CZK", "USD"),
)
"""The assets in which others are priced."""
_CODE: Final = 3
_LEAST: Final = Decimal("5.00000000")
_LEAST_COINS: Final = Decimal("0.00010000")
_SPOT_TYPES: Final = ("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
_FUTURES_TYPES: Final = (
    *("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT"),
    *("TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A symbol: ``tick`` and ``step`` are the steps of its price and size, with the exchange's own places."""

    market: Market
    symbol: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    contract: str = "PERPETUAL"
    delivery: int = NEVER
    status: str = "TRADING"

    @property
    def pair(self) -> str:
        """The pair whose price it follows."""
        return self.symbol.partition("_")[0]

    @property
    def margin(self) -> str:
        """The asset in which a position is kept and settled."""
        return self.base if self.market is Market.COINM else self.quote

    @property
    def size(self) -> int:
        """What one contract is worth in the quote asset, where that is fixed."""
        return 100 if self.base == "BTC" else 10

    @property
    def least(self) -> Decimal:
        """The least that an order must be worth, in the quote asset."""
        return _LEAST_COINS if self.quote in {"BTC", "ETH", "BNB"} else _LEAST

    def worth(self, price: Decimal, size: Decimal) -> Decimal:
        """Return what ``size`` is worth at ``price``, in the quote asset; of COIN-M in the base asset."""
        return size * self.size / price if self.market is Market.COINM else price * size

    def price(self, number: Decimal) -> str:
        """Return ``number`` as a price is written."""
        return f"{number.quantize(self.tick):f}"

    def amount(self, number: Decimal) -> str:
        """Return ``number`` as a size is written."""
        return f"{number.quantize(self.step):f}"

    def row(self) -> dict[str, Any]:
        """Return its row of ``exchangeInfo``."""
        return _spot_row(self) if self.market is Market.SPOT else _futures_row(self)


def listed(market: Market, symbol: str, tick: str, step: str) -> Listed:
    """Return what ``symbol`` says of itself; a quote that nobody knows is taken for a currency's three letters."""
    pair, _, end = symbol.partition("_")
    base, quote = split_symbol(pair)
    steps = Decimal(tick), Decimal(step)
    if not end.isdecimal():
        return Listed(market, symbol, base, quote, *steps)
    day = dt.datetime.strptime(f"{end}08+0000", "%y%m%d%H%z")
    return Listed(market, symbol, base, quote, *steps, "CURRENT_QUARTER", int(day.timestamp()) * 1000)


def split_symbol(symbol: str) -> tuple[str, str]:
    """Return base and quote of ``symbol``."""
    for quote in sorted(_QUOTES, key=len, reverse=True):
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote), quote
    return symbol[:-_CODE], symbol[-_CODE:]


def _places(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _filters(one: Listed, least: Mapping[str, Any]) -> list[dict[str, Any]]:
    lots = {"minQty": f"{one.step:f}", "maxQty": one.amount(Decimal(9_000_000)), "stepSize": f"{one.step:f}"}
    prices = {"minPrice": f"{one.tick:f}", "maxPrice": one.price(Decimal(1_000_000)), "tickSize": f"{one.tick:f}"}
    return [
        {"filterType": "PRICE_FILTER", **prices},
        {"filterType": "LOT_SIZE", **lots},
        {"filterType": "MARKET_LOT_SIZE", **lots},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200, "limit": 200},
        dict(least),
    ]


def _spot_row(one: Listed) -> dict[str, Any]:
    least = {"filterType": "NOTIONAL", "minNotional": f"{one.least}", "applyMinToMarket": True, "avgPriceMins": 5}
    return {
        "symbol": one.symbol,
        "status": one.status,
        "baseAsset": one.base,
        "baseAssetPrecision": 8,
        "quoteAsset": one.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _SPOT_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(one, least),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _futures_row(one: Listed) -> dict[str, Any]:
    least = {"filterType": "MIN_NOTIONAL", "notional": "5"}
    row = {
        "symbol": one.symbol,
        "pair": one.pair,
        "contractType": one.contract,
        "deliveryDate": one.delivery,
        "onboardDate": _SINCE,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": one.base,
        "quoteAsset": one.quote,
        "marginAsset": one.margin,
        "pricePrecision": _places(one.tick),
        "quantityPrecision": _places(one.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": _filters(one, least),
        "orderTypes": _FUTURES_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }
    if one.market is Market.COINM:
        return {**row, "contractStatus": one.status, "contractSize": one.size, "equalQtyPrecision": 4}
    return {**row, "status": one.status, "settlePlan": 0}
