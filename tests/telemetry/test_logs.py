"""What log lines say, how often, and what they never show."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from structlog.testing import CapturingLogger

from gateway.errors import ConfigError, Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.model.states import Phase
from gateway.telemetry import Logs, setup_logs

ID = "mock/stream/0"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Logging set up to write JSON to a buffer; what was there before is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    setup_logs("debug", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def change(after: S = S.ERROR, connection: str = ID, text: str = "") -> Change:
    return Change(
        connection_id=connection,
        epoch=3,
        before=S.CONNECTED,
        after=after,
        reason=Reason.CONNECTION_RESET,
        at_us=1,
        text=text,
    )


def test_a_change_is_one_line_with_where_from_where_to_and_why(lines: io.StringIO) -> None:
    Logs(lambda _: "abc").changed(change(text="reset by peer"))
    (line,) = written(lines)
    del line["timestamp"]
    assert line == {
        "event": "connection_changed",
        "level": "warning",
        "logger": "gateway",
        "connection": ID,
        "epoch": 3,
        "from": "CONNECTED",
        "to": "ERROR",
        "reason": "connection_reset",
        "text": "reset by peer",
        "trace_id": "abc",
    }


def test_what_is_noticed_has_its_own_name_and_internal_errors_are_errors(lines: io.StringIO) -> None:
    logs = Logs()
    logs.noticed(ID, 1, "stream_asked_again", count=2)
    logs.noticed(ID, 1, "internal_error", error="KeyError(1)")
    logs.entered(ID, 1, Phase.LOGIN)
    with logs.during(ID, 1, "resync"):
        pass
    assert [(line["event"], line["level"]) for line in written(lines)] == [
        ("stream_asked_again", "info"),
        ("internal_error", "error"),
        ("phase_entered", "debug"),
    ]
    assert written(lines)[0]["count"] == 2


def test_a_flapping_connection_writes_twenty_lines_a_minute_and_then_one_count() -> None:
    clock = [0.0]
    logger = CapturingLogger()
    logs = Logs(now=lambda: clock[0], logger=logger)
    for _ in range(50):
        logs.changed(change())
    assert len(logger.calls) == 20
    logs.changed(change(connection="mock/stream/1"))
    logs.noticed(ID, 1, "resync")
    assert len(logger.calls) == 22
    clock[0] = 60.0
    logs.changed(change(connection="mock/stream/1"))
    suppressed, line = logger.calls[22:]
    assert suppressed.args == ("suppressed",)
    assert suppressed.kwargs == {"connection": ID, "of": "connection_changed", "to": "ERROR", "lines": 30}
    assert line.args == ("connection_changed",)
    logs.changed(change())
    assert len(logger.calls) == 25
    assert len(logs._quota._windows) == 2


def test_that_a_connection_is_back_is_written_however_often_it_failed_before() -> None:
    logger = CapturingLogger()
    logs = Logs(now=lambda: 0.0, logger=logger)
    for _ in range(50):
        logs.changed(change(S.ERROR))
        logs.changed(change(S.CONNECTING))
    logs.changed(change(S.CONNECTED))
    assert logger.calls[-1].kwargs["to"] == "CONNECTED"
    assert len(logger.calls) == 41


def test_a_librarys_line_is_json_too_and_an_exceptions_text_is_in_it(lines: io.StringIO) -> None:
    try:
        int("odd")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("failed %d times", 3)
    (line,) = written(lines)
    assert (line["event"], line["logger"], line["level"]) == ("failed 3 times", "aiohttp.server", "error")
    assert "ValueError: invalid literal" in str(line["exception"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "cannot connect to wss://h.example:9443/ws/LISTENKEY?x=hunter2",
            "cannot connect to wss://h.example:9443/...",
        ),
        ("ClientError(URL('https://me:hunter2@h/p'), 1)", "ClientError(URL('https://h/...'), 1)"),
        (
            "GET /api/v3/order?symbol=A&signature=hunter2 failed",
            "GET /api/v3/order?symbol=...&signature=... failed",
        ),
        ("listening on http://127.0.0.1:8700", "listening on http://127.0.0.1:8700"),
        ("see http://127.0.0.1:8700/", "see http://127.0.0.1:8700/"),
        (f"bad header: Bearer gw1_0a1b2c3d4e_{'A' * 43}", "bad header: Bearer gw1_0a1b2c3d4e_***"),
        (f"gateway.ticket.gwt1_{'A' * 43}, gateway.v1", "gateway.ticket.gwt1_***, gateway.v1"),
        (
            "Max retries exceeded with url: /v1/hunter2 (Caused by",
            "Max retries exceeded with url: /... (Caused by",
        ),
        ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer ***"),
        ('{"listenKey":"hunter2hunter2","x":1}', '{"listenKey":"***","x":1}'),
        ("{'apiKey': 'hunter2hunter2'}", "{'apiKey': '***'}"),
        ("X-MBX-APIKEY: hunter2hunter2", "X-MBX-APIKEY: ***"),
        ("secret=hunter2hunter2 and so on", "secret=*** and so on"),
        ("bad signature: expected something else", "bad signature: expected something else"),
        ("a basic question of api keys", "a basic question of api keys"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic ***"),
    ],
)
def test_urls_are_cut_to_their_host_and_query_values_hidden(lines: io.StringIO, text: str, shown: str) -> None:
    logging.getLogger("aiohttp").error(text)
    Logs().noticed(ID, 1, "internal_error", error=text)
    library, own = written(lines)
    assert library["event"] == own["error"] == shown


def test_a_line_written_inside_a_span_has_its_trace(lines: io.StringIO) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with tracer.start_as_current_span("gateway.step.fetch") as span:
        logging.getLogger("aiohttp").warning("slow")
    logging.getLogger("aiohttp").warning("after")
    inside, after = written(lines)
    assert inside["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert "trace_id" not in after


def test_the_level_holds_for_both_kinds_of_loggers(lines: io.StringIO) -> None:
    setup_logs("warning", "json", lines)
    logging.getLogger("aiohttp").info("no")
    Logs().noticed(ID, 1, "no")
    Logs().changed(change())
    assert [line["event"] for line in written(lines)] == ["connection_changed"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "fmt", "json_line"),
    [
        (Terminal(), "auto", False),
        (io.StringIO(), "auto", True),
        (Terminal(), "json", True),
        (io.StringIO(), "console", False),
    ],
)
def test_a_terminal_gets_key_value_and_everything_else_json(
    lines: io.StringIO, stream: io.StringIO, fmt: str, json_line: bool
) -> None:
    setup_logs("info", fmt, stream)
    Logs().changed(change())
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("{") is json_line
    assert ("event='connection_changed'" in line) is not json_line


def test_what_is_nested_is_hidden_too(lines: io.StringIO) -> None:
    Logs().noticed(ID, 1, "problem", headers={"a": ["secret=hunter2hunter2", 7]}, pair=("token gwt1_" + "A" * 43,))
    (line,) = written(lines)
    assert line["headers"] == {"a": ["secret=***", 7]}
    assert line["pair"] == ["token gwt1_***"]


@pytest.mark.parametrize("event", ["backfill_failed", "keepalive_failed", "reconcile_failed", "spans_lost"])
def test_what_went_wrong_is_a_warning(lines: io.StringIO, event: str) -> None:
    Logs().noticed(ID, 1, event)
    assert [line["level"] for line in written(lines)] == ["warning"]


@pytest.mark.parametrize(("level", "fmt", "key"), [("loud", "auto", "log.level"), ("info", "xml", "log.format")])
def test_a_bad_level_or_format_is_named(level: str, fmt: str, key: str) -> None:
    with pytest.raises(ConfigError, match="must be one of") as caught:
        setup_logs(level, fmt)
    assert caught.value.key == key
