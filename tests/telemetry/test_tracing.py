"""What a connection's life looks like as spans."""

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from gateway.engine.observer import CONTROL_ACTION, REQUEST, Observers
from gateway.engine.registry import ConnectionRegistry
from gateway.errors import ConnectionFault, LoginRefused, PluginError, Reason, ReplyRefused, UpgradeRefused
from gateway.model.states import ConnectionState as S
from gateway.model.states import Phase
from gateway.telemetry.tracing import Tracing

ID = "mock/stream/0"


class Life:
    """One connection with a real registry, told to Tracing as the runtime does."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self.exporter = InMemorySpanExporter()
        provider = provider or TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracing = Tracing(provider.get_tracer("test"))
        self.observers = Observers([self.tracing])
        self.registry = ConnectionRegistry()
        self.registry.add(ID, "mock", "stream")
        self.epoch = 0

    def move(self, state: S, reason: Reason = Reason.ASKED) -> None:
        change = self.registry.move(ID, state, reason, at_us=1)
        self.epoch = change.epoch
        self.observers.changed(change)

    def enter(self, phase: Phase) -> None:
        self.observers.entered(ID, self.epoch, phase)

    def do(self, what: str, epoch: int | None = None) -> None:
        with self.observers.during(ID, epoch or self.epoch, what):
            pass

    def come_up(self) -> None:
        self.move(S.CONNECTING)
        self.enter(Phase.DIAL)
        self.do("open")
        self.enter(Phase.LOGIN)
        self.do("send")
        self.do("receive")
        self.enter(Phase.RESTORE)
        self.move(S.CONNECTED, Reason.HANDSHAKE_DONE)

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span


@pytest.fixture
def life() -> Iterator[Life]:
    one = Life()
    yield one
    secrets = ("://", "BTC", "hunter2")
    for span in one.spans():
        assert not span.events
        shown = f"{span.name} {dict(span.attributes or {})} {span.status.description}"
        assert not any(secret in shown for secret in secrets)


def tree(spans: list[ReadableSpan]) -> dict[str, str | None]:
    names = {span.context.span_id: span.name for span in spans if span.context}
    return {span.name: names[span.parent.span_id] if span.parent else None for span in spans}


def trace_ids(spans: list[ReadableSpan]) -> set[int]:
    return {span.context.trace_id for span in spans if span.context}


def test_a_connect_is_one_trace_with_its_phases_and_steps(life: Life) -> None:
    life.come_up()
    assert tree(life.spans()) == {
        "gateway.connect": None,
        "gateway.dial": "gateway.connect",
        "gateway.step.open": "gateway.dial",
        "gateway.login": "gateway.connect",
        "gateway.step.send": "gateway.login",
        "gateway.step.receive": "gateway.login",
        "gateway.restore": "gateway.connect",
    }
    assert len(trace_ids(life.spans())) == 1
    root = life.one("gateway.connect")
    assert root.status.status_code is StatusCode.UNSET
    for span in life.spans():
        assert span.attributes == {"gateway.exchange": "mock", "gateway.connection.id": ID, "gateway.epoch": 1}


def test_a_refused_login_ends_step_phase_and_root_with_its_reason(life: Life) -> None:
    life.move(S.CONNECTING)
    life.enter(Phase.DIAL)
    life.enter(Phase.LOGIN)
    with pytest.raises(LoginRefused), life.observers.during(ID, life.epoch, "receive"):
        raise LoginRefused("no: wss://host/?key=hunter2 BTC-USDT")
    life.move(S.ERROR, Reason.LOGIN_REFUSED)
    for name in ("gateway.step.receive", "gateway.login", "gateway.connect"):
        span = life.one(name)
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes is not None
        assert span.attributes["error.type"] == "login_refused"
    assert life.one("gateway.dial").status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("exc", "code"), [(PluginError("mock", "hunter2"), "plugin_error"), (KeyError("hunter2"), "KeyError")]
)
def test_an_exception_that_is_no_fault_shows_its_kind_and_not_its_text(
    life: Life, exc: Exception, code: str
) -> None:
    life.move(S.CONNECTING)
    with pytest.raises(type(exc)), life.observers.during(ID, life.epoch, "fetch"):
        raise exc
    attributes = life.one("gateway.step.fetch").attributes
    assert attributes is not None
    assert attributes["error.type"] == code


def test_a_cut_shows_in_its_trace_and_the_reconnect_links_to_it(life: Life) -> None:
    life.come_up()
    life.move(S.ERROR, Reason.CONNECTION_RESET)
    life.do("close")
    life.move(S.RECONNECTING, Reason.RETRY_DUE)
    life.come_up()
    first, second = life.named("gateway.connect")
    assert not first.links
    assert [link.context for link in second.links] == [first.context]
    lost, close = life.one("gateway.lost"), life.one("gateway.close")
    assert lost.parent == close.parent == first.context
    assert lost.attributes is not None
    assert lost.attributes["error.type"] == "connection_reset"
    assert lost.status.status_code is StatusCode.ERROR
    assert trace_ids([first]) != trace_ids([second])


def test_an_attempt_that_is_called_off_leaves_no_span_open_and_nothing_remembered(life: Life) -> None:
    life.move(S.CONNECTING)
    life.enter(Phase.DIAL)
    with pytest.raises(asyncio.CancelledError), life.observers.during(ID, life.epoch, "open"):
        raise asyncio.CancelledError
    life.move(S.DISCONNECTING, Reason.STOPPED)
    assert life.tracing.trace_id(ID) is not None
    life.move(S.DISCONNECTED, Reason.STOPPED)
    step, root = life.one("gateway.step.open"), life.one("gateway.connect")
    assert step.attributes is not None
    assert root.attributes is not None
    assert step.attributes["gateway.cancelled"] is True
    assert step.status.status_code is StatusCode.UNSET
    assert root.attributes["error.type"] == "stopped"
    assert life.tracing.trace_id(ID) == f"{root.context.trace_id:032x}", "the line that tells of it has its trace"
    assert life.tracing.trace_id("mock/stream/1") is None
    assert not life.tracing._traces
    life.do("resync")
    life.enter(Phase.RESTORE)
    assert {span.name for span in life.spans()} == {"gateway.step.open", "gateway.dial", "gateway.connect"}


def test_a_connection_that_was_disconnected_starts_anew_without_a_link(life: Life) -> None:
    life.come_up()
    life.move(S.DISCONNECTING, Reason.STOPPED)
    life.move(S.DISCONNECTED, Reason.STOPPED)
    life.come_up()
    assert not life.named("gateway.connect")[1].links
    assert not life.named("gateway.lost")


def test_what_happens_later_is_below_the_root_that_has_ended(life: Life) -> None:
    life.come_up()
    life.do("resync")
    root = life.one("gateway.connect")
    later = life.one("gateway.resync")
    assert later.parent == root.context
    assert later.start_time is not None
    assert root.end_time is not None
    assert later.start_time >= root.end_time


async def test_the_steps_of_a_rollover_are_below_it_and_have_no_phases(life: Life) -> None:
    life.come_up()
    life.exporter.clear()

    async def dial() -> None:
        life.observers.entered(ID, 2, Phase.DIAL)
        life.do("open", epoch=2)

    with life.observers.during(ID, 2, "rollover"):
        await asyncio.create_task(dial())
    step, rollover = life.spans()
    assert step.parent == rollover.context
    assert step.attributes is not None
    assert step.attributes["gateway.epoch"] == 2
    assert life.tracing._traces[ID].phase is None


def test_one_connections_span_is_never_the_parent_of_anothers(life: Life) -> None:
    life.come_up()
    other = "mock/stream/1"
    life.registry.add(other, "mock", "stream")
    with life.observers.during(ID, 1, "resync"):
        life.observers.changed(life.registry.move(other, S.CONNECTING, Reason.ASKED, at_us=1))
        with life.observers.during(other, 2, "fetch"):
            pass
        life.observers.changed(life.registry.move(other, S.CONNECTED, Reason.HANDSHAKE_DONE, at_us=1))
    roots = life.named("gateway.connect")
    assert roots[1].parent is None
    assert life.one("gateway.step.fetch").parent == roots[1].context


def test_a_hundred_attempts_leave_one_trace_remembered(life: Life) -> None:
    for _ in range(100):
        life.move(S.CONNECTING)
        life.enter(Phase.DIAL)
        life.move(S.ERROR, Reason.CONNECTION_REFUSED)
        life.move(S.RECONNECTING)
    assert len(life.tracing._traces) == 1
    assert len(life.named("gateway.connect")) == len(life.named("gateway.dial")) == 100


ASKED = {"host": "h.example", "port": 9443, "protocol": "websocket", "status": None}


def test_whom_is_dialled_is_shown_in_the_step_and_in_the_root(life: Life) -> None:
    life.move(S.CONNECTING)
    life.enter(Phase.DIAL)
    with life.observers.during(ID, life.epoch, "open"):
        life.observers.noticed("mock", 0, REQUEST, **ASKED)
    life.enter(Phase.RESTORE)
    life.move(S.CONNECTED)
    for name in ("gateway.step.open", "gateway.connect"):
        attributes = life.one(name).attributes
        assert attributes is not None
        assert {key: attributes[key] for key in attributes if not key.startswith("gateway.")} == {
            "server.address": "h.example",
            "server.port": 9443,
            "network.protocol.name": "websocket",
        }
    assert "server.address" not in (life.one("gateway.dial").attributes or {})


def test_what_is_fetched_shows_the_status_and_leaves_the_root_alone(life: Life) -> None:
    life.move(S.CONNECTING)
    life.enter(Phase.DIAL)
    with life.observers.during(ID, life.epoch, "fetch"):
        life.observers.noticed("mock", 0, REQUEST, **{**ASKED, "protocol": "http", "status": 418})
    life.move(S.ERROR, Reason.FETCH_REFUSED)
    fetch, root = life.one("gateway.step.fetch").attributes, life.one("gateway.connect").attributes
    assert fetch is not None
    assert root is not None
    assert (fetch["http.response.status_code"], fetch["network.protocol.name"]) == (418, "http")
    assert "server.address" not in root


@pytest.mark.parametrize("refused", [UpgradeRefused(503), ReplyRefused(429)])
def test_a_refusal_shows_its_status(life: Life, refused: ConnectionFault) -> None:
    life.move(S.CONNECTING)
    with pytest.raises(type(refused)), life.observers.during(ID, life.epoch, "open"):
        raise refused
    attributes = life.one("gateway.step.open").attributes
    assert attributes is not None
    assert attributes["http.response.status_code"] in {503, 429}
    assert attributes["error.type"] in {"upgrade_refused", "fetch_refused"}


def test_a_span_of_the_program_around_us_is_left_alone(life: Life) -> None:
    life.come_up()
    with life.tracing._tracer.start_as_current_span("theirs"):
        life.observers.noticed("mock", 0, REQUEST, **ASKED)
    theirs = life.one("theirs")
    assert not theirs.attributes


def test_after_a_rollover_what_somebody_asked_for_has_the_epoch_that_serves(life: Life) -> None:
    life.come_up()
    number = life.registry.next_epoch()
    life.observers.changed(life.registry.roll(ID, number, at_us=2, text=""))
    facts = {"target": ID, "action": "reconnect", "outcome": "done", "via": "rest", "at_us": 3}
    life.observers.noticed("gateway", 0, CONTROL_ACTION, **facts)
    attributes = life.one("gateway.control_action").attributes
    assert attributes is not None
    assert attributes["gateway.epoch"] == number > 1


def test_what_is_not_sampled_makes_no_span_and_breaks_nothing() -> None:
    life = Life(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    life.come_up()
    life.observers.noticed(ID, 1, "endpoint_moved")
    life.move(S.ERROR, Reason.CONNECTION_RESET)
    life.do("close")
    assert life.spans() == []
    assert life.tracing.trace_id(ID) is not None


def test_a_diagnosis_is_an_instant_in_the_trace_and_its_words_are_left_to_the_logs(life: Life) -> None:
    life.observers.noticed(ID, 1, "endpoint_moved", text="before there is a trace")
    life.come_up()
    life.observers.noticed(ID, 1, "endpoint_moved", text="BTC-USDT at wss://host/?key=hunter2")
    life.observers.noticed(ID, 1, "stream_silent", text="BTC-USDT")
    diagnosis = life.one("gateway.diagnosis")
    assert diagnosis.parent == life.one("gateway.connect").context
    assert diagnosis.attributes is not None
    assert diagnosis.attributes["error.type"] == "endpoint_moved"
    assert diagnosis.status.status_code is StatusCode.ERROR
