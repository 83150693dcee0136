"""
The door for requests over a socket: from a frame to the call that it makes, and from its result to a frame.

After "Request format", "Response format" and "SIGNED request security" in
web-socket-api.md of the spot documents, 2026-07-21. Signed is ``name=value``, sorted by
name and joined with ``&``, not encoded, each number spelled as it was sent.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson
from msgspec import DecodeError, Raw
from msgspec.json import decode

from gateway_binance.venue import micros
from gateway_binance.venue.calls.call import Call, Caller, Params, Security
from gateway_binance.venue.calls.gate import Gate
from gateway_binance.venue.calls.guard import Guard
from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.private.sessions import Session
from gateway_binance.venue.refusals import BAD_REQUEST, UNAUTHORIZED, RefusedError
from gateway_binance.venue.sockets import BinanceSocket

Id = int | str | None
_OK: Final = 200
_REVOKED: Final = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
SessionCall = Callable[[BinanceSocket, Session, Params, bytes], Any]
"""What depends on the connection: it gets the socket, its session, what was said, and what was signed."""


class WsApi:
    """
    One market's door.

    Args:
        calls: those that are the same over HTTP.
        own: those that are about the connection, by their names.
        gate: knows who asks.
        guard: counts.
        now: milliseconds since 1970.
    """

    def __init__(
        self,
        calls: Iterable[Call],
        own: Mapping[str, SessionCall],
        gate: Gate,
        guard: Guard,
        now: Callable[[], int],
    ) -> None:
        self._calls = {call.method: call for call in calls if call.method}
        self._own = own
        self._gate = gate
        self._guard = guard
        self._now = now
        self.sessions: dict[int, Session] = {}
        """Those that are open, by the ids of their sockets."""

    def opened(self, socket: BinanceSocket, weight: int) -> None:
        """A connection is open, which weighs something too."""
        returns = socket.query.get("returnRateLimits", "true").lower() != "false"
        self.sessions[socket.id] = Session(self._now(), returns_limits=returns)
        self._guard.weight.add(weight, self._now() / 1000)

    def gone(self, socket: BinanceSocket) -> None:
        """A connection is gone."""
        self.sessions.pop(socket.id, None)

    def revoked(self, socket: BinanceSocket, account: Account) -> None:
        """Tell a connection that whoever was logged on is not any more."""
        session = self.sessions[socket.id]
        was_logged_on = session.account is account
        session.end(account.name)
        if was_logged_on:
            socket.text(orjson.dumps({"id": None, "status": UNAUTHORIZED, "error": _REVOKED}))

    def answer(self, socket: BinanceSocket, payload: bytes) -> bytes:
        """Return the answer to a request, or its refusal."""
        session = self.sessions[socket.id]
        number: Id = None
        try:
            number, asked = _read(payload)
            result = self._do(socket, session, asked)
            body: dict[str, Any] = {"id": number, "status": _OK}
            body["result"] = micros.reply(result) if socket.in_micros else result
        except RefusedError as refused:
            body = {"id": number, "status": refused.status, "error": self._error(refused)}
        if session.returns_limits:
            body["rateLimits"] = [self._guard.weight.row("REQUEST_WEIGHT")]
        return orjson.dumps(body)

    def _error(self, refused: RefusedError) -> dict[str, Any]:
        if refused.until is None:
            return refused.body
        return {**refused.body, "data": {"serverTime": self._now(), "retryAfter": refused.until}}

    def _do(self, socket: BinanceSocket, session: Session, asked: "_Asked") -> Any:
        own = self._own.get(asked.method)
        if own is not None:
            self._guard.admit(2)
            return own(socket, session, asked.params, asked.signed)
        call = self._calls.get(asked.method)
        if call is None:
            raise RefusedError(-1020, "This operation is not supported.")
        self._guard.admit(call.weighs(asked.params))
        account = self._caller(session, call.security, asked.params, asked.signed)
        self._gate.let_through(account, call)
        if account is not None and call.orders:
            self._guard.order(account.name, call.orders)
        result = call.act(Caller(asked.params, account))
        if call.free:
            self._guard.give_back(call.weighs(asked.params))
        return result

    def _caller(self, session: Session, security: Security, params: Params, signed: bytes) -> Account | None:
        if security is Security.NONE:
            return None
        if "apiKey" not in params and session.account is not None:
            if security is Security.SIGNED:
                self._gate.timely(params)
            return session.account
        if security is Security.KEY:
            return self._gate.keyed(params.need("apiKey"))
        return self._gate.signed(params.need("apiKey"), params, signed)


class _Asked(NamedTuple):
    """A request: ``signed`` is what of it was signed."""

    method: str
    params: Params
    signed: bytes


def _read(payload: bytes) -> tuple[Id, _Asked]:
    """
    Return the id of a request, and what it asks.

    Raises:
        RefusedError: If it is none.
    """
    try:
        found = decode(payload, type=dict[str, Raw])
        number = decode(found["id"], type=int | str | None) if "id" in found else None
        method = decode(found["method"], type=str)
        given = decode(found["params"], type=dict[str, Raw]) if "params" in found else {}
    except (DecodeError, KeyError, RecursionError):
        raise RefusedError(-1135, "Invalid JSON Request", BAD_REQUEST) from None
    params = Params({name: _text(bytes(value)) for name, value in given.items()})
    signed = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
    return number, _Asked(method.removeprefix("v3/").removeprefix("v1/"), params, signed.encode())


def _text(value: bytes) -> str:
    return decode(value, type=str) if value.startswith(b'"') else value.decode()
