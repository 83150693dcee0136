"""
What clients may ask of a stream connection, and how they are refused.

After web-socket-streams.md, "Live Subscribing/Unsubscribing to streams" and "Error
Messages", in the Binance spot API docs, 2026-07-21.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway_binance.venue.streams import is_listen_key, is_stream

METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
UNKNOWN_PROPERTY: Final = 0
WRONG_VALUE: Final = 1
INVALID_REQUEST: Final = 2
INVALID_JSON: Final = 3
TOO_MANY: Final = 4
_LONGEST_ID: Final = 36
_ID_BITS: Final = 2**63

Id = int | str | None


class RequestError(Exception):
    """
    A request is refused.

    Args:
        code: the exchange's code.
        text: the exchange's words.
        id: of the request, where it has one.
    """

    def __init__(self, code: int, text: str, id: Id = None) -> None:  # noqa: A002  # the wire's word
        super().__init__(text)
        self.code = code
        self.text = text
        self.id = id

    def reply(self) -> bytes:
        """Return the refusal in the documented, flat shape."""
        return orjson.dumps({"code": self.code, "msg": self.text, "id": self.id})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a known method."""

    method: str
    params: list[Any]
    id: Id

    def refusal(self, text: str, code: int = INVALID_REQUEST) -> RequestError:
        """Return this request's refusal."""
        return RequestError(code, text, self.id)

    def reply(self, result: Any) -> bytes:
        """Return this request's answer."""
        return orjson.dumps({"result": result, "id": self.id})

    def streams(self) -> list[str]:
        """
        Return the streams that it names.

        Raises:
            RequestError: If they are none.
        """
        if not self.params:
            raise self.refusal("Invalid request: too few parameters")
        for name in self.params:
            if not isinstance(name, str) or not (is_stream(name) or is_listen_key(name)):
                raise self.refusal("Invalid request: invalid stream")
        return self.params

    def property(self, count: int) -> None:
        """
        Check that it names the one property there is, with ``count`` parameters.

        Raises:
            RequestError: If it does not.
        """
        if len(self.params) != count:
            raise self.refusal("Invalid request: wrong number of parameters")
        if not isinstance(self.params[0], str):
            raise self.refusal("Invalid request: property name must be a string")
        if self.params[0] != "combined":
            raise self.refusal("Unknown property", UNKNOWN_PROPERTY)


def read(payload: bytes) -> Asked:
    """
    Return what a client asks for.

    Raises:
        RequestError: If it is no request.
    """
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError as exc:
        raise RequestError(INVALID_JSON, f"Invalid JSON: {exc.msg}") from None
    if not isinstance(message, dict):
        raise RequestError(INVALID_REQUEST, "Invalid request: not an object")
    number = _id(message)
    method, params = message.get("method"), message.get("params", [])
    if method is None:
        raise RequestError(INVALID_REQUEST, "Invalid request: missing field method", number)
    if method not in METHODS:
        raise RequestError(INVALID_REQUEST, "Invalid request: unknown method", number)
    if not isinstance(params, list):
        raise RequestError(INVALID_REQUEST, "Invalid request: params must be a list", number)
    return Asked(method, params, number)


def _id(message: Mapping[str, Any]) -> Id:
    number: Any = message.get("id")
    if number is None or (isinstance(number, str) and number.isalnum() and len(number) <= _LONGEST_ID):
        return number
    if type(number) is int and -_ID_BITS <= number < _ID_BITS:
        return number
    raise RequestError(INVALID_REQUEST, "Invalid request: request ID must be an integer or a short text")
