"""
The mock exchange: the smallest complete plugin.

Messages are JSON objects. Requests carry an ``id`` that the answer repeats,
data begin with their ``stream``, prices are strings and times microseconds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Final

import msgspec

from gateway import spi
from gateway_mock.native import MockNative

INFO: Final = spi.ExchangeInfo(
    spi_version=0,
    environments=("live",),
    endpoints=(
        spi.Endpoint("stream", {"live": "ws://127.0.0.1:9440"}, max_streams=1000),
        spi.Endpoint("private", {"live": "ws://127.0.0.1:9440/private"}, private=True),
        spi.Endpoint("rest", {"live": "http://127.0.0.1:9440"}),
    ),
    channels=(
        spi.Channel("trades", rhythm=spi.Rhythm.CONTINUOUS, contiguous=True),
        spi.Channel("quotes", rhythm=spi.Rhythm.CONTINUOUS),
        spi.Channel("book", frozenset({None, "5", "10", "20", "50", "100"}), rhythm=spi.Rhythm.CONTINUOUS),
        spi.Channel("ticker", rhythm=spi.Rhythm.CONTINUOUS),
        spi.Channel("raw"),
        spi.Channel("orders", private=True),
        spi.Channel("balances", private=True),
    ),
    limits=(
        spi.Limit("mock-messages", 50, per=1.0, scope=spi.Scope.CONNECTION),
        spi.Limit("mock-dials", 300, per=60.0),
        spi.Limit("mock-weight", 1200, per=60.0, usage_header="x-mock-used-weight"),
    ),
)
MOST_STREAMS: Final = 100
"""As many as one request may name."""


ENDS: Final[Mapping[int | None, spi.Reason]] = {4409: spi.Reason.CONFLICT, 4429: spi.Reason.RATE_LIMITED}
"""Why the exchange closes a connection with a code of its own."""


class Message(msgspec.Struct):
    """Whatever the exchange sends: an answer has an ``op``, a datum a ``stream``."""

    op: str = "data"
    stream: str = ""
    kind: str = "update"
    ts: int | None = None
    data: msgspec.Raw = msgspec.Raw(b"[]")
    id: int | None = None
    reason: str = ""
    rejected: tuple[str, ...] = ()
    deadline: float | None = None
    nonce: str = ""


class Clock(msgspec.Struct):
    """The answer of ``/time``: microseconds since 1970."""

    now: int


MESSAGE: Final = msgspec.json.Decoder(Message)
RECORDS: Final[dict[tuple[str, str], msgspec.json.Decoder[Any]]] = {
    ("trades", "update"): msgspec.json.Decoder(list[spi.Trade]),
    ("quotes", "update"): msgspec.json.Decoder(list[spi.Quote]),
    ("book", "snapshot"): msgspec.json.Decoder(list[spi.BookSnapshot]),
    ("book", "update"): msgspec.json.Decoder(list[spi.BookDelta]),
    ("ticker", "update"): msgspec.json.Decoder(list[spi.Ticker]),
    ("orders", "update"): msgspec.json.Decoder(list[spi.Order]),
    ("balances", "update"): msgspec.json.Decoder(list[spi.Balance]),
}


def _read(payload: bytes) -> Message:
    try:
        return MESSAGE.decode(payload)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


class MockExchange:
    """The hooks."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        """Describe the mock exchange."""
        return INFO

    @spi.hookimpl
    def gateway_route(self, subscription: spi.Subscription) -> spi.Route | None:
        """Name streams ``trades.btc_usdt``, of an account ``orders``; no stream has all of an account."""
        if subscription.account is not None and subscription.channel == "raw":
            return None
        if subscription.account is not None:
            return spi.Route("private", subscription.channel, subscription.account)
        if subscription.channel == "raw":
            return spi.Route("stream", subscription.symbol)
        return spi.Route("stream", f"{subscription.channel}.{subscription.symbol}")

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        """Log accounts in: sign the nonce with which the exchange greets."""
        yield spi.Open(target.urls[target.endpoint], cost={"mock-dials": 1})
        if target.endpoint == "private":
            if target.signer is None:
                raise spi.LoginRefused("an account's connection needs credentials")
            hello = _read((yield spi.Receive()))
            signature = target.signer.hmac_sha256(hello.nonce.encode()).hex()
            login = {"op": "login", "key": target.signer.api_key, "signature": signature}
            yield spi.Send(json.dumps(login), cost={"mock-messages": 1})
            answer = _read((yield spi.Receive()))
            if answer.op != "ok":
                raise spi.LoginRefused(answer.reason)
        return spi.Session()

    @spi.hookimpl
    def gateway_classify(self, fault: spi.ConnectionFault) -> spi.Verdict | None:
        """Know two ends by their codes: an account was logged in elsewhere, and too much was sent."""
        why = ENDS.get(fault.code) if isinstance(fault, spi.TransportLost) else None
        return None if why is None else spi.Verdict(action=spi.Action.RETRY, reason=why, text=str(fault))

    @spi.hookimpl
    def gateway_heartbeat_interval(self) -> float:
        """Ping every 5 seconds."""
        return 5.0

    @spi.hookimpl
    def gateway_dialect(self, instruments: spi.Instruments) -> "MockDialect":
        """Return a fresh translator."""
        return MockDialect(instruments)

    @spi.hookimpl
    def gateway_instruments(self, target: spi.Target) -> spi.Conversation[spi.Instruments]:
        """Fetch ``/symbols``, which is written as ours is."""
        reply = yield spi.Fetch("GET", f"{target.urls['rest']}/symbols", cost={"mock-weight": 10})
        return spi.Instruments(msgspec.convert(reply.json(), list[spi.Instrument]))

    @spi.hookimpl
    def gateway_server_time(self, target: spi.Target) -> spi.Conversation[int]:
        """Fetch ``/time``."""
        reply = yield spi.Fetch("GET", f"{target.urls['rest']}/time", cost={"mock-weight": 1})
        return msgspec.convert(reply.json(), Clock).now

    @spi.hookimpl
    def gateway_backfill(
        self, target: spi.Target, subscription: spi.Subscription, after: int, before: int
    ) -> spi.Conversation[Sequence[object]] | None:
        """Fetch missed trades, at most the exchange's last thousand."""
        return _missed_trades(target, subscription, after, before) if subscription.channel == "trades" else None

    @spi.hookimpl
    def gateway_native(self, target: spi.Target) -> spi.Native:
        """Speak the exchange's own protocol to clients."""
        return MockNative(target)


