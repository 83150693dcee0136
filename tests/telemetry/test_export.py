"""Where traces go, and that they go nowhere unless asked."""

import asyncio
import json
import subprocess
import sys
import threading

import pytest
from collector import Collector
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.errors import ConfigError, Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.telemetry import Telemetry, setup, traced
from gateway.telemetry.tracing import Tracing


def connect(telemetry: Telemetry) -> None:
    observer = telemetry.observer
    assert observer is not None
    for before, after in ((S.DISCONNECTED, S.CONNECTING), (S.CONNECTING, S.CONNECTED)):
        observer.changed(
            Change(
                connection_id="mock/stream/0", epoch=1, before=before, after=after, reason=Reason.ASKED, at_us=1
            )
        )


def test_off_imports_nothing_of_opentelemetry() -> None:
    code = (
        "import sys; from gateway.telemetry import Logs, setup, setup_logs; setup_logs(); Logs()\n"
        "assert setup('none', {'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:1'}).observer is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("traces", "environ", "on"),
    [
        ("none", {}, False),
        ("none", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, False),
        ("none", {"OTEL_TRACES_EXPORTER": "console"}, True),
        ("console", {}, True),
        ("console", {"OTEL_TRACES_EXPORTER": ""}, True),
        ("console", {"OTEL_TRACES_EXPORTER": "none"}, False),
        ("console", {"OTEL_SDK_DISABLED": "true"}, False),
        ("console", {"OTEL_SDK_DISABLED": "false"}, True),
    ],
)
async def test_the_environment_overrules_the_configuration(traces: str, environ: dict[str, str], on: bool) -> None:
    telemetry = setup(traces, environ)
    assert isinstance(telemetry.observer, Tracing) is on
    assert await telemetry.shutdown()


@pytest.mark.parametrize(
    ("traces", "environ", "key"),
    [("jaeger", {}, "telemetry.traces"), ("none", {"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER")],
)
def test_an_unknown_exporter_is_named_with_its_key(traces: str, environ: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError, match="must be none, console or otlp") as caught:
        setup(traces, environ)
    assert caught.value.key == key


async def test_the_console_gets_spans_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = setup("console", {})
    connect(telemetry)
    assert await telemetry.shutdown()
    out, err = capsys.readouterr()
    assert not out
    span = json.loads(err)
    assert span["name"] == "gateway.connect"
    assert span["resource"]["attributes"]["service.name"] == "exchange-gateway"


async def test_a_programs_own_tracer_makes_the_spans_and_is_left_as_it_is() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with traced(provider.get_tracer("mine")) as telemetry:
        connect(telemetry)
        assert telemetry.lost() == 0
    [span] = exporter.get_finished_spans()
    assert span.context is not None
    assert telemetry.trace_id("mock/stream/0") == f"{span.context.trace_id:032x}"
    provider.get_tracer("mine").start_span("theirs").end()
    assert len(exporter.get_finished_spans()) == 2


async def test_whoever_asks_for_nothing_has_no_observer() -> None:
    async with setup("none", {}) as telemetry:
        assert telemetry.observers == ()


async def test_otlp_sends_what_is_left_when_it_is_shut_down() -> None:
    with Collector() as collector:
        telemetry = setup("otlp", collector.environ)
        connect(telemetry)
        assert await telemetry.shutdown()
        path, body = collector.bodies.get_nowait()
    assert path == "/v1/traces"
    assert b"gateway.connect" in body


async def test_the_environment_says_what_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with Collector() as collector:
        telemetry = setup("otlp", collector.environ)
        connect(telemetry)
        assert await telemetry.shutdown()
        assert collector.bodies.empty()
    assert telemetry.lost() == 0
    assert telemetry.trace_id("mock/stream/0") is not None


async def test_what_a_collector_has_not_taken_at_the_end_is_counted() -> None:
    with Collector(deaf=True) as collector:
        telemetry = setup("otlp", collector.environ)
        connect(telemetry)
        assert not await telemetry.shutdown(within=0.1)
        assert telemetry.lost() == 1


async def test_a_collector_that_never_answers_holds_up_neither_the_loop_nor_the_end() -> None:
    with Collector(deaf=True) as collector:
        telemetry = setup("otlp", collector.environ)
        async with asyncio.timeout(2):
            connect(telemetry)
            assert not await telemetry.shutdown(within=0.1)
        assert collector.bodies.get(timeout=5)[0] == "/v1/traces"
        collector.release.set()
        left = [thread for thread in threading.enumerate() if thread.name == "gateway telemetry shutdown"]
        assert len(left) == 1
        left[0].join(10)
