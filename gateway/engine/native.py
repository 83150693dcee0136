"""What the serving side may ask of an exchange that speaks its own protocol to clients."""

from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.spi.native import NativeClient, NativeGreeting, NativeTurn
from gateway.spi.steps import HttpReply

Wrap = Callable[[str, str, bytes], bytes]
"""Returns a datum as clients of a shape get it: by shape, stream and what the exchange sent."""


class NativeExchange(Protocol):
    """
    One exchange's own protocol. Event-loop only.

    ``path`` is what follows ``/native/<exchange>``. Every method raises :exc:`PluginError` where the plugin fails.
    """

    @property
    def wrap(self) -> Wrap:
        """The plugin's own function, which may raise anything."""

    def greet(self, path: str, query: Mapping[str, str], /) -> NativeGreeting | HttpReply:
        """Return how a socket at ``path`` begins, or how its upgrade is refused."""

    def hear(self, client: NativeClient, text: str, /) -> NativeTurn:
        """Return what a client's message asks for."""

    def refuse(self, text: str | None, code: str, words: str, /) -> str:
        """Return the answer to a message that is not obeyed; :obj:`None` is a binary one."""

    async def answer(self, method: str, path: str, query: Mapping[str, str], /) -> HttpReply:
        """Return the answer to a request over REST; may ask the exchange first, within its limits."""
