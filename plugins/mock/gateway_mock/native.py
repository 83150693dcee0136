"""
The mock exchange's own protocol, for clients that were written for it: the smallest there can be.

Its books are not offered: they begin with a snapshot, which whoever joins a stream that flows already would miss.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway import spi

PLAIN: Final = "plain"
"""There is one shape: what the exchange sends is passed on as it is."""
KEPT: Final = 60.0
"""Seconds for which symbols serve."""


class Asked(msgspec.Struct):
    """A client's request."""

    op: str
    id: int | None = None
    streams: tuple[str, ...] = ()


class MockNative:
    """
    A :class:`gateway.spi.Native`.

    Args:
        target: where the exchange is, and its clock.
    """

    def __init__(self, target: spi.Target) -> None:
        self._target = target

    def greet(self, path: str, _query: Mapping[str, str], /) -> spi.NativeGreeting | spi.HttpReply:
        """Begin with nothing; the one place for sockets is the root."""
        return spi.NativeGreeting(PLAIN) if path == "/" else _reply({"reason": "no such place"}, 404)

    def hear(self, _client: spi.NativeClient, text: str, /) -> spi.NativeTurn:
        """Subscribe, and unsubscribe."""
        try:
            asked = msgspec.json.decode(text, type=Asked)
        except (msgspec.DecodeError, RecursionError):
            return spi.NativeTurn(reply=_error(None, "not understood"), is_wrong=True)
        if rejected := [stream for stream in asked.streams if not stream or stream.startswith("book.")]:
            return spi.NativeTurn(reply=_error(asked.id, "no such stream", rejected=rejected))
        match asked.op:
            case "subscribe":
                return spi.NativeTurn(subscribe=asked.streams, reply=_json({"op": "ok", "id": asked.id}))
            case "unsubscribe":
                return spi.NativeTurn(unsubscribe=asked.streams, reply=_json({"op": "ok", "id": asked.id}))
        return spi.NativeTurn(reply=_error(asked.id, "unknown op"), is_wrong=True)

    def refuse(self, _text: str | None, code: str, _words: str, /) -> str:
        """Name the reason."""
        return _error(None, code)

    def wrap(self, _shape: str, _stream: str, payload: bytes, /) -> bytes:
        """Pass it on."""
        return payload

    def answer(self, method: str, path: str, _query: Mapping[str, str], /) -> spi.NativeAnswer:
        """Tell the time, and have the symbols fetched."""
        match method, path:
            case "GET", "/time":
                return _reply({"now": self._target.now()})
            case "GET", "/symbols":
                symbols = spi.Fetch("GET", f"{self._target.urls['rest']}/symbols", cost={"mock-weight": 10})
                return spi.NativeFetch(symbols, KEPT)
        return _reply({"reason": "no such place"}, 404)

    def unavailable(self, after: float | None, /) -> spi.HttpReply:
        """Say when."""
        return _reply({"reason": "busy", "after": after}, 503)


def _reply(body: Any, status: int = 200) -> spi.HttpReply:
    return spi.HttpReply(status, {"content-type": "application/json"}, _json(body).encode())


def _error(number: int | None, reason: str, **more: Any) -> str:
    return _json({"op": "error", "id": number, "reason": reason, **more})


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
