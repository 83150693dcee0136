"""
How a connection's life becomes spans: one trace per epoch.

Its root ends when the connection is up or the attempt is over. What happens
later gets short spans of its own in the same trace, since a span that stays
open is never exported.
"""

from asyncio import CancelledError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.util.types import AttributeValue

from gateway.engine.observer import CONTROL_ACTION, MOMENTS, REQUEST
from gateway.errors import ConnectionFault, PluginError, Reason, ReplyRefused, UpgradeRefused
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.model.states import Phase
from gateway.telemetry.moments import Moments

ROOT: Final = "gateway.connect"
LOST: Final = "gateway.lost"
DIAGNOSIS: Final = "gateway.diagnosis"
DIAGNOSES: Final = frozenset({Reason.ENDPOINT_MOVED})
STEPS: Final = frozenset({"open", "send", "receive", "fetch"})

EXCHANGE: Final = "gateway.exchange"
CONNECTION: Final = "gateway.connection.id"
EPOCH: Final = "gateway.epoch"
CANCELLED: Final = "gateway.cancelled"
ERROR_TYPE: Final = "error.type"
SERVER: Final = "server.address"
PORT: Final = "server.port"
PROTOCOL: Final = "network.protocol.name"
STATUS: Final = "http.response.status_code"
_ASKED: Final = {SERVER: "host", PORT: "port", PROTOCOL: "protocol", STATUS: "status"}


@dataclass(slots=True)
class _Trace:
    """The last epoch of one connection; ``phase`` is open while it is CONNECTING."""

    epoch: int
    root: Span
    phase: Span | None = None


class _Doing(NamedTuple):
    span: Span
    root: Span


_DOING: Final[ContextVar[_Doing | None]] = ContextVar("gateway span", default=None)
"""What the caller is in; OpenTelemetry's own answer to that may be a span of the program around us."""


class Tracing:
    """
    Turns what it is told into spans. Event-loop only.

    Keeps two open spans a connection at most, and of one that is DISCONNECTED
    nothing but the id of its last trace, until the next is.

    Args:
        tracer: makes them; a program's own will do.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._moments = Moments(tracer)
        self._traces: dict[str, _Trace] = {}
        self._ended = ("", "")

    def trace_id(self, connection_id: str) -> str | None:
        """Return the id of the connection's trace, for logs; it lasts until it is told that it is DISCONNECTED."""
        trace = self._traces.get(connection_id)
        if trace is not None:
            return _trace_id(trace)
        ended, trace_id = self._ended
        return trace_id if connection_id == ended else None

    def changed(self, change: Change) -> None:
        """Open the epoch's root, end it, or show that the connection was lost."""
        if change.after is S.CONNECTING:
            self._begin(change)
            return
        trace = self._traces.get(change.connection_id)
        if trace is None:
            return
        if change.before is S.CONNECTING:
            _settle(trace, None if change.after is S.CONNECTED else change.reason)
        elif change.before is S.CONNECTED and change.after is S.ERROR:
            lost = self._child(LOST, trace.root, change.connection_id, change.epoch)
            _blame(lost, change.reason)
            lost.end()
        trace.epoch = max(trace.epoch, change.epoch)  # a rollover's
        if change.after is S.DISCONNECTED:
            self._ended = change.connection_id, _trace_id(self._traces.pop(change.connection_id))

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """Let the phase's span follow the last one's; phases of any but the CONNECTING epoch have none."""
        trace = self._traces.get(connection_id)
        if trace is None or trace.epoch != epoch or not trace.root.is_recording():
            return
        if trace.phase is not None:
            trace.phase.end()
        trace.phase = self._child(f"gateway.{phase}", trace.root, connection_id, epoch)

    @contextmanager
    def during(self, connection_id: str, epoch: int, what: str) -> Iterator[None]:
        """Make a span of the block: of a handshake's step below its phase, of anything else below the root."""
        trace = self._traces.get(connection_id)
        if trace is None:
            yield
            return
        name = f"gateway.step.{what}" if what in STEPS else f"gateway.{what}"
        span = self._child(name, _parent(trace, epoch), connection_id, epoch)
        before = _DOING.set(_Doing(span, trace.root))
        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        except CancelledError:
            span.set_attribute(CANCELLED, True)
            raise
        except Exception as exc:
            _blame(span, _error_type(exc))
            if isinstance(exc, UpgradeRefused | ReplyRefused):
                span.set_attribute(STATUS, exc.status)
            raise
        finally:
            with suppress(ValueError):  # whoever was never finished is closed in another context
                _DOING.reset(before)
            span.end()

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        """Show moments, and that something was diagnosed; leave the rest, and all words, to the logs."""
        if what == REQUEST:
            _asked(facts)
            return
        if what == CONTROL_ACTION:
            connection_id, epoch = self._meant(facts.pop("target", None))
        trace = self._traces.get(connection_id)
        if what in MOMENTS:
            self._moments.tell(connection_id, what, *self._place(trace, connection_id, epoch), facts)
        elif what in DIAGNOSES and trace is not None:
            diagnosis = self._child(DIAGNOSIS, trace.root, connection_id, epoch)
            _blame(diagnosis, what)
            diagnosis.end()

    def _begin(self, change: Change) -> None:
        previous = self._traces.get(change.connection_id)
        links = [] if previous is None else [Link(previous.root.get_span_context())]
        attributes = _attributes(change.connection_id, change.epoch)
        root = self._tracer.start_span(
            ROOT, context=Context(), kind=SpanKind.CLIENT, attributes=attributes, links=links
        )
        self._traces[change.connection_id] = _Trace(change.epoch, root)

    def _meant(self, target: object) -> tuple[str, int]:
        """Return the connection and epoch that an action is about; whatever else somebody wrote is not shown."""
        trace = self._traces.get(str(target))
        return (str(target), trace.epoch) if trace is not None else ("gateway", 0)

    @staticmethod
    def _place(
        trace: _Trace | None, connection_id: str, epoch: int
    ) -> tuple[Span | None, dict[str, AttributeValue]]:
        """Return below which span a moment belongs, and whose it is; what has no trace is no connection."""
        if trace is None:
            return None, {EXCHANGE: connection_id.partition("/")[0]}
        return trace.root, _attributes(connection_id, epoch)

    def _child(self, name: str, parent: Span, connection_id: str, epoch: int) -> Span:
        context = set_span_in_context(parent, Context())
        return self._tracer.start_span(name, context=context, attributes=_attributes(connection_id, epoch))


