"""
What an account asks of spot: its orders, its trades, its balances, and orders to be placed and cancelled.

After "Account endpoints" and "Trading endpoints" in rest-api.md of the spot documents,
2026-07-21.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from gateway_binance.venue.calls.call import Call, Caller, Security
from gateway_binance.venue.calls.guard import Guard
from gateway_binance.venue.calls.wishes import cancelled, named, wish
from gateway_binance.venue.private.orders import Filled, Order
from gateway_binance.venue.private.reports import eight
from gateway_binance.venue.private.spot_desk import FEE, SpotDesk
from gateway_binance.venue.refusals import RefusedError

SIGNED: Final = Security.SIGNED
NO_ORDER: Final = (-2013, "Order does not exist.")


class SpotAccount:
    """
    The answers.

    Args:
        desk: whose orders and balances they tell.
        guard: counts orders.
    """

    def __init__(self, desk: SpotDesk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    def calls(self) -> Iterator[Call]:
        """Yield everything that may be asked."""
        yield Call("GET /api/v3/account", self._account, 20, SIGNED, "account.status")
        # Orders that are taken weigh nothing since 2026-04-02.
        yield Call("POST /api/v3/order", self._place, 1, SIGNED, "order.place", orders=1, free=True)
        yield Call("POST /api/v3/order/test", self._test, 1, SIGNED, "order.test")
        yield Call("GET /api/v3/order", self._order, 4, SIGNED, "order.status")
        yield Call("DELETE /api/v3/order", self._cancel, 1, SIGNED, "order.cancel")
        yield Call("GET /api/v3/openOrders", self._open, _open_weight, SIGNED, "openOrders.status")
        yield Call("DELETE /api/v3/openOrders", self._cancel_all, 1, SIGNED, "openOrders.cancelAll")
        yield Call("GET /api/v3/allOrders", self._all, 20, SIGNED, "allOrders")
        yield Call("GET /api/v3/myTrades", self._trades, 20, SIGNED, "myTrades")
        yield Call("GET /api/v3/rateLimit/order", self._used, 40, SIGNED, "account.rateLimits.orders")

    def _account(self, caller: Caller) -> dict[str, Any]:
        name = caller.known.name
        rows = [
            {"asset": asset, "free": eight(one.free), "locked": eight(one.locked)}
            for asset, one in self._desk.balances[name].items()
            if one.free or one.locked or not caller.params.flag("omitZeroBalances")
        ]
        fee = eight(FEE)
        rates = {"maker": fee, "taker": fee, "buyer": eight(Decimal(0)), "seller": eight(Decimal(0))}
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": rates,
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self._desk.changed_at[name],
            "accountType": "SPOT",
            "balances": rows,
            "permissions": ["SPOT"],
            "uid": 354_937_868,
        }

    def _place(self, caller: Caller) -> dict[str, Any]:
        listed = self._desk.listed(caller.params.need("symbol"))
        order = self._desk.place(caller.known, wish(caller.params, listed))
        body = {"symbol": listed.symbol, "orderId": order.id, "orderListId": -1, "clientOrderId": order.client_id}
        body["transactTime"] = order.changed_at
        kind = caller.params.get("newOrderRespType", "FULL")
        if kind == "ACK":
            return body
        body |= {**_state(order), "workingTime": order.at, "selfTradePreventionMode": "EXPIRE_MAKER"}
        return body if kind == "RESULT" else {**body, "fills": [_fill(part) for part in order.fills]}

    def _test(self, caller: Caller) -> dict[str, Any]:
        wish(caller.params, self._desk.listed(caller.params.need("symbol")))
        return {}

    def _order(self, caller: Caller) -> dict[str, Any]:
        order = named(self._desk, caller.known.name, caller.params)
        if order is None:
            raise RefusedError(*NO_ORDER)
        return order_row(order)

    def _cancel(self, caller: Caller) -> dict[str, Any]:
        return _cancelled_row(cancelled(self._desk, caller.known.name, caller.params))

    def _open(self, caller: Caller) -> list[Any]:
        symbol = caller.params.get("symbol")
        if symbol is not None:
            self._desk.listed(symbol)
        return [order_row(one) for one in self._desk.orders(caller.known.name, symbol) if one.is_open]

    def _cancel_all(self, caller: Caller) -> list[Any]:
        symbol = self._desk.listed(caller.params.need("symbol")).symbol
        open_orders = [one for one in self._desk.orders(caller.known.name, symbol) if one.is_open]
        if not open_orders:
            raise RefusedError(-2011, "Unknown order sent.")
        for order in open_orders:
            order.cancelled_by = self._desk.name()
            self._desk.end(order, "CANCELED")
        return [_cancelled_row(order) for order in open_orders]

    def _all(self, caller: Caller) -> list[Any]:
        params = caller.params
        symbol = self._desk.listed(params.need("symbol")).symbol
        found = self._desk.orders(caller.known.name, symbol)
        if "orderId" in params:
            return [order_row(one) for one in found if one.id >= params.whole("orderId", 0)][
                : params.limit(500, 1000)
            ]
        first, last = params.whole("startTime", 0), params.whole("endTime", 2**62)
        return [order_row(one) for one in found if first <= one.at <= last][-params.limit(500, 1000) :]

    def _trades(self, caller: Caller) -> list[Any]:
        params = caller.params
        symbol = self._desk.listed(params.need("symbol")).symbol
        rows = [
            _trade(order, part)
            for order in self._desk.orders(caller.known.name, symbol)
            for part in order.fills
            if "orderId" not in params or order.id == params.whole("orderId", 0)
        ]
        first, last = params.whole("startTime", 0), params.whole("endTime", 2**62)
        rows = [row for row in sorted(rows, key=lambda row: row["id"]) if first <= row["time"] <= last]
        if "fromId" in params:
            return [row for row in rows if row["id"] >= params.whole("fromId", 0)][: params.limit(500, 1000)]
        return rows[-params.limit(500, 1000) :]

    def _used(self, caller: Caller) -> list[Any]:
        return [used.row("ORDERS") for used in self._guard.order(caller.known.name, 0)]


def _open_weight(params: dict[str, str]) -> int:
    return 6 if "symbol" in params else 80


def _state(order: Order) -> dict[str, Any]:
    wish_ = order.wish
    return {
        "price": eight(wish_.price),
        "origQty": eight(order.quantity),
        "executedQty": eight(order.filled),
        "origQuoteOrderQty": eight(wish_.quote_quantity),
        "cummulativeQuoteQty": eight(order.quote),
        "status": order.status,
        "timeInForce": wish_.tif,
        "type": wish_.type,
        "side": wish_.side,
    }


def order_row(order: Order) -> dict[str, Any]:
    """Return a row of ``openOrders`` and ``allOrders``."""
    names = {"symbol": order.wish.symbol, "orderId": order.id, "orderListId": -1, "clientOrderId": order.client_id}
    times = {"time": order.at, "updateTime": order.changed_at, "isWorking": True, "workingTime": order.at}
    stops = {"stopPrice": eight(Decimal(0)), "icebergQty": eight(Decimal(0))}
    return {**names, **_state(order), **stops, **times, "selfTradePreventionMode": "EXPIRE_MAKER"}


def _cancelled_row(order: Order) -> dict[str, Any]:
    names = {"symbol": order.wish.symbol, "origClientOrderId": order.client_id, "orderId": order.id}
    more = {"orderListId": -1, "clientOrderId": order.cancelled_by, "transactTime": order.changed_at}
    return {**names, **more, **_state(order), "selfTradePreventionMode": "EXPIRE_MAKER"}


def _fill(part: Filled) -> dict[str, Any]:
    fee = {"commission": eight(part.fee), "commissionAsset": part.fee_asset}
    return {"price": eight(part.price), "qty": eight(part.size), **fee, "tradeId": part.id}


def _trade(order: Order, part: Filled) -> dict[str, Any]:
    head = {"symbol": order.wish.symbol, "id": part.id, "orderId": order.id, "orderListId": -1}
    money = {"price": eight(part.price), "qty": eight(part.size), "quoteQty": eight(part.price * part.size)}
    fee = {"commission": eight(part.fee), "commissionAsset": part.fee_asset}
    flags = {"isBuyer": order.wish.is_buy, "isMaker": part.is_maker, "isBestMatch": True}
    return {**head, **money, **fee, "time": part.at, **flags}
