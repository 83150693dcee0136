"""What the documents say in words of the whole."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ABOUT: Final = """\
What a running gateway tells and does over HTTP. `/asyncapi.json` has what is spoken on the WebSocket, `/v1/ws`.

Times are integer microseconds since 1970 (`_us`, `ts`), except where seconds are said. Prices, sizes and amounts
are decimal strings, exactly as the exchange wrote them. Receivers must ignore fields that they do not know. HEAD is
answered as GET, without the body. Errors are problem documents (RFC 9457) with a `code`."""
LICENCE: Final[Mapping[str, str]] = MappingProxyType({"name": "MIT", "identifier": "MIT"})
SHOWN: Final = """\
A token, made with `gateway token create`. None is needed as long as only this machine can reach the gateway and
none was ever made. The scopes that a request needs are listed with it; `admin` includes all but account data."""
SUBPROTOCOL: Final = """\
Browsers, which cannot send a header with a WebSocket, offer two subprotocols: `gateway.v1`, and
`gateway.token.<token>`, or `gateway.ticket.<ticket>` with a one-time ticket of `POST /api/v1/tickets`."""
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
