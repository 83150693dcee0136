"""
Who may reach the server at all: decided before any handler or upgrade runs.

A page that a browser shows must not become a client by itself, so every Origin but
that of our own pages must be allowed (cross-site WebSocket hijacking), and so must
the name under which we were reached (DNS rebinding).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.errors import UnsafeError
from gateway.serving.problems import problem

OURS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def is_exposed(host: str, *, behind_tls_proxy: bool) -> bool:
    """Whether others than this machine can reach what listens on ``host``, be it through a proxy."""
    if behind_tls_proxy:
        return True
    try:
        return host != "localhost" and not ip_address(host).is_loopback
    except ValueError:
        return True


def bound(host: str, *, tls: bool, behind_tls_proxy: bool, tokens: bool) -> str:
    """
    Return the address to bind for ``host``.

    Args:
        host: as configured.
        tls: whether we speak it.
        behind_tls_proxy: whether a proxy does, in front of us.
        tokens: whether there is one that is good.

    Raises:
        UnsafeError: If others than this machine could reach it, and not all that this needs is there.
    """
    if is_exposed(host, behind_tls_proxy=behind_tls_proxy):
        refusing = f"refusing to listen on {host!r}: other machines could reach it, and that needs tokens and TLS"
        if not (tls or behind_tls_proxy):
            raise UnsafeError(
                f"{refusing}; set server.tls.cert and server.tls.key, or server.behind_tls_proxy = true where a "
                "proxy speaks it, or listen on 127.0.0.1 or ::1"
            )
        if not tokens:
            raise UnsafeError(
                f"{refusing}, and no token is good; make one with 'gateway token create', which needs "
                "store.path to name a file"
            )
    return "127.0.0.1" if host == "localhost" else host


@dataclass(frozen=True, slots=True)
class Visitors:
    """Who may come: the names beside this machine's own under which we may be reached, and the pages that may."""

    names: frozenset[str]
    origins: frozenset[str]


def visitors(hosts: Iterable[str], origins: Iterable[str]) -> Visitors:
    """Return who may come under ``hosts``, with a port if it is not ours; no ``origins`` means no browsers."""
    return Visitors(OURS | {host.lower() for host in hosts}, frozenset(origin.lower() for origin in origins))


def guard(port: Callable[[], int], allowed: Callable[[], Visitors], scheme: str) -> Middleware:
    """
    Return the middleware that refuses foreign Hosts and Origins.

    Args:
        port: ours, known once the server listens.
        allowed: who may come now.
        scheme: under which browsers see our own pages: ``http``, or ``https`` if we or a proxy speak TLS.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        names, origins = allowed().names, allowed().origins
        given = [host.lower() for host in request.headers.getall(hdrs.HOST, ())]
        if len(given) != 1 or not (given[0] in names or given[0].removesuffix(f":{port()}") in names):
            return problem(403, "host_not_allowed", "the Host header names nobody we are; see allowed_hosts")
        ours = f"{scheme}://{given[0]}"
        if any(origin.lower() not in {ours, *origins} for origin in request.headers.getall(hdrs.ORIGIN, ())):
            return problem(403, "origin_not_allowed", "this Origin may not connect; see allowed_origins")
        return await handler(request)

    return check


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every response carries, but those that it brings itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
