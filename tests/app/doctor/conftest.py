"""A configuration to be examined, and its findings by how bad they are."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.app.doctor import Case, Finding, Verdict
from gateway.config import load


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., Case]:
    """Return a case of the tables that are given; its file is there, and nobody else may write it."""

    def made(tables: dict[str, Any] | None = None, **more: Any) -> Case:
        path = tmp_path / "gateway.toml"
        path.touch(0o600)
        settings = load(None, {}, tables or {})
        return Case(**{"environ": {}, "path": path, "settings": settings, **more})

    return made


@pytest.fixture
def said() -> Callable[[Iterable[Finding]], tuple[list[str], list[str], list[str]]]:
    """Return what is well, what could be better and what is wrong; who must act is told what to do."""

    def sorted_(findings: Iterable[Finding]) -> tuple[list[str], list[str], list[str]]:
        found = list(findings)
        assert all(bool(one.todo) is (one.verdict is not Verdict.OK) for one in found)
        well, better, wrong = ([one.text for one in found if one.verdict is verdict] for verdict in Verdict)
        return well, better, wrong

    return sorted_


@pytest.fixture
def gateway_at() -> Iterator[Callable[..., str]]:
    """Have a server on loopback answer with documents by path, and with 404 elsewhere; return where it is."""
    servers: list[ThreadingHTTPServer] = []

    def start(documents: dict[str, tuple[int, Any]], *, ahead: float = 0.0) -> str:
        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, document = documents.get(self.path, (404, None))
                body = b"" if document is None else json.dumps(document).encode()
                self.send_response_only(status)
                self.send_header("Date", formatdate(time.time() + ahead, usegmt=True))
                self.send_header("Content-Type", "application/json" if body else "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
