"""The object that does everything per frame for one epoch: a plugin's hot path."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from gateway.spi.books import BookRule
from gateway.spi.contract import Ping, Request
from gateway.spi.events import Event
from gateway.spi.steps import Frame


class Dialect(Protocol):
    """
    How one exchange speaks on one connection.

    Called on the event loop only, never by two tasks, and never after its
    epoch has ended. No method may block.
    """

    def stream(self, payload: bytes, binary: bool, /) -> str | None:
        """
        Return the stream that ``payload`` belongs to by a cheap look, without parsing.

        :obj:`None` means that only :meth:`decode` can tell. A dialect that must see
        every frame always returns :obj:`None`.
        """

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[Event]:
        """
        Return what ``payload`` means, nothing if there is nothing to report.

        Raises:
            ValueError: If it makes no sense. Nothing else may be raised.
        """

    def subscribe(self, streams: Sequence[str], /) -> Sequence[Request]:
        """Build the requests that ask for ``streams``, each in exactly one of them."""

    def unsubscribe(self, streams: Sequence[str], /) -> Sequence[Request]:
        """Build the requests that give ``streams`` up."""

    def ping(self, token: int, /) -> Ping | Frame:
        """Return how to ping: the core's WebSocket ping, not at all, or this frame."""

    def book(self, stream: str, /) -> BookRule | None:
        """Return the rules of the book that ``stream`` carries, :obj:`None` if it carries none."""
