"""How what accounts were given ends: listenKeys, subscriptions, keys; and who is told of it."""

from collections.abc import Callable, Iterable, Iterator

from gateway_binance.venue.delivery import Delivery
from gateway_binance.venue.private import updates
from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.private.keys import Keys, ListenKey
from gateway_binance.venue.private.sessions import Session, Subscription
from gateway_binance.venue.sockets import BinanceSocket
from gateway_binance.venue.wall import Wall
from gateway_binance.venue.wsapi import WsApi


class Endings:
    """
    The endings at one venue.

    Args:
        clients: the connections that are open.
        api_of: what a connection to WS-API talks to.
        keys: the listenKeys and tokens that there are.
        delivery: tells connections.
        clock: the exchange's.
    """

    def __init__(
        self,
        clients: Callable[[], Iterable[BinanceSocket]],
        api_of: Callable[[BinanceSocket], WsApi | None],
        keys: Keys,
        delivery: Delivery,
        clock: Wall,
    ) -> None:
        self._clients = clients
        self._api_of = api_of
        self._keys = keys
        self._delivery = delivery
        self._clock = clock

    def housekeep(self) -> None:
        """Let what is over be over: listenKeys, and what tokens opened."""
        for key in self._keys.expired():
            self.key_expired(key)
        for socket, session in self._sessions():
            self.tell(socket, session.lapsed(self._clock()))

    def tell(self, socket: BinanceSocket, ended: Iterable[Subscription]) -> None:
        """Tell a connection that accounts' events are over."""
        self._delivery.ended(socket, ended, self._clock.milliseconds())

    def key_expired(self, key: ListenKey) -> None:
        """Tell whoever uses a listenKey that it is over; the connection stays, and says nothing any more."""
        for socket in self._users(key):
            self._delivery.told(socket, key.text, updates.expired(key.text, self._clock.milliseconds()))
            socket.streams.pop(key.text, None)

    def key_gone(self, key: ListenKey) -> None:
        """Close the stream of everybody who uses a listenKey that was deleted."""
        for socket in self._users(key):
            socket.close(1000)

    def expire(self, account: str) -> None:
        """Let the listenKeys of an account expire now."""
        for key in self._keys.expire(account):
            self.key_expired(key)

    def end_subscriptions(self, account: str) -> None:
        """End what ``account`` is sent over WS-API, and say so."""
        for socket, session in self._sessions():
            self.tell(socket, session.end(account))

    def revoked(self, account: Account) -> None:
        """End whatever an account's API key opened: WS-API tells whoever is logged on, listenKeys fall silent."""
        for socket in self._clients():
            api = self._api_of(socket)
            if api is not None:
                api.revoked(socket, account)
        for key in self._keys.expire(account.name):
            for socket in self._users(key):
                socket.streams.pop(key.text, None)

    def _users(self, key: ListenKey) -> Iterator[BinanceSocket]:
        for socket in self._clients():
            if socket.door.market is key.market and key.text in socket.streams:
                yield socket

    def _sessions(self) -> Iterator[tuple[BinanceSocket, Session]]:
        for socket in self._clients():
            api = self._api_of(socket)
            if api is not None and socket.id in api.sessions:
                yield socket, api.sessions[socket.id]
