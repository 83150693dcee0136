"""
A futures account's stream: the listenKey that opens it, and what comes by it.

After "User Data Streams" of both futures markets and the "Important WebSocket Change
Notice" at developers.binance.com, 2026-08-21. On USD-M nothing may come unless the URL
names the events (unicorn-binance-websocket-api pull requests 445 and 446, 2026-05-21),
so it names all. Binance gives everybody who asks for an account's key the same one:
it is never deleted, since another connection, or another program, may live by it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal
from urllib.parse import quote

import orjson
from msgspec import UNSET, Raw, Struct, UnsetType, convert, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance import verdicts
from gateway_binance.declared.market import REST, Market
from gateway_binance.private.figures import LISTEN_KEY, LISTEN_KEY_EVERY, LISTEN_KEY_LASTS, USER
from gateway_binance.private.futures_events import FuturesEvents
from gateway_binance.private.refusing import ApiError, checked, judged
from gateway_binance.private.signing import KEY_HEADER, signer_of

EVENTS: Final = (
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "MARGIN_CALL",
    "TRADE_LITE",
    "ACCOUNT_CONFIG_UPDATE",
    "STRATEGY_UPDATE",
    "GRID_UPDATE",
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "ALGO_UPDATE",
    "listenKeyExpired",
)
"""All that the documents name."""
EXPIRED: Final = "listenKeyExpired"
SHUTDOWN: Final = "serverShutdown"
"""Documented for the spot market alone, and harmless to know."""

_TO_BE_READ: Final = frozenset(
    one.encode() for one in (EXPIRED, SHUTDOWN, "MARGIN_CALL", "CONDITIONAL_ORDER_TRIGGER_REJECT")
)
"""What says something though nobody listens."""
_EVENT: Final = re.compile(rb'\{"e":"(\w+)"').match

Op = Literal["subscribe", "unsubscribe"]
Place = Callable[[str, str], str]
"""Returns the URL of a stream, from that of its endpoint and a key."""


class Key(Struct, frozen=True):
    """The reply of ``listenKey``."""

    listenKey: str  # noqa: N815  # the exchange's own spelling


class Message(Struct, frozen=True):
    """Whatever comes: an event by itself, or wrapped with its stream's name; or an answer."""

    kind: str | UnsetType = field(name="e", default=UNSET)
    data: Raw | UnsetType = UNSET
    id: int | None = None
    result: Raw | UnsetType = UNSET
    error: ApiError | UnsetType = UNSET
    code: int | UnsetType = UNSET
    msg: str = ""


class Wrapped(Struct, frozen=True):
    """An event's type, and whose key has expired."""

    kind: str = field(name="e")
    key: str = field(name="listenKey", default="")


_message: Final = Decoder(Message).decode
_wrapped: Final = Decoder(Wrapped).decode


def usdm_place(endpoint: str, key: str) -> str:
    """Return the URL with the key and all events in its query."""
    return f"{endpoint}/ws?listenKey={quote(key, safe='')}&events={'/'.join(EVENTS)}"


def coinm_place(endpoint: str, key: str) -> str:
    """Return the URL with the key in its path: COIN-M's host has no categories."""
    return f"{endpoint}/ws/{quote(key, safe='')}"


def handshake(target: spi.Target, market: Market, place: Place) -> spi.Handshake:
    """Fetch the account's key, the one that there is or a new one, and open its stream."""
    headers = {KEY_HEADER: signer_of(target).api_key}
    url = f"{target.urls[REST]}{market.api}/listenKey"
    cost = {market.weight: LISTEN_KEY}
    reply = checked((yield spi.Fetch("POST", url, headers=headers, cost=cost)))
    key = convert(reply.json(), Key).listenKey
    if not key:
        raise ValueError("an empty listenKey")
    yield spi.Open(place(target.urls[target.endpoint], key), cost={market.dials: 1})

    def extend() -> spi.Fetch:
        return spi.Fetch("PUT", url, headers=headers, cost=cost)

    keepalive = spi.Keepalive(every=LISTEN_KEY_EVERY, make=extend, judge=_judge, lasts=LISTEN_KEY_LASTS)
    return spi.Session(keepalives=(keepalive,), details={"key": key})


