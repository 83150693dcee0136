"""
A spot or margin account's stream over the WebSocket API: how it is opened, and what comes by it.

After "Session Authentication" and "User Data Stream requests" in web-socket-api.md of
the spot documents, 2026-07-21, and margin's "Trade Data Stream", 2026-02. A signed
subscription works with every kind of key; logging on first, where the operator wants
it, with Ed25519 keys alone. Neither needs to be kept alive; whether it is still there is looked after.
"""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, Literal

from msgspec import UNSET

from gateway import spi
from gateway_binance.private import api
from gateway_binance.private.figures import API_CALL, API_OPEN, AUDIT, USER
from gateway_binance.private.refusing import judged
from gateway_binance.private.signing import WINDOW, signed_params, signer_of
from gateway_binance.private.spot_events import SpotEvents

LOGON: Final = 1
SUBSCRIBE: Final = 2
LOOK: Final = 3
"""Numbers of the requests that a connection makes by itself; those that are asked of its dialect follow."""
ENDED: Final = "eventStreamTerminated"
SHUTDOWN: Final = "serverShutdown"
_OF_THE_SESSION: Final = frozenset({ENDED.encode(), SHUTDOWN.encode()})
_EVENT: Final = re.compile(rb'\{"subscriptionId":\d+,"event":\{"e":"(\w+)"').match
SUBSCRIPTIONS: Final = "session.subscriptions"
EXISTS: Final = -2035
"""There is one of this account already: as good as done. What -2036 answers is never asked."""

Op = Literal["subscribe", "unsubscribe"]


def handshake(
    target: spi.Target,
    *,
    weight: str,
    dials: str,
    query: str = "",
    token: str | None = None,
    logs_on: bool = False,
) -> spi.Handshake:
    """
    Open the API and subscribe to the account's events.

    Args:
        target: of the account.
        weight: the limit on which calls draw.
        dials: the limit on which connections draw.
        query: more of the URL.
        token: a listenToken, which opens a margin account's events without a signature.
        logs_on: whether to log on first.
    """
    signer, early = signer_of(target), list[bytes]()
    params: dict[str, int | str] = {}
    url = f"{target.urls[target.endpoint]}?returnRateLimits=false{query}"
    yield spi.Open(url, cost={dials: 1, weight: API_OPEN})
    call = partial(api.call, weight=weight, early=early)
    if logs_on:
        yield from call(LOGON, "session.logon", signed_params(signer, target.now(), {"recvWindow": WINDOW}))
        method = "userDataStream.subscribe"
    elif token is not None:
        method, params = "userDataStream.subscribe.listenToken", {"listenToken": token}
    else:
        method = "userDataStream.subscribe.signature"
        params = signed_params(signer, target.now(), {"recvWindow": WINDOW})
    try:
        subscribed = api.read_subscribed((yield from call(SUBSCRIBE, method, params)))
    except spi.ReplyRefused as fault:
        if api.code_of(fault) != EXISTS:
            raise
        [subscribed] = api.read_subscriptions((yield from call(LOOK, SUBSCRIPTIONS, {})))
    ends = subscribed.expiration_time
    return spi.Session(
        keepalives=(spi.Keepalive(every=AUDIT, make=partial(_look, LOOK, weight)),),
        expires_in=None if ends is None else max(1.0, ends / 1000 - target.now() / 1e6),
        early=tuple(early),
        details={"subscription": subscribed.subscription_id},
    )


def _look(number: int, weight: str, *, op: Op | None = None, streams: tuple[str, ...] = ()) -> spi.Request:
    """Ask which subscriptions there are."""
    return spi.Request(
        frame=api.frame(number, SUBSCRIPTIONS, {}),
        streams=streams,
        op=op or "other",
        id=number,
        cost={weight: API_CALL},
    )


class UserDialect:
    """
    One connection's translator.

    Args:
        session: what the handshake established.
        events: reads them.
        weight: the limit on which requests draw.
    """

    def __init__(self, session: spi.Session, events: SpotEvents, weight: str) -> None:
        self._subscription: int | None = session.details.get("subscription")
        """Whose end is the session's; if it is not known, that of any is."""
        self._events = events
        self._weight = weight
        self._last = LOOK
        self._asked: dict[int, Op] = {}

    def stream(self, payload: bytes, binary: bool, /) -> str | None:
        """Tell an event that says nothing of the session; it is had raw even if it makes no sense otherwise."""
        event = None if binary else _EVENT(payload)
        return None if event is None or event[1] in _OF_THE_SESSION else USER

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[spi.Event]:
        """Translate one message."""
        if binary:
            raise ValueError("a binary message on a JSON connection")
        payload.decode()  # what is not read is not checked otherwise
        try:
            message = api.read(payload)
            if message.event is not UNSET:
                return self._event(message.subscription, bytes(message.event))
            return self._answer(message)
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc

    def _event(self, subscription: int | None, event: bytes) -> Iterable[spi.Event]:
        kind = api.kind_of(event).name
        if kind == SHUTDOWN:
            return (spi.Draining(),)  # Binance withdrew every promise of how long: leave at once.
        if subscription is None:
            raise ValueError("an event of nobody's")
        if kind == ENDED:
            is_ours = self._subscription in {None, subscription}
            return (spi.SessionLost(spi.Scope.SESSION, ENDED),) if is_ours else ()
        return (self._events.read(kind, event) or spi.Data(USER, ()),)  # what has no record can be had raw

    def _answer(self, message: api.Message) -> Iterable[spi.Event]:
        if message.error is not UNSET:
            return (self._refusal(message),)
        if message.status != api.OK or message.result is UNSET or not isinstance(message.id, int):
            raise ValueError("neither an event nor an answer")
        listed = {one.subscription_id for one in api.read_subscriptions(message.result)}
        if self._subscription is not None and self._subscription not in listed:
            return (spi.SessionLost(spi.Scope.SESSION, "the subscription is not there any more"),)
        return (spi.Ack(message.id),) if self._asked.pop(message.id, None) else ()

    def _refusal(self, message: api.Message) -> spi.Event:
        assert message.error is not UNSET
        verdict = judged(message.status, message.error)
        op = self._asked.pop(message.id, None) if isinstance(message.id, int) else None
        if op is None or verdict.action is spi.Action.STOP:
            return spi.Problem(verdict, verdict.text)  # also the push, without an id, that the key is revoked
        return spi.Nack(message.id, op, verdict)

    # --- what is asked

    def subscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """See that the subscription, which the handshake made, is there."""
        return self._ask("subscribe", streams)

    def unsubscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Let the account's events come for as long as the connection is its own."""
        return self._ask("unsubscribe", streams)

    def _ask(self, op: Op, streams: Sequence[str]) -> Sequence[spi.Request]:
        if not streams:
            return ()
        self._last += 1
        self._asked[self._last] = op
        return (_look(self._last, self._weight, op=op, streams=tuple(streams)),)

    def ping(self, _token: int, /) -> spi.Ping:
        """Use WebSocket pings."""
        return spi.Ping.WEBSOCKET

    def book(self, _stream: str, /) -> spi.BookRule | None:
        """An account has none."""
        return None
