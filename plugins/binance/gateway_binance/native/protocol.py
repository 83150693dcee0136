"""One market's own protocol, put together for the gateway to speak."""

from collections.abc import Mapping

from gateway import spi
from gateway_binance.declared.market import Market
from gateway_binance.native import requests, wrapping
from gateway_binance.native.figures import Doors
from gateway_binance.native.replies import unavailable
from gateway_binance.native.rest import Answers
from gateway_binance.native.sockets import greeting


class BinanceNative:
    """
    A :class:`gateway.spi.Native`.

    Args:
        target: where the exchange is, and its clock.
        market: its figures.
        doors: those of its own protocol.
        unit: what times are written in, where a client may choose.
    """

    def __init__(self, target: spi.Target, market: Market, doors: Doors, unit: str | None) -> None:
        self._doors = doors
        self._unit = unit
        self._answers = Answers(target, market, doors)

    def greet(self, path: str, query: Mapping[str, str], /) -> spi.NativeGreeting | spi.HttpReply:
        """Read the address of a socket."""
        return greeting(self._doors, path, query, self._unit)

    def hear(self, client: spi.NativeClient, text: str, /) -> spi.NativeTurn:
        """Read a request."""
        return requests.hear(client, text)

    def refuse(self, text: str | None, code: str, words: str, /) -> str:
        """Word a refusal."""
        return requests.refuse(text, code, words)

    def wrap(self, shape: str, stream: str, payload: bytes, /) -> bytes:
        """Write a datum."""
        return wrapping.wrap(shape, stream, payload)

    def answer(self, method: str, path: str, query: Mapping[str, str], /) -> spi.NativeAnswer:
        """Answer over REST."""
        return self._answers.answer(method, path, query)

    def unavailable(self, after: float | None, /) -> spi.HttpReply:
        """Word what the exchange says when it is busy."""
        return unavailable(after)
