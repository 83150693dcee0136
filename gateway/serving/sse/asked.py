"""What a URL asks for: topics, and how they are wanted; validated as the stream protocol's requests are."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from gateway.errors import SubscriptionError
from gateway.model.subscriptions import RAW, Subscription, parse_topic
from gateway.serving.limits import CONFLATE_MS
from gateway.serving.requests import ACCOUNT_CHANNELS, Lag, Subscribe
from gateway.serving.wording import plain

TOPICS: Final = 50
"""Topics of one stream at most: an id has a place for each."""


class Query(Struct, forbid_unknown_fields=True, kw_only=True):
    """The query of ``/v1/sse``; what is not about one topic holds for all of them."""

    topic: Annotated[list[str], Meta(min_length=1, max_length=TOPICS)]
    snapshot: Literal["true", "false"] = "true"
    conflate_ms: Annotated[int, Meta(ge=0, le=CONFLATE_MS)] = 0
    on_lag: Lag | None = None


def query_of(request: web.Request) -> Query:
    """
    Return what the URL of ``request`` asks.

    Raises:
        SubscriptionError: ``bad_request``.
    """
    given: dict[str, object] = {name: request.query.getall(name) for name in request.query}
    for name, values in given.items():
        if name != "topic" and isinstance(values, list):
            if len(values) > 1:
                raise SubscriptionError("bad_request", f"{name} is there {len(values)} times")
            given[name] = values[0]
    try:
        return msgspec.convert(given, Query, strict=False)
    except msgspec.ValidationError as exc:
        raise SubscriptionError("bad_request", f"the query: {exc}") from None


def subscribe_to(topic: str, query: Query) -> Subscribe:
    """
    Return the request of the stream protocol that stands for one topic of a URL.

    Raises:
        SubscriptionError: ``bad_request``, if it is no topic.
    """
    try:
        wish = parse_topic(topic)
    except ValueError as exc:
        raise SubscriptionError("bad_request", str(exc)) from None
    fields = {
        "exchange": wish.exchange,
        "channel": wish.channel,
        "snapshot": query.snapshot == "true",
        "conflate_ms": query.conflate_ms,
        "on_lag": query.on_lag,
        **_place(wish),
    }
    try:
        return msgspec.convert(fields, Subscribe)
    except msgspec.ValidationError as exc:
        raise SubscriptionError(
            "bad_request", f"{topic[:128]!r}: {plain(exc, msgspec.json.encode(fields))}"
        ) from None


def _place(wish: Subscription) -> Mapping[str, object]:
    if wish.account is not None or wish.channel in ACCOUNT_CHANNELS:
        return {"account": wish.account}
    if wish.channel == RAW:
        return {"streams": [wish.symbol]}
    return {"symbols": [wish.symbol], "variant": wish.variant}
