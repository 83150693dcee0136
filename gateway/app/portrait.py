"""What is told of one connection, in plain JSON-ready values, and how the counters of many are added up."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Final

from gateway.engine.details import AgeDetails, ChangeDetails, ConnectionDetails, Diagnosis
from gateway.engine.liveness import unhealthy_because
from gateway.engine.operations import Details
from gateway.engine.registry import ConnectionView
from gateway.errors import Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.runtime.connection import Connection, Counters
from gateway.runtime.ground import Pace
from gateway.runtime.link import Link

COUNTERS: Final = tuple(field.name for field in fields(Counters))
NO_AGES: Final[AgeDetails] = {"message": None, "pong": None, "round_trip": None, "streams": {}}
_counts: Final = attrgetter(*COUNTERS)


def unhealthy(view: ConnectionView, link: Link, pace: Pace, now: float) -> str:
    """Return why a connection is not healthy, empty if it is; ``now`` is monotonic seconds."""
    connection = link.connection
    return unhealthy_because(
        connected=view.state is S.CONNECTED,
        ages=connection.ages,
        since=connection.connected_at,
        now=now,
        rhythms=connection.rhythms,
        ping_timeout=pace.ping_timeout,
        message_timeout=pace.message_timeout,
        heartbeat_interval=connection.heartbeat_interval,
        paced_at=connection.paced_at,
    )


def portrait(
    view: ConnectionView, link: Link, pace: Pace, history: Sequence[ChangeDetails], now: float
) -> ConnectionDetails:
    """Return everything about one connection; ``history`` is what :func:`step` tells of what led to ``view``."""
    connection = link.connection
    why = unhealthy(view, link, pace, now)
    return {
        "id": view.id,
        "exchange": view.exchange,
        "endpoint": view.endpoint,
        "account": view.account,
        "state": view.state.value,
        "phase": None if view.phase is None else view.phase.value,
        "epoch": view.epoch,
        "since_us": view.since_us,
        "reason": None if view.reason is None else str(view.reason),
        "text": view.text,
        "fatal": view.fatal,
        "retry_at_us": view.retry_at_us,
        "is_connected": view.state is S.CONNECTED,
        "is_healthy": not why,
        "unhealthy_because": why,
        "draining": link.draining,
        "diagnosis": _diagnosis(connection.diagnosis),
        "heartbeat_interval": connection.heartbeat_interval,
        "ages": _ages(connection, now),
        "streams": len(connection.feeds),
        "unasked": dict(connection.unasked),
        "counters": dict(zip(COUNTERS, _counts(connection.counted()), strict=True)),
        "history": list(history),
    }


def farewell(last: Details) -> Details:
    """Return what stays true of a connection that is over, of the ``last`` that was told of it."""
    return {**last, "ages": NO_AGES, "unasked": {}}


def totals(links: Iterable[Link]) -> dict[str, int]:
    """Return the sum of each counter, by name, in the order of the names."""
    counted = [_counts(link.connection.counted()) for link in links]
    sums = [sum(column) for column in zip(*counted, strict=True)] or [0] * len(COUNTERS)
    return dict(sorted(zip(COUNTERS, sums, strict=True)))


def _ages(connection: Connection, now: float) -> AgeDetails:
    wanted = tuple(connection.feeds)  # at once: this may be any thread
    ages = connection.ages.after(connection.earlier, frozenset(wanted))
    return {
        "message": _age(ages.message_at, now),
        "pong": _age(ages.pong_at, now),
        "round_trip": None if ages.round_trip is None else round(ages.round_trip, 6),
        "streams": {stream: _age(ages.streams.get(stream), now) for stream in wanted},
    }


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 3)


def _diagnosis(text: str) -> Diagnosis | None:
    return {"reason": str(Reason.ENDPOINT_MOVED), "text": text} if text else None


def step(change: Change) -> ChangeDetails:
    """Return what is told of one change."""
    return {
        "epoch": change.epoch,
        "before": change.before.value,
        "after": change.after.value,
        "reason": change.reason.value,
        "text": change.text,
        "at_us": change.at_us,
    }
