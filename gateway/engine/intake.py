"""
What happens to each frame: looked at, counted, forwarded raw, decoded at most once, handed to its feed.

Nothing here is awaited, logged, locked or traced, and no clock is read but the
one that stamps the frame.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from gateway.engine.feeds import Feed
from gateway.engine.unasked import Unasked
from gateway.errors import PluginError, ProtocolViolation
from gateway.spi.dialect import Dialect
from gateway.spi.events import Data, Event

NO_TEXT: Final = 1007
"""The close code for text that is no UTF-8."""


class Decoder(Protocol):
    """A dialect, as far as it decodes."""

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[Event]:
        """See :class:`~gateway.spi.dialect.Dialect`."""


class Intake:
    """
    One epoch's way in.

    Args:
        exchange: named where its dialect breaks the contract.
        dialect: translates this epoch's frames.
        feeds: every wanted stream of the connection, live.
        wall_us: stamps frames; microseconds since 1970.
        first: called before a stream's first datum of the epoch is handed on.
        react: called with everything a dialect reports that is not data.
    """

    def __init__(  # the seams of the hot path, bound once per epoch
        self,
        exchange: str,
        dialect: Dialect,
        feeds: Mapping[str, Feed],
        wall_us: Callable[[], int],
        first: Callable[[Feed], None],
        react: Callable[[Event], None],
    ) -> None:
        self.frames = 0
        self.bytes = 0
        self.unheard = 0
        self.unasked = Unasked()
        self.undecodable = 0
        self.undecoded = 0
        """Frames that nobody needed decoded."""
        self._exchange = exchange
        self._stream = dialect.stream
        self.decode_by(dialect)
        self._feeds = feeds
        self._wall_us = wall_us
        self._first = first
        self._react = react
        self._note = self.unasked.note

    def decode_by(self, decoder: Decoder) -> None:
        """Have ``decoder`` decode from now on: the dialect, or somebody in its place."""
        self._decode = decoder.decode

    def take(self, payload: bytes, binary: bool) -> None:  # noqa: C901  # one pass, without calls that could be spared
        """
        Take one frame.

        Raises:
            PluginError: If the dialect raised what it must not.
            ProtocolViolation: If a text that it cannot decode is none.
        """
        # In one piece although it is long: in three, an empty frame took 490 ns instead of 360.
        self.frames += 1
        self.bytes += len(payload)
        recv_us = self._wall_us()
        try:
            stream = self._stream(payload, binary)
        except Exception as exc:
            raise self._broken(exc) from exc
        if stream is not None:
            feed = self._feeds.get(stream)
            if feed is None:
                self.unheard += 1
                self.undecoded += 1
                self._note(stream)
                return
            self._heard(feed, payload, binary, recv_us)
            if not feed.topics:
                self.undecoded += 1
                return
        try:
            decoded = self._decode(payload, binary)
            events = decoded if type(decoded) is tuple else tuple(decoded)
        except ValueError:
            self._senseless(payload, binary)
            return
        except Exception as exc:
            raise self._broken(exc) from exc
        others: tuple[str, ...] = ()
        for event in events:
            if type(event) is not Data:
                self._react(event)
                continue
            feed = self._feeds.get(event.stream)
            if feed is None:
                self.unheard += 1
                self._note(event.stream)
                continue
            if event.stream != stream and event.stream not in others:
                others = (*others, event.stream)
                self._heard(feed, payload, binary, recv_us)
            if not feed.topics:
                continue
            try:
                feed.take(event, recv_us)
            except Exception as exc:
                problem = f"its dialect reports data that cannot be used ({type(exc).__name__})"
                raise PluginError(self._exchange, problem) from exc

    def _heard(self, feed: Feed, payload: bytes, binary: bool, recv_us: int) -> None:
        """A frame is heard once by each stream in it, however many of its records it holds."""
        feed.frames += 1
        if feed.fresh:
            self._first(feed)
        if feed.raw is not None:
            feed.take_raw(payload, binary, recv_us)

    def _senseless(self, payload: bytes, binary: bool) -> None:
        self.undecodable += 1
        if not binary:
            _check_text(payload)

    def _broken(self, exc: Exception) -> PluginError:
        return PluginError(self._exchange, f"its dialect raised {type(exc).__name__}")


def _check_text(payload: bytes) -> None:
    """Tell a message that makes no sense from one that WebSocket does not allow; nobody looks before."""
    try:
        payload.decode()
    except UnicodeDecodeError as exc:
        where = f"byte {exc.start} of {len(payload)} is {payload[exc.start]:#04x}"
        raise ProtocolViolation(f"a text that is no UTF-8: {where}", close_code=NO_TEXT) from None
