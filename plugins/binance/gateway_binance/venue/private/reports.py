"""
What spot tells an account of its orders and balances, in the exchange's words.

After user-data-stream.md of the spot documents, 2026-07-21, and the recorded lives of
real orders.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway_binance.venue.private.orders import Filled, Order

Event = dict[str, Any]


def eight(number: Decimal) -> str:
    """Return a number as spot writes them."""
    return f"{number:.8f}"


def execution(order: Order, how: str, number: int, part: Filled | None = None) -> Event:
    """``executionReport``."""
    wish = order.wish
    # A cancelled order has its own name under C, and under c that of the request that cancelled it.
    names = (order.cancelled_by, order.client_id) if how == "CANCELED" else (order.client_id, "")
    event = {
        "e": "executionReport",
        "E": order.changed_at,
        "s": wish.symbol,
        "c": names[0],
        "S": wish.side,
        "o": wish.type,
        "f": wish.tif,
        "q": eight(order.quantity),
        "p": eight(wish.price),
        "P": eight(Decimal(0)),
        "F": eight(Decimal(0)),
        "g": -1,
        "C": names[1],
        "x": how,
        "X": order.status,
        "r": "NONE",
        "i": order.id,
        **_fill(part),
        "z": eight(order.filled),
        "T": order.changed_at,
        "I": number,
        "w": order.is_open,
        "M": part is not None,
        "O": order.at,
        "Z": eight(order.quote),
        "Q": eight(wish.quote_quantity),
        "W": order.at,
        "V": "EXPIRE_MAKER",
    }
    if how == "EXPIRED" and wish.tif in {"IOC", "FOK"}:
        event["eR"] = "UNFILLED_IOC_QUANTITY_EXPIRED" if wish.tif == "IOC" else "UNFILLED_FOK_ORDER_EXPIRED"
    return event


def _fill(part: Filled | None) -> Event:
    if part is None:
        nothing = eight(Decimal(0))
        return {"l": nothing, "L": nothing, "n": "0", "N": None, "t": -1, "m": False, "Y": nothing}
    return {
        "l": eight(part.size),
        "L": eight(part.price),
        "n": eight(part.fee),
        "N": part.fee_asset,
        "t": part.id,
        "m": part.is_maker,
        "Y": eight(part.price * part.size),
    }


def position(balances: Mapping[str, tuple[Decimal, Decimal]], at: int) -> Event:
    """``outboundAccountPosition``; of each asset what is free and what is locked."""
    rows = [{"a": asset, "f": eight(free), "l": eight(locked)} for asset, (free, locked) in balances.items()]
    return {"e": "outboundAccountPosition", "E": at, "u": at, "B": rows}


def balance_update(asset: str, delta: Decimal, at: int) -> Event:
    """``balanceUpdate``."""
    return {"e": "balanceUpdate", "E": at, "a": asset, "d": eight(delta), "T": at}
