"""The mock exchange with limits that are soon reached, and its venue, which counts what is asked of it."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from invariants import Broken

from gateway import spi
from gateway.testing.sockets import VenueSocket
from gateway_mock.plugin import INFO, MockDialect, MockExchange
from gateway_mock.venue import MockVenue

LIMITS: Final = {"mock-messages": 3, "mock-dials": 40, "mock-weight": 40}
WEIGHTS: Final = {"/symbols": 10, "/time": 1, "/trades": 5}
KEY, SECRET = "mock-key", "Vz81kQ/+w7Yt0e"
ROUNDING: Final = 1e-6
"""Seconds; two clocks that add differently must not differ."""
REMEMBERED: Final = 300
"""States of a book."""


class Limited(MockExchange):
    """The mock exchange, of which little may be asked, and that one stream at a time."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        return replace(INFO, limits=tuple(replace(one, count=LIMITS[one.name]) for one in INFO.limits))

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        """
        Log in as the mock exchange does, with a number that grows from one login to the next.

        And with an id: an answer without one that comes twice could be one to what is asked for next.
        """
        steps: Any = super().gateway_handshake(target)
        answer = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                return end.value
            if isinstance(step, spi.Send):
                asked = msgspec.json.decode(step.frame) | {"id": 0, "nonce": target.nonce()}
                step = replace(step, frame=msgspec.json.encode(asked).decode())
            answer = yield step

    @spi.hookimpl
    def gateway_dialect(self, instruments: spi.Instruments) -> "OneByOne":
        return OneByOne(instruments)


class OneByOne(MockDialect):
    """Asks for each stream by itself."""

    def _requests(self, op: Any, streams: Sequence[str]) -> Sequence[spi.Request]:
        return [self._request(op, (one,)) for one in streams]


class Counter:
    """How much was used within any window of so many seconds."""

    def __init__(self, most: int, per: float) -> None:
        self._most, self._per = most, per
        self._used: deque[tuple[float, int]] = deque()
        self._total = 0

    def use(self, at: float, units: int = 1) -> bool:
        """Return whether that is still allowed."""
        self._used.append((at, units))
        self._total += units
        while self._used[0][0] <= at - self._per + ROUNDING:
            self._total -= self._used.popleft()[1]
        return self._total <= self._most


class Venue(MockVenue):
    """
    Remembers how its books were, and notes whoever asks for too much or too early.

    Args:
        now: virtual seconds.
        broken: what is told.
        seed: of the data.
    """

    def __init__(self, now: Callable[[], float], broken: Broken, seed: int) -> None:
        super().__init__(now=lambda: round(now() * 1e6), seed=seed, accounts={KEY: SECRET})
        self.shut = False
        """Whether nobody listens."""
        self.answered_at: dict[int, dict[str, float]] = {}
        """When each stream was answered for, by socket; answers that are lost count from when they were due."""
        self.strays: set[int] = set()
        """Sockets that got another's answer, or a bent one: nobody can tell such from the right ones."""
        self.unanswered_until = 0.0
        """When the last of them is due."""
        self._newest: dict[str, int] = {}
        self.books: dict[str, dict[int, tuple[dict[str, str], dict[str, str]]]] = {}
        self._seconds = now
        self._broken = broken
        self._weight = Counter(LIMITS["mock-weight"], 60.0)
        self._dialled = Counter(LIMITS["mock-dials"], 60.0)
        for market in self.markets.values():
            self._remember(market)

    def say(self) -> None:
        """Say a little of everything, whoever listens; numbers go on while nobody does."""
        for market in self.markets.values():
            self.emit_trade(market.native)
        self.emit_quote("btc_usdt")
        self.emit_book("eth_usdt")

    def emit_book(self, symbol: str) -> None:
        market = self._market(symbol)
        update = market.book_update()
        self._remember(market)
        self._emit(f"book.{market.native}", update)

    def _remember(self, market: Any) -> None:
        states = self.books.setdefault(market.symbol, {})
        states[market._last] = dict(market._bids), dict(market._asks)
        states.pop(market._last - REMEMBERED, None)

    def dialled(self) -> None:
        """Count a dial."""
        if not self._dialled.use(self._seconds()):
            self._broken.add("dials", self._seconds(), "more dials within a minute than may be")

    def opened(self, socket: VenueSocket) -> None:
        if self._shared.astray:
            self.strays.add(socket.id)
        super().opened(socket)

    def received(self, socket: VenueSocket, payload: bytes, binary: bool) -> None:
        at = self._seconds()
        asked = msgspec.json.decode(payload)
        if asked["op"] == "login":
            self._logging_in(asked["key"], asked["nonce"])
        elif socket.path == "/private" and socket.account is None:
            self._broken.add("login", at, f"socket {socket.id} was asked before its login: {payload.decode()}")
        bent = self.faults.bend_acks.struck
        super().received(socket, payload, binary)
        if self.faults.bend_acks.struck > bent:
            self.strays.add(socket.id)
        self._answering(socket, asked, at + self.faults.ack_delay)

    def _logging_in(self, key: str, nonce: int) -> None:
        last = self._newest.get(key, 0)
        if nonce <= last:
            self._broken.add("nonces", self._seconds(), f"{nonce} follows {last}")
        self._newest[key] = nonce

    def _answering(self, socket: VenueSocket, asked: dict[str, Any], at: float) -> None:
        answered = self.answered_at.setdefault(socket.id, {})
        self.unanswered_until = max(self.unanswered_until, at)
        for stream in asked.get("streams", ()):
            if asked["op"] == "unsubscribe":
                answered.pop(stream, None)
            elif stream in socket.streams:
                answered.setdefault(stream, at)

    @property
    def refuses(self) -> bool:
        return self.shut

    def requested(self, path: str) -> None:
        """Count a request."""
        if not self._weight.use(self._seconds(), WEIGHTS[path]):
            self._broken.add("weight", self._seconds(), "more weight within a minute than may be")
