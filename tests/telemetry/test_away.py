"""A collector that is away, slow or mad costs spans: no message, memory or time at the end, and few lines."""

import asyncio
import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server
from typing import Any

import pytest
import structlog

from gateway import Gateway, Message, Notice
from gateway.engine.observer import Observers
from gateway.errors import Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.telemetry import Telemetry, setup, setup_logs
from gateway_mock.venue import MockVenue

SECRET = "of-a-collector-1234"  # nobody's
QUEUE, BATCH = 64, 16
SPANS = 2_000
MESSAGES = 300


class Mad(BaseHTTPRequestHandler):
    """Answers as its server is told."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answered(self)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


def busy(handler: Mad) -> None:
    handler.send_response(503)
    handler.send_header("Retry-After", "1")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def forbidden(handler: Mad) -> None:
    body = f"no such key: {handler.headers['authorization']}".encode()
    handler.send_response(403, f"no {SECRET}")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def garbage(handler: Mad) -> None:
    handler.wfile.write(b"\xff\x00 this is no HTTP\r\n\r\n" + SECRET.encode())


def silent(handler: Mad) -> None:
    handler.server.over.wait(20)  # type: ignore[attr-defined]


@pytest.fixture(params=["refused", "busy", "forbidden", "garbage", "silent"])
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where somebody listens who is no good as a collector, or nobody does."""
    if request.param == "refused":
        with closing(create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        return
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Mad)
    server.daemon_threads = True
    server.over, server.answered = threading.Event(), globals()[request.param]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log, with all that libraries say; what was there before is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    setup_logs("debug", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def come_up(telemetry: Telemetry, times: int) -> None:
    told = Observers(telemetry.observers)
    for epoch in range(times):
        for before, after in ((S.DISCONNECTED, S.CONNECTING), (S.CONNECTING, S.CONNECTED)):
            told.changed(
                Change(
                    connection_id="mock/stream/9",
                    epoch=epoch,
                    before=before,
                    after=after,
                    reason=Reason.ASKED,
                    at_us=1,
                )
            )


async def test_it_costs_no_message_and_no_memory_and_no_time(
    place: str, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": place,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{SECRET}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_MAX_QUEUE_SIZE": str(QUEUE),
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": str(BATCH),
        "OTEL_BSP_SCHEDULE_DELAY": "1",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    telemetry = setup("otlp")
    async with MockVenue() as venue:
        exchanges = {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}}
        async with Gateway({"exchanges": exchanges}, observers=telemetry.observers) as gateway:
            heard: asyncio.Queue[Message | Notice] = asyncio.Queue()
            waits: list[float] = []
            await gateway.listen("mock:trades:BTC-USDT", heard.put_nowait)
            await venue.wait_for(lambda: "trades.btc_usdt" in venue.wanted())
            for _ in range(MESSAGES):
                come_up(telemetry, SPANS // MESSAGES + 1)
                sent_at, sent = time.perf_counter(), venue.emit_trade("BTC-USDT")
                while not isinstance(message := await heard.get(), Message):
                    pass
                waits.append(time.perf_counter() - sent_at)
                assert [record.id for record in message.records] == [sent["id"]]
    began = time.perf_counter()
    await telemetry.shutdown(within=0.5)
    assert time.perf_counter() - began < 1.5
    assert sorted(waits)[MESSAGES // 2] < 0.05
    assert telemetry.lost() >= SPANS
    text = lines.getvalue()
    assert SECRET not in text
    told = [json.loads(line) for line in text.splitlines()]
    assert len(told) <= 8, told
    assert all(line["logger"].startswith(("gateway", "opentelemetry", "urllib3", "asyncio")) for line in told)
