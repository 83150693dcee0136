"""
What each REST request needs: its scope, and the name of what it does if it does something.

A route that is not here needs ``admin``, so that nobody opens a door by forgetting a line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.serving.auth.scopes import ADMIN, MARKET, METRICS, WRITE

API: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Need:
    """
    What a request needs.

    Without ``scope`` any good token will do. ``action`` is what the audit calls it; what only reads has none.
    """

    scope: str | None
    action: str | None = None


DOCUMENTS: Final = ("/openapi.json", "/asyncapi.json", "/api", "/api/{file}")
FREE: Final = frozenset({"/livez", "/readyz", "/", "/dashboard/{file}", *DOCUMENTS})
"""Paths that anybody may read who reaches us: they say that we live, or are pages that hold nothing."""
OWN_DOOR: Final = frozenset({"/v1/ws"})
"""Paths where a token may also be shown later."""
TICKETED: Final = OWN_DOOR | {"/v1/sse"}
"""Paths where a ticket does, for what it opens cannot ask for the next one."""
NATIVE: Final = "/native/{exchange}{path}"
READS: Final = Need(MARKET)
NEEDS: Final[Mapping[tuple[str, str], Need]] = {
    ("GET", "/readyz"): READS,  # ?verbose
    ("GET", "/metrics"): Need(METRICS),
    ("GET", "/v1/sse"): Need(None),  # each topic has its scope
    ("GET", NATIVE): READS,
    **{(method, NATIVE): Need(MARKET, "native") for method in ("POST", "PUT", "DELETE")},  # these are refused
    ("GET", f"{API}/info"): READS,
    ("GET", f"{API}/exchanges"): READS,
    ("GET", f"{API}/exchanges/{{id}}"): READS,
    ("GET", f"{API}/exchanges/{{id}}/instruments"): READS,
    ("GET", f"{API}/connections"): READS,
    ("GET", f"{API}/connections/{{id}}"): READS,
    ("GET", f"{API}/subscriptions"): READS,
    ("GET", f"{API}/events"): READS,  # addresses need admin
    ("GET", f"{API}/topics"): READS,
    ("GET", f"{API}/plugins"): READS,
    ("GET", f"{API}/accounts"): READS,
    ("GET", f"{API}/accounts/{{id}}"): READS,
    ("GET", f"{API}/books/{{exchange}}/{{symbol}}"): READS,
    ("GET", f"{API}/clients"): Need(ADMIN),
    ("GET", f"{API}/clients/{{id}}"): Need(ADMIN),
    ("GET", f"{API}/config"): Need(ADMIN),
    ("POST", f"{API}/tickets"): Need(None, "ticket"),
    ("POST", f"{API}/connections/{{id}}:rollover"): Need(WRITE, "rollover"),
    ("POST", f"{API}/connections/{{id}}:reconnect"): Need(WRITE, "reconnect"),
    ("POST", f"{API}/connections/{{id}}:drain"): Need(WRITE, "drain"),
    ("POST", f"{API}/accounts/{{id}}:connect"): Need(WRITE, "connect"),
    ("POST", f"{API}/accounts/{{id}}:disconnect"): Need(WRITE, "disconnect"),
    ("DELETE", f"{API}/clients/{{id}}"): Need(ADMIN, "close_client"),
    ("POST", f"{API}/subscriptions"): Need(WRITE, "subscribe"),
    ("DELETE", f"{API}/subscriptions/{{topic}}"): Need(WRITE, "unsubscribe"),
    ("POST", f"{API}/config:reload"): Need(ADMIN, "reload"),
}


def need_of(method: str, path: str) -> Need:
    """Return what a request of ``method`` needs at the route ``path``; HEAD is as GET."""
    is_read = method in {"GET", "HEAD"}
    unknown = Need(ADMIN, None if is_read else f"{method} {path}")
    return NEEDS.get(("GET" if is_read else method, path), unknown)
