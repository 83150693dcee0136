"""
How the WebSocket API is spoken: requests with numbers, and what comes back.

After "Request format", "Response format" and "General API Information" in
web-socket-api.md of the spot documents, 2026-07-21.
"""

from collections.abc import Generator, Mapping
from typing import Any, Final

import orjson
from msgspec import UNSET, Raw, Struct, UnsetType, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.private.figures import API_CALL
from gateway_binance.private.refusing import ApiError, refused

OK: Final = 200
MOST_EARLY: Final = 1_000
"""Events that may come before the answer to a login: more are no login any more."""


class Message(Struct, frozen=True):
    """Whatever comes: an event has a subscription or none, an answer a status."""

    subscription: int | None = field(name="subscriptionId", default=None)
    event: Raw | UnsetType = UNSET
    id: int | str | None = None
    status: int = 0
    result: Raw | UnsetType = UNSET
    error: ApiError | UnsetType = UNSET


class Kind(Struct, frozen=True):
    """An event's type."""

    name: str = field(name="e")


class Subscribed(Struct, frozen=True, rename="camel"):
    """The result of a subscription; ``expiration_time`` in milliseconds, if a token opened it."""

    subscription_id: int
    expiration_time: int | None = None


read: Final = Decoder(Message).decode
kind_of: Final = Decoder(Kind).decode
read_subscribed: Final = Decoder(Subscribed).decode
_error: Final = Decoder(ApiError).decode
read_subscriptions: Final = Decoder(list[Subscribed]).decode


def frame(number: int, method: str, params: Mapping[str, Any]) -> str:
    """Return a request."""
    return orjson.dumps({"id": number, "method": method, "params": params}).decode()


def code_of(fault: spi.ReplyRefused) -> int:
    """Return the code of a refusal, 0 if it has none."""
    try:
        return _error(fault.body).code
    except (ValueError, RecursionError):
        return 0


def _readable(payload: bytes) -> Message:
    try:
        return read(payload)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def call(
    number: int, method: str, params: Mapping[str, Any], weight: str, early: list[bytes]
) -> Generator[spi.Send | spi.Receive, Any, bytes]:
    """
    Make a call in a handshake and return its result; what is no answer to it goes into ``early``.

    Raises:
        LoginRefused: If only a person can help.
        ReplyRefused: If it is another refusal.
        ValueError: If the answer makes no sense.
    """
    yield spi.Send(frame(number, method, params), cost={weight: API_CALL})
    while len(early) < MOST_EARLY:
        payload: bytes = yield spi.Receive()
        message = _readable(payload)
        if message.error is not UNSET and message.id in {number, None}:
            raise refused(message.status, message.error)
        if message.id == number and message.status == OK and message.result is not UNSET:
            return bytes(message.result)
        early.append(payload)
    raise ValueError("events instead of an answer")
