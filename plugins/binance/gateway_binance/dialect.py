"""
One connection's translator, the same for all markets: combined frames in, events out.

A frame begins with the name of its stream, so that it need not be parsed to know
whose it is; what reads it is looked up once for each stream.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.json import Decoder

from gateway import spi
from gateway_binance.book import Books
from gateway_binance.control import Control, Message
from gateway_binance.readers import Reading
from gateway_binance.records.fields import Reader

SHUTDOWN: Final = "serverShutdown"
_STREAM_PREFIX: Final = b'{"stream":"'
_NAME: Final = len(_STREAM_PREFIX)
_MESSAGE: Final = Decoder(Message)
_MOST_KNOWN: Final = 4096
"""Names that are remembered, more than a connection has streams."""


class StreamDialect:
    """
    One connection's translator.

    Args:
        messages: the limit under which every request counts as one message.
        reading: what reads the events.
        books: the rules of the market's books.
    """

    def __init__(self, messages: str, reading: Reading, books: Books) -> None:
        self._control = Control(messages)
        self._reading = reading
        self._books = books
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
        found = self._known[b'%b%b"' % (_STREAM_PREFIX, name.encode())] = name, self._reading.of(name)
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
            told = _data(message.stream, self._reading.of(message.stream), payload)
            return told or (spi.Data(message.stream, ()),)  # raw listeners hear of it no other way
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
        """A stream of changes carries a book, one of the best levels another."""
        return self._books.rule(stream)


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


def _data(stream: str, read: Reader | None, payload: bytes) -> tuple[spi.Event, ...]:
    if read is None:
        return ()
    if not payload.isascii():
        payload.decode()  # what is not read is not checked otherwise
    data = read(payload)
    if data.stream != stream:
        raise ValueError("a message of two streams")
    return (data,)
