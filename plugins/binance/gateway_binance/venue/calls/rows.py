"""How REST writes trades, and what futures call the other side of a size."""

from decimal import Decimal
from typing import Any

from gateway_binance.venue.history import Trade
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed


def trade_row(one: Listed, trade: Trade) -> dict[str, Any]:
    """Return a row of ``trades`` or ``historicalTrades``."""
    head = {"id": trade.id, "price": trade.price, "qty": trade.size}
    end = {"time": trade.at, "isBuyerMaker": trade.buyer_made}
    quote = f"{one.worth(Decimal(trade.price), Decimal(trade.size)):.8f}"
    match one.market:
        case Market.SPOT:
            return {**head, "quoteQty": quote, **end, "isBestMatch": True}
        case Market.USDM:
            return {**head, "quoteQty": quote, **end}
        case Market.COINM:
            return {**head, "baseQty": quote, **end}
