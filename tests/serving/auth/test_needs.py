"""Every route that is served says what it needs; one that does not needs admin."""

from typing import Any

from gateway.engine.hub import Hub
from gateway.serving import Server
from gateway.serving.auth.needs import FREE, NEEDS, OWN_DOOR, need_of


def served() -> set[tuple[str, str]]:
    everything: Any = object()
    server = Server(
        Hub(str),
        everything,
        host="127.0.0.1",
        port=0,
        now=lambda: 0.0,
        wall_us=int,
        version="1",
        standing=everything,
        configuration=everything,
    )
    routes = server._runner.app.router.routes()
    return {(route.method, route.resource.canonical) for route in routes if route.resource is not None}


def test_every_route_has_a_line() -> None:
    missing = {route for route in served() if route[0] != "HEAD"} - set(NEEDS)
    assert {path for _, path in missing} <= FREE | OWN_DOOR


def test_whatever_is_not_a_read_has_a_name_for_the_audit() -> None:
    assert all((need.action is None) is (method == "GET") for (method, _), need in NEEDS.items())


def test_one_that_was_forgotten_needs_admin_and_is_audited_if_it_does_something() -> None:
    assert need_of("GET", "/new").scope == need_of("POST", "/new").scope == "admin"
    assert need_of("GET", "/new").action is None
    assert need_of("POST", "/new").action == "POST /new"
    assert need_of("HEAD", "/api/v1/info") == need_of("GET", "/api/v1/info")
