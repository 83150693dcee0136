"""
What futures tell an account, in the exchange's words.

After the models of Binance's own connector for USD-M and COIN-M, 2026-08, and the
recorded lives of real orders.
"""

from decimal import Decimal
from typing import Any, Final

from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.private.orders import Filled, Order
from gateway_binance.venue.private.positions import Position

Event = dict[str, Any]
_PLACES: Final = 8


def plain(number: Decimal) -> str:
    """Return a number as futures write most of them: eight places at most, and no noughts at the end."""
    rounded = round(number, _PLACES)
    return f"{rounded.normalize():f}" if rounded else "0"


def order(it: Order, how: str, listed: Listed, part: Filled | None = None) -> Event:
    """``ORDER_TRADE_UPDATE``; ``T`` is when it happened."""
    wish = it.wish
    body = {
        "s": wish.symbol,
        "c": it.client_id,
        "S": wish.side,
        "o": wish.type,
        "f": wish.tif,
        "q": plain(it.quantity),
        "p": plain(wish.price),
        "ap": plain(it.average),
        "sp": "0",
        "x": how,
        "X": it.status,
        "i": it.id,
        "l": plain(part.size) if part else "0",
        "z": plain(it.filled),
        "L": plain(part.price) if part else "0",
        "n": plain(part.fee) if part else "0",
        "N": listed.margin,
        "T": it.changed_at,
        "t": part.id if part else 0,
        "b": plain(it.left * wish.price) if it.is_open and wish.is_buy else "0",
        "a": plain(it.left * wish.price) if it.is_open and not wish.is_buy else "0",
        "m": bool(part and part.is_maker),
        "R": wish.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": wish.type,
        "ps": "BOTH",
        "cp": False,
        "rp": plain(part.gained) if part else "0",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "EXPIRE_MAKER",
        "pm": "NONE",
        "er": "0",
    }
    if listed.market is Market.COINM:
        return _aliased(listed.market, {"o": {**body, "ma": listed.margin}}, "ORDER_TRADE_UPDATE", it.changed_at)
    return {"e": "ORDER_TRADE_UPDATE", "T": it.changed_at, "E": it.changed_at, "o": {**body, "gtd": 0}}


def trade_lite(it: Order, part: Filled) -> Event:
    """``TRADE_LITE``, which USD-M sends first."""
    wish = it.wish
    head = {"e": "TRADE_LITE", "E": part.at, "T": part.at, "s": wish.symbol, "q": plain(it.quantity)}
    fill = {"L": plain(part.price), "l": plain(part.size), "t": part.id, "i": it.id}
    names = {"p": plain(wish.price), "m": part.is_maker, "c": it.client_id, "S": wish.side}
    return {**head, **names, **fill}


def account(  # all that it says
    market: Market, why: str, balances: list[Event], positions: list[Event], at: int, symbol: str = ""
) -> Event:
    """``ACCOUNT_UPDATE``."""
    body: Event = {"m": why, "B": balances, "P": positions}
    if why == "FUNDING_FEE":
        body["S"] = symbol
    return _aliased(market, {"a": body}, "ACCOUNT_UPDATE", at)


def balance(asset: str, wallet: Decimal, change: Decimal) -> Event:
    """Return the row of an asset; ``change`` is what is neither gain nor loss nor fee."""
    return {"a": asset, "wb": plain(wallet), "cw": plain(wallet), "bc": plain(change)}


def position(symbol: str, it: Position, unrealized: Decimal) -> Event:
    """Return the row of a position."""
    entry = plain(it.entry)
    end = {"mt": it.margin, "iw": "0", "ps": "BOTH"}
    held = plain(unrealized)
    return {
        "s": symbol,
        "pa": plain(it.amount),
        "ep": entry,
        "bep": entry,
        "cr": plain(it.gained),
        "up": held,
        **end,
    }


def leverage(symbol: str, number: int, at: int) -> Event:
    """``ACCOUNT_CONFIG_UPDATE``."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": at, "T": at, "ac": {"s": symbol, "l": number}}


def margin_call(market: Market, rows: list[Event], wallet: Decimal, at: int) -> Event:
    """``MARGIN_CALL``."""
    called = _aliased(market, {"cw": plain(wallet), "p": rows}, "MARGIN_CALL", at)
    del called["T"]
    return called


def expired(key: str, at: int) -> Event:
    """``listenKeyExpired``."""
    return {"e": "listenKeyExpired", "E": at, "listenKey": key}


def _aliased(market: Market, body: Event, kind: str, at: int) -> Event:
    """Return an event with what COIN-M's carry besides: the account's alias."""
    alias = {"i": "SfsR"} if market is Market.COINM else {}
    return {"e": kind, "T": at, "E": at, **alias, **body}
