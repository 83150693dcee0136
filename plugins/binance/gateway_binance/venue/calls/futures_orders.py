"""
What an account asks of futures about orders: to place and cancel them, and what became of them.

After USD-M's and COIN-M's trade documents, 2026-08.
"""

from collections.abc import Iterator
from typing import Any

from gateway_binance.venue.calls.call import Call, Caller, Params, Security
from gateway_binance.venue.calls.guard import Guard
from gateway_binance.venue.calls.wishes import cancelled, named, wish
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.private.futures_desk import FuturesDesk
from gateway_binance.venue.private.orders import Filled, Order
from gateway_binance.venue.private.updates import plain
from gateway_binance.venue.refusals import RefusedError

_SIGNED = Security.SIGNED


class FuturesOrders:
    """
    The answers.

    Args:
        desk: whose orders they tell.
        guard: counts orders.
        start: with what the paths begin.
    """

    def __init__(self, desk: FuturesDesk, guard: Guard, start: str) -> None:
        self._desk = desk
        self._guard = guard
        self._start = start

    def calls(self) -> Iterator[Call]:
        """Yield everything that may be asked."""
        start = self._start
        yield Call(f"POST {start}/order", self._place, 1, _SIGNED, "order.place", orders=1)
        yield Call(f"POST {start}/order/test", self._test, 1, _SIGNED)
        yield Call(f"GET {start}/order", self._order, 1, _SIGNED, "order.status")
        yield Call(f"DELETE {start}/order", self._cancel, 1, _SIGNED, "order.cancel")
        yield Call(f"GET {start}/openOrder", self._one_open, 1, _SIGNED)
        yield Call(f"GET {start}/openOrders", self._open, _open_weight, _SIGNED)
        yield Call(f"DELETE {start}/allOpenOrders", self._cancel_all, 1, _SIGNED)
        yield Call(f"GET {start}/allOrders", self._all, 5, _SIGNED)
        yield Call(f"GET {start}/userTrades", self._trades, 5, _SIGNED)

    def _place(self, caller: Caller) -> dict[str, Any]:
        listed = self._desk.listed(caller.params.need("symbol"))
        return self.row(self._desk.place(caller.known, wish(caller.params, listed)))

    def _test(self, caller: Caller) -> dict[str, Any]:
        wish(caller.params, self._desk.listed(caller.params.need("symbol")))
        return {}

    def _order(self, caller: Caller) -> dict[str, Any]:
        order = named(self._desk, caller.known.name, caller.params)
        if order is None:
            raise RefusedError(-2013, "Order does not exist.")
        return self.row(order)

    def _one_open(self, caller: Caller) -> dict[str, Any]:
        order = named(self._desk, caller.known.name, caller.params)
        if order is None or not order.is_open:
            raise RefusedError(-2013, "Order does not exist.")
        return self.row(order)

    def _cancel(self, caller: Caller) -> dict[str, Any]:
        return self.row(cancelled(self._desk, caller.known.name, caller.params))

    def _open(self, caller: Caller) -> list[Any]:
        symbol = caller.params.get("symbol")
        if symbol is not None:
            self._desk.listed(symbol)
        return [self.row(one) for one in self._desk.orders(caller.known.name, symbol) if one.is_open]

    def _cancel_all(self, caller: Caller) -> dict[str, Any]:
        symbol = self._desk.listed(caller.params.need("symbol")).symbol
        for order in self._desk.orders(caller.known.name, symbol):
            if order.is_open:
                self._desk.end(order, "CANCELED")
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _all(self, caller: Caller) -> list[Any]:
        params = caller.params
        symbol = self._desk.listed(params.need("symbol")).symbol
        found = [one for one in self._desk.orders(caller.known.name, symbol) if _within(one.at, params)]
        if "orderId" in params:
            return [self.row(one) for one in found if one.id >= params.whole("orderId", 0)]
        return [self.row(one) for one in found[-params.limit(500, 1000) :]]

    def _trades(self, caller: Caller) -> list[Any]:
        params = caller.params
        symbol = params.get("symbol") if self._desk.source.market is Market.COINM else params.need("symbol")
        rows = [
            _trade(self._desk.listed(order.wish.symbol), order, part)
            for order in self._desk.orders(caller.known.name, symbol)
            for part in order.fills
            if _within(part.at, params) and part.id >= params.whole("fromId", 0)
        ]
        rows.sort(key=lambda row: row["id"])
        limit = params.limit(500, 1000)
        return rows[:limit] if "fromId" in params else rows[-limit:]

    def row(self, order: Order) -> dict[str, Any]:
        """Return an order as every answer tells it."""
        one, wish_ = self._desk.listed(order.wish.symbol), order.wish
        coinm = one.market is Market.COINM
        done = sum((one.worth(part.price, part.size) for part in order.fills), start=order.filled * 0)
        return {
            "orderId": order.id,
            "symbol": one.symbol,
            **({"pair": one.pair} if coinm else {}),
            "status": order.status,
            "clientOrderId": order.client_id,
            "price": plain(wish_.price),
            "avgPrice": one.price(order.average),
            "origQty": one.amount(order.quantity),
            "executedQty": one.amount(order.filled),
            ("cumBase" if coinm else "cumQuote"): plain(done),
            "timeInForce": wish_.tif,
            "type": wish_.type,
            "reduceOnly": wish_.reduce_only,
            "closePosition": False,
            "side": wish_.side,
            "positionSide": "BOTH",
            "stopPrice": "0",
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": wish_.type,
            "priceMatch": "NONE",
            "selfTradePreventionMode": "EXPIRE_MAKER",
            "goodTillDate": 0,
            "time": order.at,
            "updateTime": order.changed_at,
        }


def _open_weight(params: Params) -> int:
    return 1 if "symbol" in params else 40


def _within(at: int, params: Params) -> bool:
    return params.whole("startTime", 0) <= at <= params.whole("endTime", 2**62)


def _trade(one: Listed, order: Order, part: Filled) -> dict[str, Any]:
    coinm = one.market is Market.COINM
    head = {"symbol": one.symbol, "id": part.id, "orderId": order.id, "side": order.wish.side}
    pair = {"pair": one.pair, "marginAsset": one.margin} if coinm else {}
    done = {("baseQty" if coinm else "quoteQty"): plain(one.worth(part.price, part.size))}
    money = {"price": one.price(part.price), "qty": one.amount(part.size), "realizedPnl": plain(part.gained)}
    fee = {"commission": plain(part.fee), "commissionAsset": part.fee_asset}
    flags = {"positionSide": "BOTH", "buyer": order.wish.is_buy, "maker": part.is_maker}
    return {**head, **pair, **money, **done, **fee, "time": part.at, **flags}