def _missed_trades(
    target: spi.Target, subscription: spi.Subscription, after: int, before: int
) -> spi.Conversation[Sequence[object]]:
    url = f"{target.urls['rest']}/trades?symbol={subscription.symbol}&after={after}&before={before}"
    reply = yield spi.Fetch("GET", url, cost={"mock-weight": 5})
    return msgspec.convert(reply.json(), list[spi.Trade])


class MockDialect:
    """One connection's translator."""

    def __init__(self, instruments: spi.Instruments) -> None:
        self._instruments = instruments
        self._ids = count(1)

    def stream(self, payload: bytes, _binary: bool, /) -> str | None:
        """Cut the name out: a datum begins with ``{"stream":"``."""
        if not payload.startswith(b'{"stream":"'):
            return None
        return payload[11 : payload.find(b'"', 11)].decode(errors="replace")

    def decode(self, payload: bytes, _binary: bool, /) -> Iterable[spi.Event]:
        """Translate one message."""
        message = _read(payload)
        match message.op:
            case "data":
                yield spi.Data(message.stream, self._records(message), message.ts)
            case "ok":
                yield spi.Ack(message.id)
            case "error" if message.rejected:
                yield spi.Ack(message.id, rejected=message.rejected)
            case "error":
                stop = spi.Verdict(action=spi.Action.STOP, scope=spi.Scope.STREAM, text=message.reason)
                yield spi.Nack(message.id, "subscribe", stop)
            case "ended":
                yield spi.Revoked(message.stream, message.reason)
            case "closing":
                yield spi.Draining(message.deadline)
            case other:
                raise ValueError(f"unknown op {other!r}")

    def _records(self, message: Message) -> Sequence[Any]:
        decoder = RECORDS.get((message.stream.partition(".")[0], message.kind))
        if decoder is None:
            raise ValueError(f"unknown stream {message.stream!r}")
        records: Sequence[Any] = decoder.decode(message.data)
        return [self._ours(one) for one in records] if message.stream == "orders" else records

    def _ours(self, order: spi.Order) -> spi.Order:
        """Spell the order's symbol as the gateway does."""
        found = self._instruments.native(order.symbol)
        return order if found is None else msgspec.structs.replace(order, symbol=found.symbol)

    def subscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Ask for a hundred streams at a time."""
        return self._requests("subscribe", streams)

    def unsubscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Give up a hundred streams at a time."""
        return self._requests("unsubscribe", streams)

    def ping(self, _token: int, /) -> spi.Ping:
        """Use WebSocket pings."""
        return spi.Ping.WEBSOCKET

    def book(self, stream: str, /) -> spi.BookRule | None:
        """Every ``book`` stream begins with a snapshot."""
        return BOOK if stream.startswith("book.") else None

    def _requests(self, op: Any, streams: Sequence[str]) -> Sequence[spi.Request]:
        parts = [tuple(streams[at : at + MOST_STREAMS]) for at in range(0, len(streams), MOST_STREAMS)]
        return [self._request(op, part) for part in parts]

    def _request(self, op: Any, streams: tuple[str, ...]) -> spi.Request:
        number = next(self._ids)
        frame = json.dumps({"op": op, "id": number, "streams": streams})
        return spi.Request(frame=frame, streams=streams, op=op, id=number, cost={"mock-messages": 1})


def _follows(previous: int, update: spi.BookDelta, _fresh: bool) -> spi.Continuity:
    """Each update names the one before it, the first one the snapshot."""
    if update.last <= previous:
        return spi.Continuity.IGNORE
    return spi.Continuity.APPLY if update.previous == previous else spi.Continuity.GAP


BOOK: Final = spi.BookRule(follows=_follows, snapshot=spi.SnapshotSource.IN_BAND)
plugin = MockExchange()
