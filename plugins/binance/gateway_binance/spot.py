"""
The plugin for Binance's spot market, public data.

One combined connection (``/stream``) carries whatever is subscribed to; the
names of streams are Binance's own, the symbol in lower case.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.json import Decoder

from gateway import spi
from gateway_binance import book, reference, verdicts
from gateway_binance.control import Control, Message
from gateway_binance.declared import DIALS, MESSAGES, SPOT, STREAM
from gateway_binance.records import Reader, reader

SHUTDOWN: Final = "serverShutdown"
_STREAM_PREFIX: Final = b'{"stream":"'
_NAME: Final = len(_STREAM_PREFIX)
_MESSAGE: Final = Decoder(Message)
_MOST_KNOWN: Final = 4096
"""Names that are remembered, more than a connection has streams."""
_CHANNELS: Final = {
    ("trades", None): "trade",
    ("trades", "agg"): "aggTrade",
    ("quotes", None): "bookTicker",
    ("ticker", None): "ticker",
}


class BinanceSpot:
    """The hooks."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        """Describe the spot market."""
        return SPOT

    @spi.hookimpl
    def gateway_route(self, subscription: spi.Subscription) -> spi.Route | None:
        """Name Binance's own stream; a book of any depth hangs off the one stream of changes."""
        if subscription.account is not None:
            return None
        if subscription.channel == "raw":
            return spi.Route(STREAM, subscription.symbol)
        kind = _kind(subscription)
        return None if kind is None else spi.Route(STREAM, f"{subscription.symbol.lower()}@{kind}")

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        """Open a bare combined connection: a URL that named a thousand streams would be too long."""
        yield spi.Open(f"{target.urls[target.endpoint]}/stream", cost={DIALS: 1})
        return spi.Session()

    @spi.hookimpl
    def gateway_dialect(self, target: spi.Target) -> "SpotDialect":
        """Return a fresh translator."""
        return SpotDialect(target)

    @spi.hookimpl
    def gateway_instruments(self, target: spi.Target) -> spi.Conversation[spi.Instruments]:
        """Fetch the symbols."""
        return reference.fetch_instruments(target)

    @spi.hookimpl
    def gateway_server_time(self, target: spi.Target) -> spi.Conversation[int]:
        """Fetch the clock."""
        return reference.fetch_time(target)

    @spi.hookimpl
    def gateway_classify(self, fault: spi.ConnectionFault) -> spi.Verdict | None:
        """Judge Binance's refusals."""
        return verdicts.verdict(fault)


def _kind(subscription: spi.Subscription) -> str | None:
    match subscription.channel:
        case "book":
            return "depth@100ms"
        case "candles":
            return f"kline_{subscription.variant}"
        case channel:
            return _CHANNELS.get((channel, subscription.variant))


class SpotDialect:
    """One connection's translator."""

    def __init__(self, target: spi.Target) -> None:
        self._target = target
        self._control = Control(MESSAGES)
        self._known: dict[bytes, tuple[str, Reader | None]] = {}
        """Streams and what reads their messages, by the bytes that these begin with."""
        # What was looked at last, and what it is: as a rule that is what must be decoded next.
        self._looked_at = b""
        self._found: tuple[str, Reader | None] | None = None

    def stream(self, payload: bytes, binary: bool, /) -> str | None:
        """Cut the name out of ``{"stream":"``; names of the exchange's own notices are left to be decoded."""
        if binary:
            return None
        found = self._known.get(payload[: payload.find(b'"', _NAME) + 1]) or self._learn(payload)
        self._looked_at, self._found = payload, found
        return None if found is None else found[0]

    def _learn(self, payload: bytes) -> tuple[str, Reader | None] | None:
        name = _name(payload)
        if name is None:
            return None
        if len(self._known) == _MOST_KNOWN:
            self._known.clear()
        found = self._known[b'%b%b"' % (_STREAM_PREFIX, name.encode())] = name, reader(name)
        return found

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[spi.Event]:
        """Translate one message."""
        if binary:
            raise ValueError("a binary message on a JSON connection")
        if payload is not self._looked_at:
            self.stream(payload, binary)
        found = self._found
        try:
            return self._rare(payload) if found is None else _data(found[0], found[1], payload)
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc

    def _rare(self, payload: bytes) -> Iterable[spi.Event]:
        message = _MESSAGE.decode(payload)
        if message.kind == SHUTDOWN or message.stream == f"!{SHUTDOWN}":
            return (spi.Draining(),)  # Binance withdrew every promise of how long: leave at once.
        if isinstance(message.stream, str):
            return _data(message.stream, reader(message.stream), payload)
        return (self._control.answer(message),)

    def subscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Ask for ``streams``."""
        return tuple(self._control.requests("subscribe", streams))

    def unsubscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Give ``streams`` up."""
        return tuple(self._control.requests("unsubscribe", streams))

    def ping(self, _token: int, /) -> spi.Ping:
        """Use WebSocket pings."""
        return spi.Ping.WEBSOCKET

    def book(self, stream: str, /) -> spi.BookRule | None:
        """A stream of changes carries a book."""
        symbol, _, kind = stream.partition("@")
        # Names of streams are the symbols in lower case, and symbols have no lower case.
        return book.rule(self._target, symbol.upper()) if kind in {"depth", "depth@100ms"} else None


def _name(payload: bytes) -> str | None:
    if not payload.startswith(_STREAM_PREFIX):
        return None
    end = payload.find(b'"', _NAME)
    name = payload[_NAME:end]
    if end < 0 or b"\\" in name or name == b"!serverShutdown":
        return None
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None


def _data(stream: str, read: Reader | None, payload: bytes) -> Iterable[spi.Event]:
    if read is None:
        return ()
    data = read(payload)
    if data.stream != stream:
        raise ValueError("a message of two streams")
    return (data,)


plugin = BinanceSpot()
