"""
The Acme exchange, for the gateway.

Acme greets whoever connects and hears nothing before that. It is pinged with
the text ``ping``, takes one stream per request, gives requests no numbers, and
writes prices as JSON numbers, whose digits are kept.
"""

import json
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final, Literal

import pydantic

from gateway import spi


class Options(pydantic.BaseModel):
    """What ``[plugins.options.acme]`` may say."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    region: Literal["eu", "us"] = "eu"


INFO: Final = spi.ExchangeInfo(
    spi_version=0,
    environments=("live",),
    endpoints=(
        spi.Endpoint("feed", {"live": "wss://feed.acme.example"}, max_streams=50),
        spi.Endpoint("rest", {"live": "https://api.acme.example"}),
    ),
    channels=(
        spi.Channel("trades", rhythm=spi.Rhythm.CONTINUOUS, contiguous=True),
        spi.Channel("quotes", rhythm=spi.Rhythm.CONTINUOUS),
        spi.Channel("raw"),
    ),
    limits=(
        spi.Limit("acme-frames", 20, per=1.0, scope=spi.Scope.CONNECTION, counts_control_frames=True),
        spi.Limit("acme-dials", 60, per=60.0),
        spi.Limit("acme-requests", 100, per=10.0),
    ),
    options=Options,
)
KINDS: Final = {"trades": "trade", "quotes": "quote"}
PROTOCOL: Final = 3
DAY: Final = 86_400


class Acme:
    """The hooks. Each returns a value; the core does what it says."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        """Describe the exchange."""
        return INFO

    @spi.hookimpl
    def gateway_route(self, subscription: spi.Subscription) -> spi.Route | None:
        """Name streams ``trade/btceur`` and ``quote/btceur``."""
        if subscription.channel == "raw":
            return spi.Route("feed", subscription.symbol)
        kind = KINDS.get(subscription.channel)
        return None if kind is None else spi.Route("feed", f"{kind}/{subscription.symbol}")

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        """Await the greeting; it says how long Acme bears silence."""
        options: Options = target.options
        yield spi.Open(f"{target.urls['feed']}/{options.region}", cost={"acme-dials": 1})
        greeting = spi.loads_exact((yield spi.Receive(within=5.0)))
        match greeting:
            case {"event": "welcome", "protocol": int(protocol), "patience": int(patience)} if 0 < patience < DAY:
                if protocol != PROTOCOL:
                    raise spi.LoginRefused(f"Acme speaks protocol {protocol}, this plugin {PROTOCOL}")
                return spi.Session(heartbeat_interval=patience / 3)
        raise ValueError("no greeting")

    @spi.hookimpl
    def gateway_dialect(self) -> "AcmeDialect":
        """Return a fresh translator."""
        return AcmeDialect()

    @spi.hookimpl
    def gateway_instruments(self, target: spi.Target) -> spi.Conversation[spi.Instruments]:
        """Fetch ``/markets``."""
        reply = yield spi.Fetch("GET", f"{target.urls['rest']}/markets", cost={"acme-requests": 1})
        if reply.status != HTTPStatus.OK:
            raise spi.ReplyRefused(reply.status, reply.headers, reply.body)
        match spi.loads_exact(reply.body):
            case list(markets):
                return spi.Instruments(_instrument(market) for market in markets)
        raise ValueError("no list of markets")


class AcmeDialect:
    """One connection's translator; it remembers nothing."""

    def stream(self, payload: bytes, binary: bool, /) -> str | None:
        """Cut the name out: a datum begins with ``{"stream":"``."""
        start = 11
        end = payload.find(b'"', start)
        if binary or end < 0 or not payload.startswith(b'{"stream":"'):
            return None
        return payload[start:end].decode(errors="replace")

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[spi.Event]:
        """Translate one message; whatever is wrong with it is a ValueError."""
        if binary:
            raise ValueError("Acme sends text only")
        return (spi.Pong() if payload == b"pong" else _event(spi.loads_exact(payload)),)

    def subscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Ask for each stream in a request of its own."""
        return [_request("subscribe", stream) for stream in streams]

    def unsubscribe(self, streams: Sequence[str], /) -> Sequence[spi.Request]:
        """Give each stream up in a request of its own."""
        return [_request("unsubscribe", stream) for stream in streams]

    def ping(self, _token: int, /) -> spi.Frame:
        """Ping with text."""
        return "ping"

    def book(self, _stream: str, /) -> spi.BookRule | None:
        """Acme has no books."""
        return None


def _request(op: Literal["subscribe", "unsubscribe"], stream: str) -> spi.Request:
    """Build a request; Acme gives them no numbers, so what it repeats in its answer serves as the id."""
    return spi.Request(
        frame=json.dumps({"do": op, "stream": stream}),
        streams=(stream,),
        op=op,
        id=f"{op} {stream}",
        cost={"acme-frames": 1},
    )


def _event(message: object) -> spi.Event:
    match message:
        case {"stream": str(stream), "at": int(ms), "trades": list(trades)}:
            return spi.Data(stream, [_trade(one) for one in trades], ms * 1000)
        case {"stream": str(stream), "at": int(ms), "quote": quote}:
            return spi.Data(stream, [_quote(quote, ms)], ms * 1000)
        case {"event": "done", "do": str(op), "of": str(stream)}:
            return spi.Ack(f"{op} {stream}")
        case {"event": "refused", "do": "subscribe" | "unsubscribe" as op, "of": str(stream), "why": str(why)}:
            stop = spi.Verdict(action=spi.Action.STOP, scope=spi.Scope.STREAM, text=why)
            return spi.Nack(f"{op} {stream}", op, stop)
    raise ValueError("unknown message")


def _trade(trade: object) -> spi.Trade:
    match trade:
        case {"no": int(number), "price": price, "amount": amount, "taker": "B" | "S" as taker, "ms": int(ms)}:
            return spi.Trade(number, _digits(price), _digits(amount), "buy" if taker == "B" else "sell", ms * 1000)
    raise ValueError("unknown trade")


def _quote(quote: object, ms: int) -> spi.Quote:
    match quote:
        case {"no": int(number), "bid": [bid, bid_size], "ask": [ask, ask_size]}:
            best = (_digits(bid), _digits(bid_size), _digits(ask), _digits(ask_size))
            return spi.Quote(*best, seq=number, ts=ms * 1000)
    raise ValueError("unknown quote")


def _instrument(market: object) -> spi.Instrument:
    match market:
        case {"market": str(name), "base": str(base), "counter": str(counter), "state": str(state), "tick": tick}:
            base, quote = base.upper(), counter.upper()
            symbol = f"{base}-{quote}"
            return spi.Instrument(
                symbol=symbol, native=name, base=base, quote=quote, status=state, tick_size=_digits(tick)
            )
    raise ValueError("unknown market")


def _digits(number: object) -> str:
    """Return what Acme wrote: ``loads_exact`` has made text of fractions, whole numbers it left alone."""
    if isinstance(number, str):
        return number
    if type(number) is not int:
        raise ValueError(f"{number!r} is no number")
    return str(number)


plugin = Acme()
