"""The mock exchange's venue: what the plugin talks to in tests and demonstrations, on loopback."""

import argparse
import asyncio
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

import msgspec
from aiohttp import web

from gateway.testing.listener import Answer, reply
from gateway.testing.simulation import Simulator
from gateway.testing.sockets import VenueSocket
from gateway.testing.venue import OUTBOX, Venue
from gateway_mock.market import Market, markets

ACCOUNTS: Final[Mapping[str, str]] = {"mock-key": "mock-secret"}
"""The accounts that exist unless others are given: API key to secret."""
MOST_SYMBOLS: Final = 10_000
_PRIVATE: Final = ("orders", "balances")
_PUBLIC: Final = ("trades", "quotes", "book", "ticker")
_WINDOW: Final = 60.0


class Asked(msgspec.Struct):
    """A client's message."""

    op: str
    id: int | None = None
    streams: tuple[str, ...] = ()
    key: str = ""
    signature: str = ""


def _now() -> int:
    return time.time_ns() // 1000


class MockVenue(Venue):
    """
    A whole mock exchange. Event-loop only.

    Args:
        symbols: how many there are besides BTC-USDT, ETH-USDT and SOL-USDT.
        accounts: API key to secret of everybody who may log in.
        now: microseconds since 1970.
        host: a loopback address.
        port: 0 chooses a free one.
        seed: the same seed gives the same data.
        rate: ticks per second; :obj:`None` leaves ticking to the caller.
        outbox: frames that may wait for one client before it is dropped.
    """

    endpoints: ClassVar[Mapping[str, tuple[str, str]]] = {
        "stream": ("ws", ""),
        "private": ("ws", "/private"),
        "rest": ("http", ""),
    }
    socket_paths: ClassVar[Sequence[str]] = ("/", "/private")

    def __init__(  # noqa: PLR0913  # every one has a default
        self,
        *,
        symbols: int = 0,
        accounts: Mapping[str, str] = ACCOUNTS,
        now: Callable[[], int] = _now,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
        rate: float | None = None,
        outbox: int = OUTBOX,
    ) -> None:
        super().__init__(host=host, port=port, seed=seed, rate=rate, outbox=outbox)
        made = markets(symbols, self.random, now, self.sequence)
        self.markets: Mapping[str, Market] = {market.native: market for market in made}
        self._accounts = accounts
        self._now = now
        self._nonces: dict[int, str] = {}
        self._weights: deque[tuple[float, int]] = deque()

    # --- data

    def emit_trade(self, symbol: str, **given: str) -> dict[str, Any]:
        """Trade ``symbol`` (either spelling), ``price``, ``size`` and ``side`` as given; returns the trade."""
        market = self._market(symbol)
        trade = market.trade(**given)
        self._emit(f"trades.{market.native}", trade)
        return trade

    def emit_quote(self, symbol: str) -> None:
        """Send the next quote of ``symbol``."""
        market = self._market(symbol)
        self._emit(f"quotes.{market.native}", market.quote())

    def emit_book(self, symbol: str) -> None:
        """Change the book of ``symbol``."""
        market = self._market(symbol)
        self._emit(f"book.{market.native}", market.book_update())

    def emit_ticker(self, symbol: str) -> None:
        """Send the statistics of ``symbol``."""
        market = self._market(symbol)
        self._emit(f"ticker.{market.native}", market.ticker())

    def emit_order(self, order: Mapping[str, Any], *, key: str = "mock-key") -> None:
        """Tell the account with API key ``key`` of an order; symbols are the exchange's own."""
        self._emit("orders", {"ts": self._now(), **order}, account=key)

    def emit_balance(self, balance: Mapping[str, Any], *, key: str = "mock-key") -> None:
        """Tell the account with API key ``key`` what it holds."""
        self._emit("balances", {"ts": self._now(), **balance}, account=key)

    def tick(self) -> None:
        """Send one datum for each market stream that somebody wants, in the order of their names."""
        emitters: Mapping[str, Callable[[str], object]] = {
            "trades": self.emit_trade,
            "quotes": self.emit_quote,
            "book": self.emit_book,
            "ticker": self.emit_ticker,
        }
        for stream in sorted(self.wanted()):
            channel, _, symbol = stream.partition(".")
            if channel in emitters:
                emitters[channel](symbol)

    def announce_closing(self, deadline: float) -> None:
        """Tell everybody that their connections close in ``deadline`` seconds; they stay open."""
        for socket in self.sockets.values():
            socket.text(_json({"op": "closing", "deadline": deadline}))

    def end_stream(self, stream: str, reason: str) -> None:
        """End ``stream`` for everybody."""
        for socket in self.sockets.values():
            if socket.streams.pop(stream, None) is not None:
                socket.text(_json({"op": "ended", "stream": stream, "reason": reason}))

    def _market(self, symbol: str) -> Market:
        return self.markets[symbol.lower().replace("-", "_")]

    def _emit(self, stream: str, datum: Mapping[str, Any], *, account: str | None = None) -> None:
        self.publish(stream, _json({"stream": stream, "ts": datum["ts"], "data": [datum]}), account=account)

    # --- sockets

    def opened(self, socket: VenueSocket) -> None:
        """Greet those who must log in."""
        if socket.path == "/private":
            nonce = self._nonces[socket.id] = self.random.randbytes(8).hex()
            socket.text(_json({"op": "hello", "nonce": nonce}))

    def received(self, socket: VenueSocket, payload: bytes, binary: bool) -> None:  # noqa: ARG002  # text is all that it speaks
        """Log in, subscribe, unsubscribe."""
        try:
            asked = msgspec.json.decode(payload, type=Asked)
        except (msgspec.DecodeError, RecursionError) as exc:
            socket.answer(_error(None, f"not understood: {exc}"))
            return
        match asked.op:
            case "login":
                self._login(socket, asked)
            case "subscribe":
                self._subscribe(socket, asked)
            case "unsubscribe":
                for stream in asked.streams:
                    socket.streams.pop(stream, None)
                socket.answer(_json({"op": "ok", "id": asked.id}))
            case _:
                socket.answer(_error(asked.id, "unknown op"))

    def _login(self, socket: VenueSocket, asked: Asked) -> None:
        secret, nonce = self._accounts.get(asked.key), self._nonces.pop(socket.id, None)
        refusal = self.faults.refuse_logins.strike()
        if refusal is None and (secret is None or nonce is None or not _signed(secret, nonce, asked.signature)):
            refusal = "bad key or signature"
        if refusal is not None:
            socket.answer(_error(asked.id, refusal))
            return
        socket.account = asked.key
        socket.answer(_json({"op": "ok", "id": asked.id}))

    def _subscribe(self, socket: VenueSocket, asked: Asked) -> None:
        known = [stream for stream in asked.streams if self._serves(socket, stream)]
        grant = self.subscribe(socket, known)
        if grant.refusal:
            socket.answer(_error(asked.id, grant.refusal))
            return
        rejected = [stream for stream in asked.streams if stream not in grant.accepted]
        if rejected:
            socket.answer(_error(asked.id, "no such stream", rejected))
        else:
            socket.answer(_json({"op": "ok", "id": asked.id}))
        for stream in grant.accepted:
            self._begin(socket, stream)

    def _serves(self, socket: VenueSocket, stream: str) -> bool:
        channel, _, symbol = stream.partition(".")
        if socket.path == "/private":
            return socket.account is not None and stream in _PRIVATE
        return channel in _PUBLIC and symbol in self.markets

    def _begin(self, socket: VenueSocket, stream: str) -> None:
        """Send a book's snapshot, also to those who ask again."""
        channel, _, symbol = stream.partition(".")
        if channel == "book" and not self.faults.holds_back(stream):
            book = self.markets[symbol].book()
            socket.text(_json({"stream": stream, "kind": "snapshot", "ts": book["ts"], "data": [book]}))

    # --- REST

    def answers(self) -> Mapping[str, Answer]:
        """Tell the symbols, the time and the last trades."""
        return {
            "GET /symbols": partial(self._weighed, 10, self._symbols),
            "GET /time": partial(self._weighed, 1, lambda _: {"now": self._now()}),
            "GET /trades": partial(self._weighed, 5, self._trades),
        }

    def _weighed(
        self, weight: int, answer: Callable[[web.Request], Any], request: web.Request, _: bytes
    ) -> web.Response:
        at = asyncio.get_running_loop().time()
        self._weights.append((at, weight))
        while self._weights[0][0] <= at - _WINDOW:
            self._weights.popleft()
        used = sum(one for _, one in self._weights)
        return reply(answer(request), headers={"x-mock-used-weight": str(used)})

    def _symbols(self, request: web.Request) -> list[dict[str, str]]:  # noqa: ARG002  # the shape of every answer
        return [market.instrument() for market in self.markets.values()]

    def _trades(self, request: web.Request) -> list[dict[str, Any]]:
        market = self.markets.get(request.query.get("symbol", ""))
        after, before = (request.query.get(name, "") for name in ("after", "before"))
        if market is None or not after.isdecimal() or not before.isdecimal():
            raise web.HTTPBadRequest(text="need symbol, after and before")
        return [trade for trade in market.trades if int(after) < trade["id"] < int(before)]


def _json(message: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(message)


def _error(request_id: int | None, reason: str, rejected: Sequence[str] = ()) -> bytes:
    return _json({"op": "error", "id": request_id, "reason": reason, "rejected": rejected})


def _signed(secret: str, nonce: str, signature: str) -> bool:
    expected = hmac.new(secret.encode(), nonce.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def _declare(parser: argparse.ArgumentParser) -> None:
    help_text = "so many symbols besides BTC-USDT, ETH-USDT and SOL-USDT (default 0)"
    parser.add_argument("--symbols", type=_symbols, default=0, metavar="N", help=help_text)


def _symbols(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_SYMBOLS:
        raise argparse.ArgumentTypeError(f"need a number from 0 to {MOST_SYMBOLS}, got {text!r}")
    return int(text)


def _build(parsed: argparse.Namespace) -> MockVenue:
    return MockVenue(
        symbols=parsed.symbols, host=parsed.host, port=parsed.port, seed=parsed.seed, rate=parsed.rate
    )


venue = Simulator("mock", "The mock exchange: random walks, no access control but one account.", _build, _declare)
