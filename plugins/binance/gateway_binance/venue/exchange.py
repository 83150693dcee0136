"""
The whole exchange: its markets, its doors and its accounts, put together.

It does not know where a market's data come from, only that something publishes them.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from random import Random
from typing import ClassVar, Final, Literal

import orjson
from aiohttp import web

from gateway.testing.listener import Answer
from gateway.testing.sockets import VenueSocket
from gateway.testing.venue import Venue
from gateway_binance.declared.coinm import COINM
from gateway_binance.declared.spot import SPOT
from gateway_binance.declared.usdm import USDM
from gateway_binance.venue import rest
from gateway_binance.venue.calls.gate import Gate
from gateway_binance.venue.calls.guard import Guard
from gateway_binance.venue.control import Control
from gateway_binance.venue.delivery import Delivery
from gateway_binance.venue.events import Event
from gateway_binance.venue.floor import Floor
from gateway_binance.venue.hosts import ROUTES, Market, endpoints, way
from gateway_binance.venue.private.accounts import Accounts
from gateway_binance.venue.private.endings import Endings
from gateway_binance.venue.private.keys import Keys, ListenKey
from gateway_binance.venue.private.logons import Logons
from gateway_binance.venue.private.sessions import Session
from gateway_binance.venue.settings import Settings
from gateway_binance.venue.sockets import POLICY, BinanceSocket
from gateway_binance.venue.source import Source
from gateway_binance.venue.streams import kind_of, symbol_of
from gateway_binance.venue.wall import Wall
from gateway_binance.venue.wishes import Wishes
from gateway_binance.venue.wsapi import WsApi

CONNECTING: Final[Mapping[Market, int]] = {Market.SPOT: 2, Market.USDM: 5, Market.COINM: 5}
"""What a connection to WS-API weighs: web-socket-api.md, 2026-07-21, and USD-M's general information."""
INFOS: Final = {Market.SPOT: SPOT.info, Market.USDM: USDM.info, Market.COINM: COINM.info}


