"""
How each of the venue's own words is carried out.

Whatever a scenario says of accounts, orders and symbols that do not exist is the
venue's failure: it ends with it.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway_binance.venue.events import Event
from gateway_binance.venue.exchange import BinanceExchange
from gateway_binance.venue.generated import payloads
from gateway_binance.venue.generated.market import forced
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private import updates
from gateway_binance.venue.private.desk import Desk
from gateway_binance.venue.private.futures_desk import FuturesDesk
from gateway_binance.venue.private.orders import Order, Wish

Values = Mapping[str, Any]


def _desk(venue: BinanceExchange, values: Values) -> Desk:
    return venue.floors[values["market"]].desk


def _futures(venue: BinanceExchange, values: Values) -> FuturesDesk:
    desk = _desk(venue, values)
    if not isinstance(desk, FuturesDesk):
        raise ValueError("spot has neither funding nor margin calls")  # noqa: TRY004  # what the file says is wrong
    return desk


def _order(venue: BinanceExchange, values: Values) -> tuple[Desk, Order]:
    desk = _desk(venue, values)
    for order in reversed(desk.orders(values["account"])):
        if order.client_id == values["id"]:
            return desk, order
    raise ValueError(f"{values['account']} has no order {values['id']}")


def place(venue: BinanceExchange, values: Values) -> None:
    """Place an order."""
    names = ("symbol", "side", "quantity", "price", "tif")
    kind = values["type"] or ("LIMIT" if values["price"] else "MARKET")
    wish = Wish(**{name: values[name] for name in names}, type=kind, client_id=values["id"])
    _desk(venue, values).place(venue.accounts.named(values["account"]), wish)


def fill(venue: BinanceExchange, values: Values) -> None:
    """Fill an order, or a part of it."""
    desk, order = _order(venue, values)
    desk.fill(order, values["quantity"] or order.left, values["price"] or order.wish.price)


def cancel(venue: BinanceExchange, values: Values) -> None:
    """Cancel an order, as its account would."""
    desk, order = _order(venue, values)
    order.cancelled_by = desk.name()
    desk.end(order, "CANCELED")


def expire(venue: BinanceExchange, values: Values) -> None:
    """Let an order expire."""
    desk, order = _order(venue, values)
    desk.end(order, "EXPIRED")


def transfer(venue: BinanceExchange, values: Values) -> None:
    """Move money."""
    account = venue.accounts.named(values["account"]).name
    _desk(venue, values).transfer(account, values["asset"], values["amount"])


def fund(venue: BinanceExchange, values: Values) -> None:
    """Charge funding."""
    _futures(venue, values).fund(values["account"], values["symbol"], values["rate"])


def call_margin(venue: BinanceExchange, values: Values) -> None:
    """Send a margin call for a position."""
    desk, account, symbol = _futures(venue, values), values["account"], values["symbol"]
    one, held = desk.listed(symbol), desk.positions[account][symbol]
    mark = desk.mark(symbol)
    row = {"s": symbol, "ps": "BOTH", "pa": updates.plain(held.amount), "mt": "CROSSED", "iw": "0"}
    end = {"mp": updates.plain(mark), "up": updates.plain(held.unrealized(one, mark)), "mm": "0"}
    wallet = desk.wallets[account][one.margin]
    desk.tell(account, updates.margin_call(one.market, [{**row, **end}], wallet, desk.now()))


def liquidate(venue: BinanceExchange, values: Values) -> None:
    """Tell the market of a position that was closed by force."""
    market, size = values["market"], values["quantity"]
    source = venue.sources[market]
    one, quote = source.listed[values["symbol"]], source.quote(values["symbol"])
    price = "0" if quote is None else quote.bid if values["side"] == "SELL" else quote.ask
    report = payloads.liquidation(one, values["side"], price, f"{size or one.step:f}", venue.now_ms())
    venue.announce(market, forced(one, report))


def set_status(venue: BinanceExchange, values: Values) -> None:
    """Change the status of a symbol, or list it; futures tell of it."""
    market = values["market"]
    one = venue.sources[market].relist(values["symbol"], values["status"])
    if market.is_futures:
        told = orjson.dumps(payloads.contract(one, venue.now_ms()))
        venue.announce(market, Event(0.0, "!contractInfo", told, ("!contractInfo",)))


def delist(venue: BinanceExchange, values: Values) -> None:
    """Forget a symbol."""
    venue.sources[values["market"]].delist(values["symbol"])


def revoke(venue: BinanceExchange, values: Values) -> None:
    """Revoke a key."""
    venue.accounts.revoke(values["account"])


def expire_keys(venue: BinanceExchange, values: Values) -> None:
    """Let the listenKeys of an account expire."""
    venue.endings.expire(values["account"])


def end_subscriptions(venue: BinanceExchange, values: Values) -> None:
    """End what an account is sent over WS-API."""
    venue.end_subscriptions(values["account"])


def ban(venue: BinanceExchange, values: Values) -> None:
    """Ban this address."""
    venue.guards[Market(values["market"])].ban(values["seconds"])


def shift_clock(venue: BinanceExchange, values: Values) -> None:
    """Shift the exchange's clock."""
    venue.clock.shift = values["seconds"]
