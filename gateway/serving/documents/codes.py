"""
Every code of a refusal: of a REST request, with its HTTP status, and of a subscription.

A code is raised where the refusal is decided; here stands when, once, for the documents.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Refusal(NamedTuple):
    """When a REST request is refused, and with which status."""

    status: int
    when: str


PROBLEMS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        "host_not_allowed": Refusal(403, "the Host header names nobody we are"),
        "origin_not_allowed": Refusal(403, "a web page that is not ours and not in allowed_origins"),
        "unknown_subprotocol": Refusal(400, "other subprotocols than gateway.v1 were offered"),
        "too_many_sockets": Refusal(429, "the address or the token has as many sockets as it may"),
        "unauthorized": Refusal(401, "a token is needed, or the one that was shown is no good"),
        "forbidden": Refusal(403, "the token lacks the scope that the detail names"),
        "bad_credentials": Refusal(400, "several tokens, or another scheme than Bearer"),
        "token_in_url": Refusal(400, "the URL seems to carry a token"),
        "too_many_refusals": Refusal(429, "very many wrong tokens are being shown"),
        "too_many_tickets": Refusal(429, "a hundred tickets of the token wait to be used"),
        "rate_limited": Refusal(429, "asked faster than it may be"),
        "too_slow": Refusal(408, "the body did not come within 10 s"),
        "shutting_down": Refusal(503, "the gateway is stopping"),
        "not_ready": Refusal(503, "a connection that is wanted is not up, or an exchange does not run"),
        "unknown_exchange": Refusal(404, "no exchange of that name"),
        "unknown_connection": Refusal(404, "no connection of that id"),
        "unknown_symbol": Refusal(404, "the exchange has no such symbol"),
        "unknown_channel": Refusal(404, "the exchange has no books"),
        "unknown_variant": Refusal(404, "the exchange has no whole books"),
        "not_offered": Refusal(404, "the exchange's plugin does not offer it"),
        "ambiguous_symbol": Refusal(409, "several instruments match; the detail lists them"),
        "plugin_error": Refusal(502, "the exchange's plugin failed at it; the gateway's log says how"),
        "unknown_subscription": Refusal(404, "nothing was made through the API under that topic"),
        "unknown_account": Refusal(404, "no account of that name is configured"),
        "unknown_client": Refusal(404, "no client of that id is connected"),
        "bad_request": Refusal(400, "a parameter or the body is not what is needed; the detail says what"),
        "bad_configuration": Refusal(422, "what was read anew is wrong, and nothing was changed"),
        "unsupported_media_type": Refusal(415, "writing needs Content-Type: application/json"),
        "not_connected": Refusal(409, "the connection is not up, so that there is nothing to replace"),
        "nowhere_else": Refusal(409, "a connection of an account cannot drain: its streams have no other"),
        "not_running": Refusal(409, "the account's exchange does not run, or has no connections of accounts"),
        "no_book": Refusal(503, "there is no book that can be trusted now; the detail says how its topic stands"),
        "too_many_books": Refusal(429, "as many books as may are being waited for"),
        "not_kept": Refusal(503, "the store could not keep it"),
        "content_too_large": Refusal(413, "the body has more than 64 KiB"),
        "http_version_not_supported": Refusal(505, "server-sent events need HTTP/1.1"),
        "not_found": Refusal(404, "there is nothing at that path"),
        "internal_error": Refusal(500, "a defect of the gateway; its log says more"),
    }
)
"""The codes of problem documents."""

SUBSCRIPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bad_json": "the frame is not JSON",
        "bad_request": "a field is missing, unknown or of the wrong type, or a name is misspelt",
        "unknown_method": "there is no such method",
        "rate_limited": "asked faster than a client may",
        "unauthorized": "a token is needed, or the one that was shown is no good",
        "forbidden": "the token lacks the scope that the message names",
        "too_many_sockets": "the token has as many sockets as it may",
        "cannot_conflate": "the channel cannot be conflated",
        "cannot_drop": "nothing of an account channel may be dropped",
        "too_many_topics": "the client has as many topics as it may",
        "too_many_lingering": "the client has as many topics as it may, together with those that it left lately",
        "not_subscribed": "the client is not subscribed to it",
        "timeout": "the exchange's instruments did not come in time",
        "unknown_exchange": "no exchange of that name is loaded",
        "unknown_channel": "the exchange has no such channel",
        "unknown_variant": "the channel has no such variant",
        "unknown_symbol": "the exchange has no such symbol",
        "ambiguous_symbol": "several instruments match",
        "unknown_account": "no such account is configured",
        "not_offered": "the exchange's plugin has no stream for it",
        "plugin_error": "the exchange's plugin failed at it",
    }
)
"""The codes of the stream protocol's errors."""

WISHES: Final = (
    "timeout",
    "unknown_exchange",
    "unknown_channel",
    "unknown_variant",
    "unknown_symbol",
    "ambiguous_symbol",
    "unknown_account",
    "not_offered",
    "plugin_error",
)
"""Those with which a subscription is refused that is asked for over REST: each with 422."""

FOLLOWED: Final = (*WISHES, "cannot_conflate", "cannot_drop", "too_many_topics", "too_many_lingering")
"""The same of one that is listened to."""