class BinanceExchange(Venue):
    """
    Three markets behind one port. Event-loop only.

    Args:
        sources: where each market's data come from.
        settings: what a test wants otherwise.
        host: a loopback address.
        port: 0 chooses a free one.
        rate: ticks per second; :obj:`None` leaves ticking to the caller.
    """

    endpoints: ClassVar[Mapping[str, tuple[str, str]]] = endpoints(SPOT.info, named=False)
    socket_paths: ClassVar[tuple[str, ...]] = ROUTES

    def __init__(
        self,
        sources: Iterable[Source],
        settings: Settings,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        rate: float | None = None,
    ) -> None:
        super().__init__(host=host, port=port, seed=settings.seed, rate=rate)
        self.settings = settings
        self.clock = Wall(settings.now)
        self.now_ms = self.clock.milliseconds
        self.sources = {source.market: source for source in sources}
        self.accounts = Accounts(settings.accounts)
        own = Random(f"{settings.seed}:keys")  # noqa: S311  # the same seed, the same keys
        self.keys = Keys(own, self.clock, settings.key_life)
        self.delivery = Delivery(
            self.clients, self._session, self.keys, self.faults, needs_events=settings.needs_events
        )
        self.endings = Endings(self.clients, self._api_of, self.keys, self.delivery, self.clock)
        self.accounts.on_revoked(self.endings.revoked)
        self.wishes = Wishes(self.subscribe)
        self._control = Control(self.wishes)
        futures = Guard(settings.futures_pool, self.clock)
        self.guards = {
            Market.SPOT: Guard(settings.spot_pool, self.clock),
            Market.USDM: futures,
            Market.COINM: futures,
        }
        self.floors = {market: self._floor(source) for market, source in self.sources.items()}
        self._gate = Gate(self.accounts, self.now_ms)
        self._apis = {market: self._api(floor) for market, floor in self.floors.items()}

    def addresses_of(self, market: Market) -> Mapping[str, str]:
        """Return the base URL of each endpoint that the plugin of ``market`` has; spot's are :attr:`addresses`."""
        places = endpoints(INFOS[market], named=True)
        return {name: f"{scheme}://{self._listener.place}{path}" for name, (scheme, path) in places.items()}

    def clients(self) -> Iterator[BinanceSocket]:
        """Yield the connections that are open."""
        for socket in tuple(self.sockets.values()):
            assert isinstance(socket, BinanceSocket)
            yield socket

    # --- markets

    def _floor(self, source: Source) -> Floor:
        guard, seed = self.guards[source.market], self.settings.seed
        tell, gone = self.delivery.tell, self.endings.key_gone
        return Floor(source, guard, self.accounts, self.keys, tell, gone, self.now_ms, seed)

    def _api(self, floor: Floor) -> WsApi:
        market = floor.source.market
        logons = Logons(
            self._gate,
            self.keys,
            self.now_ms,
            self.faults,
            self.endings.tell,
            streams=not market.is_futures,
        )
        return WsApi(floor.calls(), logons.calls(), self._gate, floor.guard, self.now_ms)

    def announce(self, market: Market, event: Event) -> int:
        """Send a market's event, and let the orders that it trades through be filled; returns to how many."""
        sent = self.delivery.publish(market, event)
        self.counts.published += sent
        symbol, desk = symbol_of(event.stream), self.floors[market].desk
        if kind_of(event.stream) in {"trade", "aggTrade"} and desk.waiting(symbol):
            history = self.sources[market].history(symbol)
            # A trade may be told twice, by itself and in an aggregate; some recordings have aggregates alone.
            if history.last is not None and (event.stream.endswith("@trade") or not history.has_trades):
                desk.traded(symbol, history.last)
        return sent

    def housekeep(self) -> None:
        """Let what is over be over; whoever lets time pass calls it now and then."""
        self.endings.housekeep()

    def key_expired(self, key: ListenKey) -> None:
        """Tell whoever uses a listenKey that it is over."""
        self.endings.key_expired(key)

    def end_subscriptions(self, account: str) -> None:
        """End what ``account`` is sent over WS-API, and say so."""
        self.endings.end_subscriptions(account)

    def _api_of(self, socket: BinanceSocket) -> WsApi | None:
        return self._apis[socket.door.market] if socket.door.api else None

    def _session(self, socket: BinanceSocket) -> Session | None:
        api = self._api_of(socket)
        return api.sessions.get(socket.id) if api else None

    # --- sockets

    async def _serve(self, request: web.Request, ws: "web.WebSocketResponse[Literal[False]]") -> None:
        self.counts.upgrades += 1
        path = way(request.path)
        rules = self.settings.sockets[path.door.market]
        socket = BinanceSocket(self.counts.upgrades, request, ws, self._shared, path, rules)
        self.sockets[socket.id] = socket
        guard = self.guards[path.door.market]
        try:
            self.opened(socket)
            self._watch.changed()
            if not guard.dial():
                socket.close(POLICY, "Too many connections")
            await socket.serve(partial(self.received, socket))
        except Exception as exc:  # noqa: BLE001  # raised again by whoever waits for the venue
            self._failed(exc)
        finally:
            if socket.offended:
                guard.offend()
            self._apis[socket.door.market].gone(socket)
            del self.sockets[socket.id]
            self.closed.append(socket)
            self._watch.changed()

    def opened(self, socket: VenueSocket) -> None:
        """Take what the address asks for."""
        assert isinstance(socket, BinanceSocket)
        if socket.door.api:
            self._apis[socket.door.market].opened(socket, CONNECTING[socket.door.market])
        else:
            self.wishes.read(socket)

    def received(self, socket: VenueSocket, payload: bytes, binary: bool) -> None:  # noqa: ARG002  # text is all that it speaks
        """Answer a client's request."""
        assert isinstance(socket, BinanceSocket)
        if socket.door.api:
            socket.answer(self._apis[socket.door.market].answer(socket, payload))
        else:
            socket.answer(self._control.answer(socket, payload))

    def announce_closing(self, deadline: float) -> None:  # noqa: ARG002  # no lead time is promised any more
        """Tell spot's clients that the server shuts down; nothing of the kind is documented of futures."""
        notice = {"e": "serverShutdown", "E": self.now_ms()}
        for socket in self.clients():
            if socket.door.market.is_futures:
                continue
            if socket.door.api:
                socket.text(orjson.dumps({"event": notice}))
            else:
                socket.datum("!serverShutdown", orjson.dumps(notice))

    def answers(self) -> Mapping[str, Answer]:
        """Return the REST routes."""
        floors = self.floors.values()
        return rest.answers(rest.Counter(floor.calls(), self._gate, floor.guard, self.clock) for floor in floors)
