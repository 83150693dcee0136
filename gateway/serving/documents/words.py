"""What the documents say in words of the whole."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ABOUT: Final = """\
What a running gateway tells and does over HTTP. `/asyncapi.json` has what is spoken on the WebSocket `/v1/ws`.

Times are integer microseconds since 1970 (`_us`, `ts`), except where seconds are said. Prices, sizes and amounts
are decimal strings, exactly as the exchange wrote them. Receivers must ignore fields that they do not know. HEAD
is answered as GET, without the body. Errors are problem documents (RFC 9457) with a `code`."""
LICENCE: Final[Mapping[str, str]] = MappingProxyType({"name": "MIT", "identifier": "MIT"})
SHOWN: Final = """\
A token, made with `gateway token create`. None is needed as long as only this machine can reach the gateway and
none was ever made. The scopes that a request needs are listed with it; `admin` includes all but account data."""
SUBPROTOCOL: Final = """\
Browsers, which cannot send a header with a WebSocket, offer two subprotocols: `gateway.v1`, and
`gateway.token.<token>`, or `gateway.ticket.<ticket>` with a one-time ticket of `POST /api/v1/tickets`."""
STREAM: Final = """\
A WebSocket with the subprotocol `gateway.v1`, or none. Messages are JSON in text frames, both ways. A client asks
with `method`, `req_id` and `params`; each request is answered, a subscription for each of its topics, always
before the topic's first message. Everything else is told of topics that the client has. Receivers must ignore
fields that they do not know. Pings come every 20 s; a client of which nothing is heard for 60 s is closed."""
REQUESTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "subscribe": "Subscribe to topics, or resume them",
        "unsubscribe": "Hear no more of topics",
        "list": "List the topics that the client has",
        "ping": "Measure, or show that the client is there",
        "auth": "Show a token or a ticket",
    }
)
CLOSING: Final[Mapping[int, str]] = MappingProxyType(
    {
        1001: "the gateway is shutting down; come back with backoff",
        1011: "a defect of the gateway; come back with backoff",
        4408: "too slow; come back with backoff",
        4409: "nothing was heard for 60 s; come back with backoff",
        4501: "no token was shown in time, a wrong one was, or it was revoked or has expired; do not come back",
        4503: "ten requests that could not be understood; do not come back",
        4508: "no subscription for 60 s; do not come back",
        4510: "an operator closed it; do not come back",
    }
)
TAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "health": "Whether it lives, and whether it is ready.",
        "info": "What runs here.",
        "exchanges": "The exchanges, and what is traded there.",
        "connections": "The connections to exchanges, and having one replaced.",
        "accounts": "The accounts of the configuration.",
        "plugins": "The plugins that are installed.",
        "subscriptions": "What is kept open whether a client listens or not.",
        "topics": "What is open.",
        "books": "Order books, asked for once.",
        "clients": "Who is connected.",
        "config": "The configuration.",
        "tickets": "One-time tickets for pages in browsers.",
        "events": "What happens, as it happens.",
        "metrics": "Figures for monitoring.",
        "streams": "Data as it comes.",
        "native": "The exchanges' own protocols.",
        "pages": "Pages for people, and these documents.",
    }
)
