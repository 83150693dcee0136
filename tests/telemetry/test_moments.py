"""What becomes a span after the fact."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from structlog.testing import CapturingLogger

from gateway.engine.observer import ACCOUNT_EVENT, CONTROL_ACTION, DRAIN, FIRST_DATA, LATE_MESSAGE, MOMENTS
from gateway.errors import Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.telemetry import Logs
from gateway.telemetry.metrics.tally import Tally
from gateway.telemetry.moments import A_MINUTE
from gateway.telemetry.tracing import Tracing

ID = "mock/private@main"


class Watched:
    """Tracing into memory, with one connection that is CONNECTING."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracing = Tracing(provider.get_tracer("test"))
        self.tracing.changed(
            Change(
                connection_id=ID,
                epoch=7,
                before=S.DISCONNECTED,
                after=S.CONNECTING,
                reason=Reason.ASKED,
                at_us=1,
                text="",
            )
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def watched() -> Iterator[Watched]:
    one = Watched()
    yield one
    assert all(span.end_time >= span.start_time for span in one.spans if span.end_time and span.start_time)


def test_the_first_datum_is_a_span_from_when_it_was_asked_for(watched: Watched) -> None:
    watched.tracing.noticed(ID, 7, FIRST_DATA, begun_us=1_000, at_us=4_500)
    (span,) = watched.spans
    assert (span.name, span.start_time, span.end_time) == ("gateway.first_data", 1_000_000, 4_500_000)
    assert span.attributes == {"gateway.exchange": "mock", "gateway.connection.id": ID, "gateway.epoch": 7}
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == watched.tracing.trace_id(ID)


def test_a_drain_is_a_span_from_when_it_was_asked_for(watched: Watched) -> None:
    watched.tracing.noticed(ID, 7, DRAIN, begun_us=1_000, at_us=4_500)
    (span,) = watched.spans
    assert (span.name, span.kind, span.start_time, span.end_time) == (
        "gateway.drain",
        SpanKind.INTERNAL,
        1_000_000,
        4_500_000,
    )
    assert span.parent is not None


def test_an_account_event_says_whose_and_what_and_nothing_of_its_content(watched: Watched) -> None:
    watched.tracing.noticed(ID, 7, ACCOUNT_EVENT, account="main", channel="orders", begun_us=5, at_us=9)
    (span,) = watched.spans
    assert span.name == "gateway.account_event"
    assert dict(span.attributes or {}) == {
        "gateway.exchange": "mock",
        "gateway.connection.id": ID,
        "gateway.epoch": 7,
        "gateway.account": "main",
        "gateway.channel": "orders",
    }


@pytest.mark.parametrize("begun_us", [None, 12])
def test_without_a_time_of_the_exchanges_or_with_one_to_come_it_is_an_instant(
    watched: Watched, begun_us: int | None
) -> None:
    watched.tracing.noticed(ID, 7, ACCOUNT_EVENT, account="main", channel="orders", begun_us=begun_us, at_us=9)
    (span,) = watched.spans
    assert (span.start_time, span.end_time) == (9_000, 9_000)


@pytest.mark.parametrize("leg", ["transit", "delivery"])
def test_a_late_message_is_a_trace_of_its_own(watched: Watched, leg: str) -> None:
    watched.tracing.noticed("binance", 0, LATE_MESSAGE, leg=leg, begun_us=1, at_us=3_000_001)
    (span,) = watched.spans
    assert (span.name, span.parent) == ("gateway.late_message", None)
    assert dict(span.attributes or {}) == {"gateway.exchange": "binance", "gateway.leg": leg}


def test_an_action_is_below_the_connection_that_it_is_about(watched: Watched) -> None:
    facts = {"action": "rollover", "outcome": "done", "via": "rest", "at_us": 4}
    watched.tracing.noticed("gateway", 0, CONTROL_ACTION, target=ID, **facts)
    (span,) = watched.spans
    assert span.name == "gateway.control_action"
    assert span.parent is not None
    assert dict(span.attributes or {}) == {
        "gateway.exchange": "mock",
        "gateway.connection.id": ID,
        "gateway.epoch": 7,
        "gateway.action": "rollover",
        "gateway.outcome": "done",
        "gateway.via": "rest",
    }


@pytest.mark.parametrize("target", [None, "mock:trades:BTC-USDT", "what/somebody wrote"])
def test_what_somebody_wrote_and_is_no_connection_is_not_shown(watched: Watched, target: str | None) -> None:
    watched.tracing.noticed(
        "gateway", 0, CONTROL_ACTION, target=target, action="subscribe", outcome="bad_request", via="rest", at_us=4
    )
    (span,) = watched.spans
    assert span.parent is None
    assert str(target) not in str(dict(span.attributes or {}))


def test_so_many_a_minute_of_each_kind_and_no_more(watched: Watched) -> None:
    for number in range(A_MINUTE + 5):
        watched.tracing.noticed(ID, 7, ACCOUNT_EVENT, account="main", channel="orders", at_us=number)
        watched.tracing.noticed("binance", 0, LATE_MESSAGE, leg="transit", begun_us=1, at_us=2)
    names = [span.name for span in watched.spans]
    assert names.count("gateway.account_event") == names.count("gateway.late_message") == A_MINUTE


@pytest.mark.parametrize("what", sorted(MOMENTS))
def test_only_traces_show_them(what: str) -> None:
    logger = CapturingLogger()
    Logs(logger=logger).noticed(ID, 7, what, at_us=1)
    tally = Tally()
    before = list(tally.read())
    tally.noticed(ID, 7, what, at_us=1)
    assert (logger.calls, list(tally.read())) == ([], before)
