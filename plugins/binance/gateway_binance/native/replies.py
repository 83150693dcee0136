"""How Binance words an answer over HTTP: JSON, an error with its code."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from gateway import spi

_HEADERS: Final = MappingProxyType({"content-type": "application/json;charset=UTF-8"})
TOO_MANY_REQUESTS: Final = -1003
DISCONNECTED: Final = -1001


def answer(body: Any, status: int = 200, headers: Mapping[str, str] = _HEADERS) -> spi.HttpReply:
    """Return ``body`` as an answer."""
    return spi.HttpReply(status, headers, orjson.dumps(body))


def problem(status: int, code: int, text: str) -> spi.HttpReply:
    """Return an error; ``code`` is one of errors.md, Binance spot API docs, 2026-07-21."""
    return answer({"code": code, "msg": text}, status)


def unavailable(after: float | None) -> spi.HttpReply:
    """Return the answer while the exchange cannot be asked, for ``after`` seconds if that is known."""
    if after is None:
        return problem(503, DISCONNECTED, "Internal error; unable to process your request. Please try again.")
    headers = {**_HEADERS, "retry-after": str(math.ceil(after))}
    text = "Too much request weight is used by all who share this address; please wait."
    return answer({"code": TOO_MANY_REQUESTS, "msg": text}, 429, headers)
