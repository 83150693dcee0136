"""Where a request carries its token or ticket: in a header, never in the URL, which logs and histories keep."""

from collections.abc import Sequence
from typing import Final

from aiohttp import hdrs, web

from gateway.serving.auth.tickets import PREFIX
from gateway.serving.auth.tokens import LOOKS_LIKE

TOKEN_PROTOCOL: Final = "gateway.token."  # noqa: S105  # what comes before one
TICKET_PROTOCOL: Final = "gateway.ticket."
IN_URL: Final = frozenset(
    {"token", "access_token", "auth", "authorization", "ticket", "api_key", "apikey", "bearer"}
)


class CredentialsError(Exception):
    """There are several, or they are written otherwise; the text is for the client and has none of them."""


def in_url(request: web.Request) -> bool:
    """Whether the URL seems to have a token or a ticket in it."""
    if any(mark in request.raw_path for mark in (LOOKS_LIKE, PREFIX)):
        return True
    return any(name.lower() in IN_URL for name in request.query)


def shown(request: web.Request) -> str | None:
    """
    Return the token or the ticket that a request shows; nothing if none.

    Raises:
        CredentialsError: If there are several, or another scheme than Bearer.
    """
    found = [_bearer(line) for line in request.headers.getall(hdrs.AUTHORIZATION, ())]
    found += [_carried(name) for name in offered(request) if is_credential(name)]
    if len(found) > 1:
        raise CredentialsError("show one token or ticket, not several")
    return found[0] if found else None


def offered(request: web.Request) -> Sequence[str]:
    """Return the subprotocols that a client offers."""
    lines = request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())
    return [name.strip() for line in lines for name in line.split(",")]


def is_credential(protocol: str) -> bool:
    """Whether a subprotocol is none but carries a token or a ticket."""
    return protocol.startswith((TOKEN_PROTOCOL, TICKET_PROTOCOL))


def _carried(protocol: str) -> str:
    return protocol.removeprefix(TOKEN_PROTOCOL).removeprefix(TICKET_PROTOCOL)


def _bearer(line: str) -> str:
    scheme, _, text = line.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise CredentialsError("the Authorization header needs the scheme Bearer")
    return text.strip()
