"""
The messages of the stream protocol, as models: requests by what reads them, the rest as it is written.

What the gateway sends is put together from bytes on its way and never from these; a test holds the
two together.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.model.account import ACCOUNT_RECORDS
from gateway.model.market import MARKET_RECORDS
from gateway.model.subscriptions import RAW
from gateway.serving import requests
from gateway.serving.documents.codes import SUBSCRIPTIONS

Method = Literal["auth", "subscribe", "unsubscribe", "list", "ping"]
ReqId = Annotated[int | None, Meta(description="Any integer of the client's, which every answer repeats.")]
Micros = Annotated[int, Meta(description="Microseconds since 1970.")]
TopicName = Annotated[
    str, Meta(description="`<exchange>:<channel>:<symbol>[:<variant>]`, or as for raw and accounts.")
]
Code = Annotated[str, Meta(extra_json_schema={"enum": list(SUBSCRIPTIONS)})]
TOLD: Final = [*TopicStatus, *(event for event in TopicEvent if event is not TopicEvent.GAP)]
Told = Annotated[str, Meta(extra_json_schema={"enum": [str(one) for one in TOLD]})]

PARAMS: Final[Mapping[Method, type[Struct]]] = {
    "subscribe": requests.Subscribe,
    "unsubscribe": requests.Selection,
    "list": requests.Nothing,
    "ping": requests.Nothing,
    "auth": requests.Auth,
}


def request_of(method: Method) -> type[Struct]:
    """Return the model of a whole request; ``list`` and ``ping`` need no params."""
    model = PARAMS[method]
    params: tuple[Any, ...] = ("params", model)
    if model is requests.Nothing:
        params = ("params", model, field(default_factory=requests.Nothing))
    fields = [("method", Literal[method]), ("req_id", ReqId, None), params]
    needed_first = sorted(fields, key=len)
    return msgspec.defstruct(f"{method.title()}Request", needed_first, forbid_unknown_fields=True)


class State(Struct, frozen=True, kw_only=True):
    """Where a topic stands; ``offset`` is that of the last message published."""

    topic: TopicName
    epoch: str
    offset: int
    status: TopicStatus
    reason: str | UnsetType = UNSET


class Answered(Struct, frozen=True, kw_only=True):
    """What every answer has: when the request arrived, and when the answer left."""

    req_id: int | UnsetType = UNSET
    time_in: Micros
    time_out: Micros


class Subscribed(State, frozen=True, kw_only=True):
    """A topic is subscribed to; ``recovered`` is there if the request had a ``resume`` for it."""

    method: Literal["subscribe"]
    req_id: int | UnsetType = UNSET
    success: Literal[True]
    recovered: bool | UnsetType = UNSET
    time_in: Micros
    time_out: Micros


class Unsubscribed(Answered, frozen=True, kw_only=True):
    """A topic is subscribed to no longer."""

    method: Literal["unsubscribe"]
    success: Literal[True]
    topic: TopicName


class Listed(Answered, frozen=True, kw_only=True):
    """Every topic that the client has."""

    method: Literal["list"]
    success: Literal[True]
    topics: list[State]


class Done(Answered, frozen=True, kw_only=True):
    """What has nothing more to tell."""

    method: Literal["ping", "auth"]
    success: Literal[True]


class StreamError(Struct, frozen=True, kw_only=True):
    """Why; ``temporary`` tells whether asking again later can help."""

    code: Code
    message: str
    temporary: bool


class Refused(Answered, frozen=True, kw_only=True):
    """
    A request is refused, or one topic of it.

    ``method`` is what the client wrote, null if the frame could not be read.
    """

    method: str | None
    success: Literal[False]
    topic: str | UnsetType = UNSET
    error: StreamError


class Status(Struct, frozen=True, kw_only=True):
    """What a topic is, or what its listeners are told."""

    topic: TopicName
    type: Literal["status"]
    status: Told
    reason: str
    ts: Micros


class Gap(Struct, frozen=True, kw_only=True):
    """
    Something is missing before the next datum.

    ``from`` and ``to`` are the exchange's ids, both missing too, ``from_ts`` and ``to_ts`` the times of what came
    before and of what comes next, where they are known. ``recoverable`` tells that the exchange may still have it.
    """

    topic: TopicName
    type: Literal["status"]
    status: Literal["gap"]
    reason: str
    ts: Micros
    first: int | UnsetType = field(name="from", default=UNSET)
    last: int | UnsetType = field(name="to", default=UNSET)
    from_ts: Micros | UnsetType = UNSET
    to_ts: Micros | UnsetType = UNSET
    recoverable: bool


class Lagged(Struct, frozen=True, kw_only=True):
    """Messages that the client was not sent, since it reads too slowly: these offsets, both included."""

    topic: TopicName
    type: Literal["lag"]
    first: int = field(name="from")
    last: int = field(name="to")


class Data(Struct, frozen=True, kw_only=True):
    """What every message with data has. ``first`` is in a conflated one: it stands for ``first`` to ``offset``."""

    topic: TopicName
    type: Literal["update", "snapshot"]
    epoch: Annotated[str, Meta(description="Random text, minted when the topic comes into being.")]
    offset: Annotated[int, Meta(description="Counts the topic's published messages.")]
    first: int | UnsetType = UNSET
    ts: Annotated[int, Meta(description="The exchange's time, in microseconds since 1970.")] | UnsetType = UNSET
    recv: Annotated[int, Meta(description="When the gateway received it, in microseconds since 1970.")]


def data_of(channel: str) -> type[Struct]:
    """Return the model of a channel's messages."""
    record = {**MARKET_RECORDS, **ACCOUNT_RECORDS}.get(channel)
    data = Any if record is None else Annotated[list[record], Meta(min_length=1)]  # type: ignore[valid-type]
    return msgspec.defstruct(
        f"{channel.title()}Message", [("data", data)], bases=(Data,), frozen=True, kw_only=True
    )


CHANNELS: Final[Sequence[str]] = (*MARKET_RECORDS, *ACCOUNT_RECORDS, RAW)
REQUESTS: Final[Mapping[Method, type[Struct]]] = {method: request_of(method) for method in PARAMS}
ANSWERS: Final[Mapping[str, type[Struct]]] = {
    "subscribed": Subscribed,
    "unsubscribed": Unsubscribed,
    "listed": Listed,
    "done": Done,
    "refused": Refused,
}
NOTICES: Final[Mapping[str, type[Struct]]] = {"status": Status, "gap": Gap, "lag": Lagged}
DATA: Final[Mapping[str, type[Struct]]] = {channel: data_of(channel) for channel in CHANNELS}
