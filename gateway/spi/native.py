"""
How a plugin offers its exchange's own protocol to clients, who share what the gateway has.

A client that was written for the exchange changes its base URL and nothing else. The plugin says what
such a client asks and how the exchange would answer; the gateway has the sockets, subscriptions,
limits and requests. What data there are the exchange wrote: they are only ever wrapped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.spi.books import BookSnapshot
from gateway.spi.steps import Fetch, HttpReply


@dataclass(frozen=True, slots=True)
class NativeGreeting:
    """
    How a client's socket begins, by its address.

    ``streams`` are subscribed to at once. ``shape`` is a word of the plugin's own for how data
    are written to this client; all clients of one shape are sent the same bytes.
    """

    shape: str
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NativeClient:
    """Where a client stands: its shape, and its streams in the order in which it asked for them."""

    shape: str
    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeTurn:
    """
    What one message of a client's asks for, and its answer.

    Streams are native ones, as channel ``raw`` has them; asking for one that the client has, or
    giving up one that it has not, is harmless. Data are written in ``shape`` from then on, if it is
    given. ``reply`` is sent when all of it is done. ``is_wrong`` says that the message made no
    sense: too many of those end the socket.
    """

    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    shape: str | None = None
    reply: str | None = None
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class NativeFetch:
    """
    The exchange's own answer to ``request``, as it comes.

    It is asked for once however many clients want it, within the exchange's limits, and a good
    answer serves for ``keep`` seconds.
    """

    request: Fetch
    keep: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeBook:
    """
    The best ``levels`` of the book on ``stream``.

    If the gateway keeps it, and knows it that deep, ``render`` writes it as the exchange would;
    if not, ``otherwise`` is fetched.
    """

    stream: str
    levels: int
    render: Callable[[BookSnapshot], HttpReply] = field(repr=False)
    otherwise: NativeFetch


NativeAnswer = HttpReply | NativeFetch | NativeBook


class Native(Protocol):
    """
    One exchange's protocol, seen from the exchange. Keeps nothing: it is told what it must know.

    Called on the event loop only; no method may block. ``path`` is what follows
    ``/native/<exchange>`` and begins with a slash; in it and in ``query`` nothing is encoded.
    """

    def greet(self, path: str, query: Mapping[str, str], /) -> NativeGreeting | HttpReply:
        """Return how a new socket begins, or the answer to an upgrade that is refused."""

    def hear(self, client: NativeClient, text: str, /) -> NativeTurn:
        """Return what a client's message asks for."""

    def refuse(self, text: str | None, code: str, words: str, /) -> str:
        """
        Return the answer to a message that the gateway does not obey; :obj:`None` is a binary one.

        ``code`` is one of the stream protocol's errors, such as ``too_many_topics``, ``words`` says it to people.
        """

    def wrap(self, shape: str, stream: str, payload: bytes, /) -> bytes:
        """
        Return a datum of ``stream`` as clients of ``shape`` get it; ``payload`` is the exchange's text.

        Called once for each datum and shape, on the hot path.
        """

    def answer(self, method: str, path: str, query: Mapping[str, str], /) -> NativeAnswer:
        """Return the answer to a request over REST, or where it is had. What is not offered is refused here."""

    def unavailable(self, after: float | None, /) -> HttpReply:
        """Return the answer while the exchange cannot be asked, for ``after`` seconds if that is known."""
