"""What clients may ask, validated strictly: an unknown method, key or type is an error that names it."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from gateway.errors import SubscriptionError
from gateway.model.subscriptions import RAW, Subscription
from gateway.serving.limits import CONFLATE_MS, SYMBOLS
from gateway.serving.wording import SHOWN, plain

ACCOUNT_CHANNELS: Final = frozenset({"orders", "balances", "positions"})

BLANK: Final = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""Spaces and control characters, one by one: on what ``\\s`` is, Python and others disagree."""
END: Final = r"$(?!\n)"
"""For Python a line break may follow ``$``, for others not."""

Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}" + END)]
Symbol = Annotated[str, Meta(pattern=f"^[^{BLANK}:@][^{BLANK}:]{{0,127}}{END}")]
Stream = Annotated[str, Meta(pattern=f"^[^{BLANK}@][^{BLANK}]{{0,511}}{END}")]


class BadFrameError(SubscriptionError):
    """
    A frame that is no request.

    Args:
        req_id: the request's id where even a bad one says it, so that the client knows which one failed.
    """

    def __init__(self, code: str, message: str, req_id: int | None = None) -> None:
        super().__init__(code, message)
        self.req_id = req_id


class UnauthorizedError(SubscriptionError):
    """What the client showed is no good, and its socket is to be closed."""


class Envelope(Struct, forbid_unknown_fields=True):
    """Any request; ``params`` wait until the method is known."""

    method: str
    req_id: int | None = None
    params: Raw = Raw(b"{}")


class Position(Struct, forbid_unknown_fields=True):
    """Where a client stands in a topic."""

    epoch: str
    offset: Annotated[int, Meta(ge=0)]


class Lag(StrEnum):
    """What a subscription wants when its client lags, as clients say it."""

    CONFLATE = "conflate"
    DISCONNECT = "disconnect"
    DROP_OLDEST = "drop_oldest"


class Selection(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which topics a request is about."""

    exchange: Word
    channel: Word
    symbols: Annotated[list[Symbol], Meta(max_length=SYMBOLS)] = []
    streams: Annotated[list[Stream], Meta(max_length=SYMBOLS)] = []
    account: Word | None = None
    variant: Word | None = None

    def wishes(self) -> list[Subscription]:
        """
        Return one wish for each topic, in order.

        Raises:
            SubscriptionError: If what the channel needs is missing, or something else was given.
        """
        if self.account is not None or self.channel in ACCOUNT_CHANNELS:
            return [self._of_account()]
        if self.channel == RAW:
            given, names, foreign = "streams", self.streams, bool(self.symbols or self.variant)
        else:
            given, names, foreign = "symbols", self.symbols, bool(self.streams)
        if foreign or not names:
            raise SubscriptionError("bad_request", f"channel {self.channel} takes {given}, at least one")
        return [Subscription(self.exchange, self.channel, name, self.variant) for name in names]

    def _of_account(self) -> Subscription:
        if self.account is None or self.symbols or self.streams or self.variant:
            text = f"channel {self.channel} takes account, and nothing else"
            if self.channel == RAW:
                text = f"channel {RAW} takes either streams or account"
            raise SubscriptionError("bad_request", text)
        if self.channel not in {*ACCOUNT_CHANNELS, RAW}:
            channels = ", ".join((*sorted(ACCOUNT_CHANNELS), RAW))
            raise SubscriptionError(
                "bad_request", f"channel {self.channel} takes no account; those that do: {channels}"
            )
        return Subscription(self.exchange, self.channel, account=self.account)


class Subscribe(Selection):
    """What ``subscribe`` takes beside it; ``resume`` is by symbol, stream or account, as in the request."""

    snapshot: bool = True
    conflate_ms: Annotated[int, Meta(ge=0, le=CONFLATE_MS)] = 0
    on_lag: Lag | None = None
    resume: dict[str, Position] = {}

    def wishes(self) -> list[Subscription]:
        """
        Return one wish for each topic, in order.

        Raises:
            SubscriptionError: As for any selection, and if ``resume`` names what is not asked for: whoever
                is misunderstood there would go on as if nothing had to be resumed.
        """
        wishes = super().wishes()
        strays = self.resume.keys() - {place_of(wish) for wish in wishes}
        if strays:
            name = min(strays)[:SHOWN]
            text = f"resume has {name!r}, and the request names no symbol, stream or account so"
            raise SubscriptionError("bad_request", text)
        return wishes


def place_of(wish: Subscription) -> str:
    """Return under which name ``resume`` says where a client stands in what it asks for."""
    return wish.symbol if wish.account is None else wish.account


class Nothing(Struct, forbid_unknown_fields=True):
    """What ``ping`` and ``list`` take."""


class Auth(Struct, forbid_unknown_fields=True):
    """What ``auth`` takes: a token or a one-time ticket."""

    token: str

    def __repr__(self) -> str:
        return "Auth(***)"


Params = Subscribe | Selection | Nothing | Auth

_PARAMS: Final[dict[str, msgspec.json.Decoder[Params]]] = {
    "subscribe": msgspec.json.Decoder(Subscribe),
    "unsubscribe": msgspec.json.Decoder(Selection),
    "list": msgspec.json.Decoder(Nothing),
    "ping": msgspec.json.Decoder(Nothing),
    "auth": msgspec.json.Decoder(Auth),
}
_envelope: Final = msgspec.json.Decoder(Envelope)
_json: Final = msgspec.json.Decoder()


def read(text: str) -> Envelope:
    """
    Return the request that ``text`` is, its params still unread.

    Raises:
        BadFrameError: ``bad_json`` or ``bad_request``.
    """
    try:
        return _envelope.decode(text)
    except msgspec.ValidationError as exc:
        raise BadFrameError("bad_request", str(exc), _req_id_of(text)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as exc:
        raise BadFrameError("bad_json", f"not JSON: {exc}") from None


def params(envelope: Envelope) -> Params:
    """
    Return what the request asks.

    Raises:
        SubscriptionError: ``unknown_method`` or ``bad_request``.
    """
    decoder = _PARAMS.get(envelope.method)
    if decoder is None:
        known = ", ".join(sorted(_PARAMS))
        raise SubscriptionError("unknown_method", f"no method {envelope.method[:64]!r} (known: {known})")
    try:
        return decoder.decode(envelope.params)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as exc:
        raise SubscriptionError("bad_request", f"params: {plain(exc, envelope.params)}") from None


def _req_id_of(text: str) -> int | None:
    try:
        whole = _json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    req_id = whole.get("req_id") if isinstance(whole, dict) else None
    return req_id if type(req_id) is int else None
