"""Of a URL no more than a host and a port is told."""

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.engine.observer import REQUEST
from gateway.runtime.ground import Ground


def told(url: str, status: int | None = None) -> list[Any]:
    heard: list[Any] = []
    observer = SimpleNamespace(noticed=lambda *what, **facts: heard.append((*what, facts)))
    Ground.asked(SimpleNamespace(exchange="mock", observer=observer), url, status)  # type: ignore[arg-type]
    return heard


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("wss://me:pw@Host.example:9443/ws/KEY?k=v", ("host.example", 9443, "websocket")),
        ("wss://host.example/ws", ("host.example", 443, "websocket")),
        ("ws://[::1]/", ("::1", 80, "websocket")),
        ("https://host.example/api?signature=x#y", ("host.example", 443, "http")),
        ("http://host.example", ("host.example", 80, "http")),
    ],
)
def test_it_is_the_host_and_the_port(url: str, where: tuple[str, int, str]) -> None:
    names = ("host", "port", "protocol")
    assert told(url, 200) == [("mock", 0, REQUEST, {**dict(zip(names, where, strict=True)), "status": 200})]


@pytest.mark.parametrize(
    "url", ["", "host.example/x", "ftp://host/x", "ws://[::1", "wss://host:port/x", "ws://h:99999/"]
)
def test_what_is_no_url_is_not_told_and_harms_nobody(url: str) -> None:
    assert told(url) == []
