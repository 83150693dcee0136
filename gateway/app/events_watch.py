"""
What becomes an event: changes of connections, what is noticed, and the gaps that topics are told.

Of each kind only some a minute do, so that one connection that flaps, or a cut that every topic
is told of, does not push everything else out.
"""

from asyncio import CancelledError
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from gateway.engine.messages import Notice, TopicEvent
from gateway.engine.observer import MOMENTS
from gateway.errors import ConnectionFault, Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState, Phase
from gateway.serving.events_model import Events, EventType, Level
from gateway.telemetry.logs import FAILURES, WARNINGS, redact
from gateway.telemetry.quota import LineQuota
from gateway.telemetry.scrubbing import SCRUBBER

A_MINUTE: Final = 20
"""Events of a connection and kind, of a connection and state, and gaps of an exchange for one reason."""
LONGEST: Final = 512
"""Characters of a text."""
LOOKED_AT: Final = 8 * LONGEST
"""Characters of a text in which secrets are looked for."""
WORK: Final = frozenset({"resync", "reconcile", "backfill"})
"""What is done to mend what is missing."""
TYPES: Final = {
    "plugin_error": EventType.PLUGIN,
    "plugin_slow": EventType.PLUGIN,
    "reload_refused": EventType.CONFIGURATION,
    "reloaded": EventType.CONFIGURATION,
    "restart_needed": EventType.CONFIGURATION,
    "rollover_failed": EventType.ROLLOVER,
}


class EventWatch:
    """
    An :class:`~gateway.engine.observer.Observer` that fills a ring. Event-loop only.

    Args:
        events: the ring.
        trace_id: the trace that a connection is in now, if any.
        now: monotonic seconds.
    """

    def __init__(self, events: Events, trace_id: Callable[[str], str | None], now: Callable[[], float]) -> None:
        self._events = events
        self._trace_id = trace_id
        self._now = now
        self._quota = LineQuota(A_MINUTE, now, self._suppressed)

    def changed(self, change: Change) -> None:
        """Tell where the connection went and why."""
        is_rollover = change.reason is Reason.ROLLOVER and change.before is change.after
        type_, what = EventType.CONNECTION, str(change.after)
        if is_rollover:
            type_, what = EventType.ROLLOVER, "rolled_over"
        self._tell(
            (change.connection_id, type_, what),
            type_,
            what,
            level="warning" if change.after is ConnectionState.ERROR else "info",
            reason=str(change.reason),
            text=_clean(change.text),
            facts={"from": str(change.before), "to": str(change.after)},
            **self._of(change.connection_id, change.epoch),
        )

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """Leave it to the logs."""

    @contextmanager
    def during(self, connection_id: str, epoch: int, what: str) -> Iterator[None]:
        """Tell what was mended, or that it could not be."""
        if what not in WORK:
            yield
            return
        began = self._now()
        try:
            yield
        except CancelledError:
            raise
        except Exception as exc:
            reason = exc.reason if isinstance(exc, ConnectionFault) else type(exc).__name__
            self._mended(connection_id, epoch, what, began, level="warning", reason=str(reason))
            raise
        self._mended(connection_id, epoch, what, began)

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        """Tell it, but for what only traces show."""
        if what in MOMENTS:
            return
        level: Level = "error" if what in FAILURES else "warning" if what in WARNINGS else "info"
        text = facts.pop("text", None) or facts.pop("error", "")
        self._tell(
            (connection_id, what),
            TYPES.get(what, EventType.NOTICE),
            what,
            level=level,
            text=_clean(str(text)),
            facts={name: _clean(str(fact)) for name, fact in facts.items()},
            **self._of(connection_id, epoch),
        )

    def heard(self, notice: Notice) -> None:
        """Tell it if it is a gap; every status of every topic comes here."""
        if notice.status is TopicEvent.GAP:
            exchange = notice.subscription.exchange
            self._tell(
                (exchange, EventType.GAP, notice.reason),
                EventType.GAP,
                "gap",
                level="warning",
                exchange=exchange,
                topic=notice.subscription.topic,
                reason=_clean(notice.reason),
                facts={"recoverable": bool(notice.recoverable)},
            )

    def _mended(self, connection_id: str, epoch: int, what: str, began: float, **fields: object) -> None:
        facts = {"seconds": round(self._now() - began, 3)}
        key = (connection_id, what)
        of = self._of(connection_id, epoch)
        self._tell(key, EventType.RESYNC, what, facts=facts, **fields, **of)

    def _of(self, connection_id: str, epoch: int) -> dict[str, object]:
        exchange, slash, _ = connection_id.partition("/")
        if not slash:
            return {} if exchange in {"gateway", "store"} else {"exchange": exchange}
        trace_id = self._trace_id(connection_id) or ""
        return {"exchange": exchange, "connection": connection_id, "epoch": epoch, "trace_id": trace_id}

    def _tell(self, key: Hashable, type_: EventType, what: str, **fields: object) -> None:
        if self._quota.allows(key):
            self._events.add(type_, what, **fields)

    def _suppressed(self, key: Hashable, lines: int) -> None:
        of = ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
        self._events.add(EventType.NOTICE, "suppressed", level="warning", facts={"of": of, "events": lines})


def _clean(text: str) -> str:
    """Return ``text`` as a log may have it, and cut last, since half a secret is not known."""
    return str(redact(None, "", {"text": SCRUBBER.scrub(text[:LOOKED_AT])})["text"])[:LONGEST]
