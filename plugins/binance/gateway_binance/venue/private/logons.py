"""
What is asked of a WS-API connection about itself: to log on and out, and whose events it shall get.

After "Authentication requests" and "User Data Stream requests" in web-socket-api.md of
the spot documents, 2026-07-21. Futures have the first half alone.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway.testing.faults import Faults
from gateway_binance.venue.calls.call import Params
from gateway_binance.venue.calls.gate import Gate
from gateway_binance.venue.private.keys import Keys
from gateway_binance.venue.private.sessions import Session, Subscription
from gateway_binance.venue.refusals import UNAUTHORIZED, RefusedError
from gateway_binance.venue.sockets import BinanceSocket
from gateway_binance.venue.wsapi import SessionCall

Ended = Callable[[BinanceSocket, Iterable[Subscription]], None]


class Logons:
    """
    The answers.

    Args:
        gate: knows who asks.
        keys: knows tokens.
        now: milliseconds since 1970.
        faults: whether a test has logins refused.
        ended: tells a connection which subscriptions are over.
        streams: whether a connection may get accounts' events.
    """

    def __init__(  # all that they need
        self,
        gate: Gate,
        keys: Keys,
        now: Callable[[], int],
        faults: Faults,
        ended: Ended,
        *,
        streams: bool,
    ) -> None:
        self._gate = gate
        self._keys = keys
        self._now = now
        self._faults = faults
        self._ended = ended
        self._streams = streams

    def calls(self) -> Mapping[str, SessionCall]:
        """Return them by their names."""
        sessions: Mapping[str, SessionCall] = {
            "session.logon": self._log_on,
            "session.status": lambda _socket, session, _params, _signed: self._status(session),
            "session.logout": self._log_out,
        }
        if not self._streams:
            return sessions
        return {
            **sessions,
            "session.subscriptions": self._list,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.subscribe.listenToken": self._subscribe_with_token,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def _log_on(self, socket: BinanceSocket, session: Session, params: Params, signed: bytes) -> dict[str, Any]:
        refusal = self._faults.refuse_logins.strike()
        if refusal is not None:
            raise RefusedError(-2015, refusal, UNAUTHORIZED)
        account = self._gate.signed(params.need("apiKey"), params, signed)
        if not account.proof.may_log_on:
            # Which code it is, is not documented; that only Ed25519 keys may, is.
            raise RefusedError(-4056, "HMAC_SHA256 API key is not supported.")
        self._ended(socket, session.log_on(account, self._now()))
        socket.account = account.name
        return self._status(session)

    def _log_out(self, socket: BinanceSocket, session: Session, _params: Params, _signed: bytes) -> dict[str, Any]:
        self._ended(socket, session.log_out())
        return self._status(session)

    def _status(self, session: Session) -> dict[str, Any]:
        return {
            "apiKey": session.account.api_key if session.account else None,
            "authorizedSince": session.authorized_at,
            "connectedSince": session.connected_at,
            "returnRateLimits": session.returns_limits,
            "serverTime": self._now(),
            "userDataStream": bool(session.subscriptions) if self._streams else None,
        }

    def _list(self, _socket: BinanceSocket, session: Session, _params: Params, _signed: bytes) -> list[Any]:
        return [{"subscriptionId": number} for number in session.subscriptions]

    def _subscribe(
        self, _socket: BinanceSocket, session: Session, _params: Params, _signed: bytes
    ) -> dict[str, Any]:
        if session.account is None:
            raise RefusedError(-1002, "You are not authorized to execute this request.", UNAUTHORIZED)
        return _number(session.subscribe(session.account.name, by_logon=True))

    def _subscribe_signed(
        self, _socket: BinanceSocket, session: Session, params: Params, signed: bytes
    ) -> dict[str, Any]:
        refusal = self._faults.refuse_logins.strike()
        if refusal is not None:
            raise RefusedError(-2015, refusal, UNAUTHORIZED)
        account = self._gate.signed(params.need("apiKey"), params, signed)
        return _number(session.subscribe(account.name))

    def _subscribe_with_token(
        self, _socket: BinanceSocket, session: Session, params: Params, _signed: bytes
    ) -> dict[str, Any]:
        found = self._keys.account_of_token(params.need("listenToken"))
        if found is None:
            raise RefusedError(-1209, "Invalid listenToken.")
        account, ends = found
        return {**_number(session.subscribe(account, ends=ends)), "expirationTime": int(ends * 1000)}

    def _unsubscribe(
        self, socket: BinanceSocket, session: Session, params: Params, _signed: bytes
    ) -> dict[str, Any]:
        number = params.whole("subscriptionId", 0) if "subscriptionId" in params else None
        self._ended(socket, session.unsubscribe(number))
        return {}


def _number(one: Subscription) -> dict[str, Any]:
    return {"subscriptionId": one.number}
