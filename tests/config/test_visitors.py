"""Which pages and names may be allowed: those that a browser could send."""

from collections.abc import Callable

import pytest

from gateway.config import Settings

ORIGIN = "need a scheme and a host without a path, such as 'https://app.example:8443'; got "
HOST = "need a host's name without a scheme or a path, such as 'gateway.example' or 'gateway.example:8443'; got "


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "",
        "null",
        "app.example",
        "https://app.example/",
        "https://a/b",
        "https://*.example",
        "https://u@a",
        "https://a b",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(refused: Callable[..., str], origin: str) -> None:
    told = refused(f"[server]\nallowed_origins = ['https://good.example', '{origin}']")
    assert told == f"server.allowed_origins[1]: {ORIGIN}{origin!r}"


@pytest.mark.parametrize("host", ["*", "", "https://gateway.example", "a b", "gateway.example/x", "a:b", "[::1"])
def test_a_host_that_no_client_sends_is_refused(refused: Callable[..., str], host: str) -> None:
    assert refused(f"[server]\nallowed_hosts = ['{host}']") == f"server.allowed_hosts[0]: {HOST}{host!r}"


def test_what_browsers_send_is_accepted(read: Callable[..., Settings]) -> None:
    origins = "['https://app.example', 'http://localhost:3000', 'HTTPS://[::1]:8443', 'chrome-extension://abc']"
    hosts = "['gateway.example', 'gateway:8443', '[::1]:1', '192.0.2.1']"
    server = read(f"[server]\nallowed_origins = {origins}\nallowed_hosts = {hosts}").server
    assert (len(server.allowed_origins), len(server.allowed_hosts)) == (4, 4)
