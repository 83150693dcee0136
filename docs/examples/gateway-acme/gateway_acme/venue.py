"""
A simulated Acme on loopback, to test the plugin against.

Only this module may import ``gateway.testing``, whose engine does the sockets,
the subscriptions and the faults; here stands what Acme says.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec
from aiohttp import web

from gateway.testing.listener import Answer
from gateway.testing.simulation import Simulator
from gateway.testing.sockets import VenueSocket
from gateway.testing.venue import Venue

PATIENCE: Final = 30
"""Seconds of silence after which Acme drops a client, as its greeting tells."""
MARKETS: Final[Mapping[str, Decimal]] = {"btceur": Decimal("60000.10"), "etheur": Decimal("3000.00")}
TICK: Final = Decimal("0.10")

_json: Final = msgspec.json.Encoder(decimal_format="number").encode
"""Writes prices as numbers and keeps their zeros, as the exchange does."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class AcmeVenue(Venue):
    """
    Two markets that walk at random. Event-loop only.

    Args:
        now_ms: milliseconds since 1970.
        more: what every venue takes: host, port, seed, rate, outbox.
    """

    endpoints: ClassVar[Mapping[str, tuple[str, str]]] = {"feed": ("ws", ""), "rest": ("http", "")}
    socket_paths: ClassVar[Sequence[str]] = ("/eu", "/us")

    def __init__(self, *, now_ms: Callable[[], int] = _now_ms, **more: Any) -> None:
        super().__init__(**more)
        self._now_ms = now_ms
        self._prices = dict(MARKETS)

    def tick(self) -> None:
        """Send one datum for each stream that somebody wants."""
        for stream in sorted(self.wanted()):
            self.emit(stream)

    def emit(self, stream: str) -> None:
        """Send the next datum of ``stream``."""
        kind, _, market = stream.partition("/")
        price = self._prices[market] = max(TICK, self._prices[market] + TICK * self.random.randint(-3, 3))
        number, at = self.sequence(stream), self._now_ms()
        body = self._trade(price, number, at) if kind == "trade" else self._quote(price, number)
        self.publish(stream, _json({"stream": stream, "at": at, **body}))

    def _trade(self, price: Decimal, number: int, at: int) -> dict[str, Any]:
        taker = self.random.choice("BS")
        return {"trades": [{"no": number, "price": price, "amount": self._amount(), "taker": taker, "ms": at}]}

    def _quote(self, price: Decimal, number: int) -> dict[str, Any]:
        bid, ask = (price - TICK, self._amount()), (price + TICK, self._amount())
        return {"quote": {"no": number, "bid": bid, "ask": ask}}

    def _amount(self) -> Decimal:
        return Decimal(self.random.randint(1, 9_999)).scaleb(-3)

    # --- sockets

    def opened(self, socket: VenueSocket) -> None:
        """Greet."""
        socket.text(_json({"event": "welcome", "protocol": 3, "patience": PATIENCE}))

    def received(self, socket: VenueSocket, payload: bytes, binary: bool) -> None:  # noqa: ARG002  # text is all that it speaks
        """Answer pings and requests; nonsense is not answered at all."""
        if payload == b"ping":
            socket.answer(b"pong")
            return
        try:
            asked = json.loads(payload)
        except (ValueError, RecursionError):
            return
        match asked:
            case {"do": "subscribe", "stream": str(stream)}:
                self._subscribe(socket, stream)
            case {"do": "unsubscribe", "stream": str(stream)}:
                socket.streams.pop(stream, None)
                socket.answer(_done("unsubscribe", stream))

    def _subscribe(self, socket: VenueSocket, stream: str) -> None:
        kind, _, market = stream.partition("/")
        known = kind in {"trade", "quote"} and market in MARKETS
        grant = self.subscribe(socket, [stream] if known else [])
        if grant.accepted:
            socket.answer(_done("subscribe", stream))
        else:
            why = grant.refusal or "no such stream"
            socket.answer(_json({"event": "refused", "do": "subscribe", "of": stream, "why": why}))

    # --- REST

    def answers(self) -> Mapping[str, Answer]:
        """Tell the markets."""
        return {"GET /markets": lambda _request, _body: web.Response(body=_markets())}


def _done(op: str, stream: str) -> bytes:
    return _json({"event": "done", "do": op, "of": stream})


def _markets() -> bytes:
    return _json(
        [
            {"market": name, "base": name[:3], "counter": name[3:], "state": "open", "tick": TICK}
            for name in MARKETS
        ]
    )


venue = Simulator(
    "acme",
    "The Acme exchange: two markets that walk at random.",
    lambda parsed: AcmeVenue(host=parsed.host, port=parsed.port, seed=parsed.seed, rate=parsed.rate),
    lambda _parser: None,
)
