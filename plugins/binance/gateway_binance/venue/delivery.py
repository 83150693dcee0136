"""Who is told what: a market's events to those who want them, an account's to those who may see them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from gateway.testing.faults import Faults
from gateway.testing.order import Datum, Order
from gateway_binance.venue import micros
from gateway_binance.venue.events import Event
from gateway_binance.venue.hosts import Category, Market
from gateway_binance.venue.private.keys import Keys
from gateway_binance.venue.private.sessions import Session, Subscription
from gateway_binance.venue.sockets import BinanceSocket
from gateway_binance.venue.streams import is_shared, speaks

Sockets = Callable[[], Iterable[BinanceSocket]]
Sessions = Callable[[BinanceSocket], Session | None]


class Delivery:
    """
    Sends events to the clients of one venue.

    Args:
        sockets: those that are open.
        sessions: what a WS-API connection has to do with accounts.
        keys: whose listenKey is whose.
        faults: what is lost, repeated, and so on.
        needs_events: whether USD-M's private connections say nothing unless their address names events.
    """

    def __init__(
        self, sockets: Sockets, sessions: Sessions, keys: Keys, faults: Faults, *, needs_events: bool
    ) -> None:
        self.sent: Counter[str] = Counter()
        """Data that were sent, by the name that they were asked for."""
        self._sockets = sockets
        self._sessions = sessions
        self._keys = keys
        self._faults = faults
        self._orders: Mapping[Market, Order] = {market: Order(faults) for market in Market}
        self._needs_events = needs_events

    # --- public

    def wanted(self, market: Market) -> set[str]:
        """Return the streams of ``market`` that somebody gets, by the other futures market's host too."""
        wanted = set(self._faults.unasked_streams)
        for socket in self._sockets():
            if not socket.door.api and _hears(socket, market):
                own = socket.door.market is market
                wanted |= {name for name in socket.streams if own or is_shared(name)}
        return wanted

    def publish(self, market: Market, event: Event) -> int:
        """Send an event to everybody who wants it; return to how many."""
        sent = 0
        # The recorded name is what faults know it by; the bytes may be an older datum's by then.
        for datum in self._orders[market].instead_of(event.stream, Datum(event.data, None)):
            changed: list[bytes] = []
            for socket in self._sockets():
                for name in event.names if not socket.door.api and _hears(socket, market) else ():
                    if self._gets(socket, market, name):
                        sent += self._send(socket, name, datum.payload, changed)
        return sent

    def _gets(self, socket: BinanceSocket, market: Market, name: str) -> bool:
        if name not in socket.streams and name not in self._faults.unasked_streams:
            return False
        own = socket.door.market is market
        return (own or is_shared(name)) and speaks(name, socket.door.category)

    def _send(self, socket: BinanceSocket, name: str, data: bytes, changed: list[bytes]) -> bool:
        if socket.in_micros:
            if not changed:
                changed.append(micros.datum(data))
            data = changed[0]
        done = socket.datum(name, data)
        self.sent[name] += done
        return done

    # --- private

    def tell(self, market: Market, account: str, event: dict[str, Any]) -> None:
        """Send an event to whoever may see those of ``account``; faults know it by its kind."""
        for datum in self._orders[market].instead_of(event["e"], Datum(orjson.dumps(event), account)):
            payload = orjson.loads(datum.payload)
            for socket in tuple(self._sockets()):
                if market.is_futures:
                    self._tell_futures(socket, market, account, payload)
                elif socket.door.api and not socket.door.market.is_futures:
                    self._tell_spot(socket, account, payload)

    def ended(self, socket: BinanceSocket, subscriptions: Iterable[Subscription], at: int) -> None:
        """Tell a WS-API connection that accounts' events are over."""
        for one in subscriptions:
            event = {"e": "eventStreamTerminated", "E": at}
            socket.text(orjson.dumps({"subscriptionId": one.number, "event": event}))

    def _tell_spot(self, socket: BinanceSocket, account: str, event: dict[str, Any]) -> None:
        session = self._sessions(socket)
        for one in session.subscriptions.values() if session else ():
            if one.account == account:
                told = micros.event(event) if socket.in_micros else event
                socket.publish(orjson.dumps({"subscriptionId": one.number, "event": told}))
                self.sent[event["e"]] += 1

    def _tell_futures(self, socket: BinanceSocket, market: Market, account: str, event: dict[str, Any]) -> None:
        key = self._keys.of_account(account, market)
        if key is not None and socket.door.market is market and key.text in socket.streams:
            self.told(socket, key.text, event)

    def told(self, socket: BinanceSocket, key: str, event: dict[str, Any]) -> None:
        """Send an event of a listenKey to a connection that has it, unless its address names others only."""
        if socket.door.market is Market.USDM:
            wanted = socket.events.get(key)
            if socket.door.category is not Category.PRIVATE or (wanted is None and self._needs_events):
                return
            if wanted is not None and event["e"] not in wanted:
                return
        if socket.datum(key, orjson.dumps(event)):
            self.sent[event["e"]] += 1


def _hears(socket: BinanceSocket, market: Market) -> bool:
    """Say whether a socket may get anything of ``market``: both futures markets share some of their streams."""
    return socket.door.market is market or (socket.door.market.is_futures and market.is_futures)
