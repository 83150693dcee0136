"""
What an order request must say, and which rules of its symbol it must keep.

After "New order" and filters.md of the spot documents, 2026-07-21, and USD-M's
"New Order".
"""

from decimal import Decimal
from typing import Final

from gateway_binance.venue.calls.call import Params
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.private.desk import Desk
from gateway_binance.venue.private.orders import ZERO, Order, Wish
from gateway_binance.venue.refusals import RefusedError, missing

_TYPES: Final = {False: ("LIMIT", "MARKET", "LIMIT_MAKER"), True: ("LIMIT", "MARKET")}
_TIFS: Final = {False: ("GTC", "IOC", "FOK"), True: ("GTC", "IOC", "FOK", "GTX")}


def wish(params: Params, listed: Listed) -> Wish:
    """
    Return the order that a request asks for.

    Raises:
        RefusedError: If it asks for none that ``listed`` allows.
    """
    futures = listed.market.is_futures
    side, kind = params.need("side"), params.need("type")
    if side not in {"BUY", "SELL"}:
        raise RefusedError(-1117, "Invalid side.")
    if kind not in _TYPES[futures]:
        raise RefusedError(-1116, "Invalid orderType.")
    tif = params.need("timeInForce") if kind == "LIMIT" else "GTC"
    if tif not in _TIFS[futures]:
        raise RefusedError(-1115, "Invalid timeInForce.")
    quantity, quote = params.amount("quantity") or ZERO, ZERO
    if kind == "MARKET" and not futures and not quantity:
        quote = params.amount("quoteOrderQty") or ZERO
    if not quantity and not quote:
        raise missing("quantity")
    price = params.amount("price") or ZERO
    if kind != "MARKET" and not price:
        raise missing("price")
    _keeps_steps(listed, quantity, price if kind != "MARKET" else ZERO)
    reduces, client_id = params.flag("reduceOnly"), params.get("newClientOrderId", "")
    return Wish(
        listed.symbol, side, kind, quantity, ZERO if kind == "MARKET" else price, tif, client_id, quote, reduces
    )


def _keeps_steps(listed: Listed, quantity: Decimal, price: Decimal) -> None:
    for number, step, rule, name in (
        (price, listed.tick, "PRICE_FILTER", "price"),
        (quantity, listed.step, "LOT_SIZE", "quantity"),
    ):
        if number % step:
            if listed.market.is_futures:
                raise RefusedError(-1111, f"Precision is over the maximum defined for this asset ({name}).")
            raise RefusedError(-1013, f"Filter failure: {rule}")
    if listed.market is Market.SPOT and price and price * quantity < listed.least:
        raise RefusedError(-1013, "Filter failure: NOTIONAL")


def named(desk: Desk, account: str, params: Params) -> Order | None:
    """
    Return the order that a request names, if there is one.

    Raises:
        RefusedError: If it names none.
    """
    symbol = desk.listed(params.need("symbol")).symbol
    if "orderId" not in params and "origClientOrderId" not in params:
        text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        raise RefusedError(-1102, text)
    number = params.whole("orderId", 0) if "orderId" in params else None
    return desk.find(account, symbol, id=number, client_id=params.get("origClientOrderId", ""))


def cancelled(desk: Desk, account: str, params: Params) -> Order:
    """
    Cancel the order that a request names, and return it.

    Raises:
        RefusedError: If there is none that is open.
    """
    order = named(desk, account, params)
    if order is None or not order.is_open:
        raise RefusedError(-2011, "Unknown order sent.")
    order.cancelled_by = params.get("newClientOrderId", "") or desk.name()
    desk.end(order, "CANCELED")
    return order