def _trace_id(trace: _Trace) -> str:
    return f"{trace.root.get_span_context().trace_id:032x}"


def _asked(facts: Mapping[str, Any]) -> None:
    """Show of whom something was asked in the span that it was asked in; whom we dialled, in the root too."""
    doing = _DOING.get()
    if doing is None:
        return
    shown = {name: facts[fact] for name, fact in _ASKED.items() if facts[fact] is not None}
    doing.span.set_attributes(shown)
    if facts["protocol"] == "websocket" and doing.root.is_recording():
        doing.root.set_attributes(shown)


def _parent(trace: _Trace, epoch: int) -> Span:
    """Return the open phase; else what the caller is in, e.g. a rollover of this connection; else the root."""
    if trace.phase is not None and trace.epoch == epoch:
        return trace.phase
    current = get_current_span()
    same = current.get_span_context().trace_id == trace.root.get_span_context().trace_id
    return current if same and current.is_recording() else trace.root


def _attributes(connection_id: str, epoch: int) -> dict[str, AttributeValue]:
    return {EXCHANGE: connection_id.partition("/")[0], CONNECTION: connection_id, EPOCH: epoch}


def _settle(trace: _Trace, failure: Reason | None) -> None:
    """End the root and its open phase; ``failure`` says why the connection did not come up."""
    for span in (trace.phase, trace.root):
        if span is not None:
            if failure is not None:
                _blame(span, failure)
            span.end()
    trace.phase = None


def _error_type(exc: Exception) -> str:
    """Return what may be shown of ``exc``: never its text, which can hold a URL."""
    match exc:
        case ConnectionFault(reason=reason):
            return reason
        case PluginError():
            return Reason.PLUGIN_ERROR
        case _:
            return type(exc).__name__


def _blame(span: Span, error_type: str) -> None:
    span.set_attribute(ERROR_TYPE, str(error_type))
    span.set_status(Status(StatusCode.ERROR))
