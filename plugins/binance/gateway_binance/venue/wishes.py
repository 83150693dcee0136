"""Which streams a client wants, whether its address, its query or a request says so."""

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote

from gateway.testing.records import Grant
from gateway_binance.venue.hosts import Category, Market
from gateway_binance.venue.sockets import BinanceSocket
from gateway_binance.venue.streams import is_listen_key, is_stream


class Wishes:
    """
    Takes wishes for streams.

    Args:
        subscribe: the engine's, with all the faults that it may have.
    """

    def __init__(self, subscribe: Callable[[BinanceSocket, Sequence[str]], Grant]) -> None:
        self._subscribe = subscribe
        self.count = 0
        """How many there were, ever."""

    def take(self, socket: BinanceSocket, names: Sequence[str]) -> str:
        """Take a wish for streams; return why it is refused, if it is."""
        if not names:
            return ""
        self.count += 1
        grant = self._subscribe(socket, names)
        return grant.refusal or ("Invalid request: invalid stream" if grant.refused else "")

    def read(self, socket: BinanceSocket) -> None:
        """Take what the address of a new connection asks for; what is no stream is overlooked."""
        names = [name for name in socket.named.split("/") if _may_be_named(socket, name)]
        for key, value in _query(socket.raw_query):
            if key == "streams":
                names += [name for name in value.split("/") if is_stream(name) or is_listen_key(name)]
            elif key == "listenKey" and socket.door.category is Category.PRIVATE:
                names.append(value)
            elif key == "events" and names:  # of the listenKey before it
                socket.events[names[-1]] = frozenset(value.split("/"))
        self.take(socket, names)


def _query(raw: str) -> Iterator[tuple[str, str]]:
    for pair in raw.split("&"):
        key, _, value = pair.partition("=")
        yield unquote(key), unquote(value)


def _may_be_named(socket: BinanceSocket, name: str) -> bool:
    """Say whether the path may name it: USD-M opens for a listenKey in a path and says nothing (UBWA, 2026-05)."""
    return is_stream(name) or (is_listen_key(name) and socket.door.market is Market.COINM)