def _judge(reply: spi.HttpReply) -> spi.Verdict | None:
    """Judge what an extension was answered with; a key that is gone is asked for anew."""
    try:
        reply.json()
    except spi.ReplyRefused as fault:
        return verdicts.verdict(fault) or spi.Verdict(action=spi.Action.RETRY, text=str(fault))
    return None


class ListenKeyDialect:
    """
    One connection's translator.

    Args:
        session: what the handshake established.
        events: reads them.
        messages: the limit on which requests draw.
    """

    def __init__(self, session: spi.Session, events: FuturesEvents, messages: str) -> None:
        self._key: str | None = session.details.get("key")
        """Whose expiry is the session's end; if it is not known, that of any is."""
        self._events = events
        self._messages = messages
        self._last = 0
        self._asked: dict[int, Op] = {}

    def stream(self, payload: bytes, binary: bool, /) -> str | None:
        """Tell an event of records or of none; it is had raw even if it makes no sense otherwise."""
        event = None if binary else _EVENT(payload)
        return None if event is None or event[1] in _TO_BE_READ else USER

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[spi.Event]:
        """Translate one message."""
        if binary:
            raise ValueError("a binary message on a JSON connection")
        payload.decode()  # what is not read is not checked otherwise
        try:
            message = _message(payload)
            if message.data is not UNSET:
                return self._event(bytes(message.data))
            return self._answer(message) if message.kind is UNSET else self._event(payload)
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc

    def _event(self, payload: bytes) -> Iterable[spi.Event]:
        wrapped = _wrapped(payload)
        if wrapped.kind == SHUTDOWN:
            return (spi.Draining(),)
        if wrapped.kind == EXPIRED:
            is_ours = self._key is None or wrapped.key in {"", self._key}
            return (spi.SessionLost(spi.Scope.SESSION, EXPIRED),) if is_ours else ()
        event = self._events.read(wrapped.kind, payload)
        if isinstance(event, spi.Data):
            return (event,)
        raw = spi.Data(USER, ())  # what has no record can be had raw
        return (raw,) if event is None else (event, raw)

    def _answer(self, message: Message) -> Iterable[spi.Event]:
        error = message.error
        if error is UNSET and message.code is not UNSET:
            error = ApiError(message.code, message.msg)
        op = None if message.id is None else self._asked.pop(message.id, None)
        if error is not UNSET:
            verdict = judged(0, error)
            return (spi.Problem(verdict, verdict.text) if op is None else spi.Nack(message.id, op, verdict),)
        if op is None or message.result is UNSET:
            raise ValueError("neither an event nor an answer")
        return (spi.Ack(message.id),)

    # --- what is asked

    def subscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Ask for an answer: the URL has the key, which is all that there is to subscribe to."""
        return self._ask("subscribe", streams)

    def unsubscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Let the account's events come for as long as the connection is its own."""
        return self._ask("unsubscribe", streams)

    def _ask(self, op: Op, streams: Sequence[str]) -> Sequence[spi.Request]:
        if not streams:
            return ()
        self._last += 1
        self._asked[self._last] = op
        body: dict[str, Any] = {"method": "LIST_SUBSCRIPTIONS", "id": self._last}
        frame = orjson.dumps(body).decode()
        return (spi.Request(frame=frame, streams=tuple(streams), op=op, id=self._last, cost={self._messages: 1}),)

    def ping(self, _token: int, /) -> spi.Ping:
        """Use WebSocket pings."""
        return spi.Ping.WEBSOCKET

    def book(self, _stream: str, /) -> spi.BookRule | None:
        """An account has none."""
        return None
