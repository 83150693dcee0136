"""What a collector of traces was sent, taken apart again: spans with attributes, and the trees that they make."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

sys.path.append(str(Path(__file__).parents[1] / "telemetry"))

from collector import Collector

__all__ = ["Collector", "Received", "received", "traces", "tree"]

ERROR = 2
"""A span's status."""


@dataclass(frozen=True, eq=False)
class Received:
    """One span as it came."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[tuple[str, str], ...]
    begun_ns: int
    ended_ns: int
    failed: bool
    words: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]

    @property
    def error_type(self) -> str:
        """Why it failed, or nothing."""
        told: str = self.attributes.get("error.type", "")
        return told


def received(bodies: Iterable[bytes]) -> list[Received]:
    """Return every span of these requests."""
    spans = []
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            of = _attributes(resource.resource.attributes)
            spans += [_span(span, of) for scope in resource.scope_spans for span in scope.spans]
    return spans


def traces(spans: Iterable[Received]) -> list[list[Received]]:
    """Return them by trace, one connection after the other, those of each in the order in which they began."""
    found: dict[str, list[Received]] = defaultdict(list)
    for span in sorted(spans, key=lambda one: (_of(one), one.begun_ns)):
        found[span.trace_id].append(span)
    return list(found.values())


def tree(trace: Sequence[Received]) -> list[str]:
    """
    Return a trace as lines, children below their parents by name; what is there twice has a ``x 2``.

    Beside a name stands why it failed, and the HTTP status. How often a book is fetched depends on how
    old a snapshot is when it comes; it is told once.
    """
    below: dict[str, list[Received]] = defaultdict(list)
    for span in trace:
        below[span.parent_id].append(span)

    def told(parent_id: str, depth: int) -> list[str]:
        children = sorted(below.get(parent_id, ()), key=_line)
        branches = Counter((_line(span), *told(span.span_id, depth + 1)) for span in children)
        lines: list[str] = []
        for (line, *rest), times in branches.items():
            more = f" x {times}" if times > 1 and not line.startswith("resync") else ""
            lines += [f"{'  ' * depth}{line}{more}", *rest]
        return lines

    return told("", 0)


def _line(span: Received) -> str:
    facts = [span.error_type] if span.failed else []
    facts += [str(span.attributes[name]) for name in _SHOWN if name in span.attributes]
    return " ".join([span.name.removeprefix("gateway."), *facts])


_SHOWN = (
    "http.response.status_code",
    "gateway.action",
    "gateway.outcome",
    "gateway.channel",
    "gateway.cancelled",
)


def _span(span: Any, resource: Mapping[str, Any]) -> Received:
    return Received(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        begun_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        failed=span.status.code == ERROR,
        words=span.status.message + "".join(event.name for event in span.events),
        attributes=_attributes(span.attributes),
        resource=resource,
    )


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def _of(span: Received) -> str:
    told: str = span.attributes.get("gateway.connection.id", "")
    return told
