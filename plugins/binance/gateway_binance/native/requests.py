"""
What clients ask for on a socket, and how they are answered.

After "Live Subscribing/Unsubscribing to streams" and "Error Messages" in web-socket-streams.md,
Binance spot API docs, 2026-07-21, which futures share.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway import spi
from gateway_binance.native.sockets import BARE, COMBINED, is_stream

UNKNOWN_PROPERTY: Final = 0
WRONG_VALUE: Final = 1
INVALID_REQUEST: Final = 2
INVALID_JSON: Final = 3
TOO_MANY: Final = 4
"""Seen on the wire; the documents end with 3."""
REFUSALS: Final = {"too_many_topics": TOO_MANY, "too_many_lingering": TOO_MANY, "rate_limited": TOO_MANY}
"""What the gateway's own limits are called here; every other refusal is an invalid request."""
_LONGEST_ID: Final = 36
_ID_BITS: Final = 2**63

Id = int | str | None


class AskedWrongError(Exception):
    """
    A message is refused.

    Args:
        code: the exchange's code.
        text: its words.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    params: list[Any]
    id: Id


def hear(client: spi.NativeClient, text: str) -> spi.NativeTurn:
    """Return what a message asks for; what makes no sense is answered with an error and asks for nothing."""
    try:
        asked = _read(text)
        return _METHODS[asked.method](client, asked)
    except AskedWrongError as wrong:
        return spi.NativeTurn(reply=_error(wrong.code, wrong.text, _id_of(text)), is_wrong=True)


def refuse(text: str | None, code: str, words: str) -> str:
    """Return the answer to a message that the gateway does not obey."""
    number = None if text is None else _id_of(text)
    return _error(REFUSALS.get(code, INVALID_REQUEST), words, number)


def _subscribe(_: spi.NativeClient, asked: _Asked) -> spi.NativeTurn:
    return spi.NativeTurn(subscribe=_streams(asked), reply=_done(None, asked.id))


def _unsubscribe(_: spi.NativeClient, asked: _Asked) -> spi.NativeTurn:
    return spi.NativeTurn(unsubscribe=_streams(asked), reply=_done(None, asked.id))


def _list(client: spi.NativeClient, asked: _Asked) -> spi.NativeTurn:
    return spi.NativeTurn(reply=_done(list(client.streams), asked.id))


def _set(_: spi.NativeClient, asked: _Asked) -> spi.NativeTurn:
    _check_property(asked, 2)
    value = asked.params[1]
    if not isinstance(value, bool):
        raise AskedWrongError(WRONG_VALUE, "Invalid value type: expected Boolean")
    return spi.NativeTurn(shape=COMBINED if value else BARE, reply=_done(None, asked.id))


def _get(client: spi.NativeClient, asked: _Asked) -> spi.NativeTurn:
    _check_property(asked, 1)
    return spi.NativeTurn(reply=_done(client.shape == COMBINED, asked.id))


_METHODS: Final[Mapping[str, Callable[[spi.NativeClient, _Asked], spi.NativeTurn]]] = {
    "SUBSCRIBE": _subscribe,
    "UNSUBSCRIBE": _unsubscribe,
    "LIST_SUBSCRIPTIONS": _list,
    "SET_PROPERTY": _set,
    "GET_PROPERTY": _get,
}


def _read(text: str) -> _Asked:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise AskedWrongError(INVALID_JSON, f"Invalid JSON: {exc.msg}") from None
    if not isinstance(message, dict):
        raise AskedWrongError(INVALID_REQUEST, "Invalid request: not an object")
    number = message.get("id")
    if not _is_id(number):
        raise AskedWrongError(
            INVALID_REQUEST, "Invalid request: request ID must be an unsigned integer or a short text"
        )
    method, params = message.get("method"), message.get("params", [])
    if method is None:
        raise AskedWrongError(INVALID_REQUEST, "Invalid request: missing field method")
    if not isinstance(method, str) or method not in _METHODS:
        raise AskedWrongError(INVALID_REQUEST, "Invalid request: unknown method")
    if not isinstance(params, list):
        raise AskedWrongError(INVALID_REQUEST, "Invalid request: params must be a list")
    return _Asked(method, params, number)


def _streams(asked: _Asked) -> tuple[str, ...]:
    if not asked.params:
        raise AskedWrongError(INVALID_REQUEST, "Invalid request: too few parameters")
    if not all(isinstance(name, str) and is_stream(name) for name in asked.params):
        raise AskedWrongError(INVALID_REQUEST, "Invalid request: invalid stream")
    return tuple(dict.fromkeys(asked.params))


def _check_property(asked: _Asked, count: int) -> None:
    if len(asked.params) != count:
        few = "few" if len(asked.params) < count else "many"
        raise AskedWrongError(INVALID_REQUEST, f"Invalid request: too {few} parameters")
    if not isinstance(asked.params[0], str):
        raise AskedWrongError(INVALID_REQUEST, "Invalid request: property name must be a string")
    if asked.params[0] != "combined":
        raise AskedWrongError(UNKNOWN_PROPERTY, "Unknown property")


def _is_id(number: object) -> bool:
    if isinstance(number, str):
        return len(number) <= _LONGEST_ID
    return number is None or (type(number) is int and -_ID_BITS <= number < _ID_BITS)


def _id_of(text: str) -> Id:
    """Return the id even of a message that makes no sense otherwise, so that the client knows which it was."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    number = message.get("id") if isinstance(message, dict) else None
    return number if _is_id(number) else None


def _done(result: Any, number: Id) -> str:
    return orjson.dumps({"result": result, "id": number}).decode()


def _error(code: int, text: str, number: Id) -> str:
    return orjson.dumps({"code": code, "msg": text, "id": number}).decode()
