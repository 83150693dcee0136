"""What the server itself tells as events: who came, who went, and what was asked for; only so many a minute."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

from gateway.serving.codes import CloseCode
from gateway.serving.events_model import Events, EventType
from gateway.serving.presence import Tells, Visit
from gateway.telemetry.quota import LineQuota

A_MINUTE: Final = 60
"""Events of each kind."""


class ServerEvents:
    """
    Fills a ring. Event-loop only.

    Args:
        events: the ring; without one nothing is told.
        now: monotonic seconds.
    """

    def __init__(self, events: Events | None, now: Callable[[], float]) -> None:
        self._events = events
        self._quota = LineQuota(A_MINUTE, now, self._suppressed)

    def came(self, visit: Visit, client: object, token_id: str | None) -> None:
        """Tell that a client came; its address and its token are for those who may see them."""
        kind = client.facts().kind if isinstance(client, Tells) else ""
        self._tell(
            "connected",
            EventType.CLIENT,
            client=visit.name,
            facts={"kind": kind},
            remote=visit.address,
            token_id=token_id or "",
        )

    def closed(self, client: str, code: CloseCode, reason: str) -> None:
        """Tell that we close it."""
        self._tell("closed", EventType.CLIENT, client=client, text=reason, facts={"code": int(code)})

    def left(self, visit: Visit) -> None:
        """Tell that it is gone, whoever wanted that."""
        self._tell("disconnected", EventType.CLIENT, client=visit.name)

    def audited(self, line: Mapping[str, Any]) -> None:
        """Tell what was asked for, by the line that an audit writes; that bounds them itself."""
        told = dict(line)
        action, token_id, remote = told.pop("action"), told.pop("token_id"), told.pop("remote")
        if self._events is not None:
            self._events.add(EventType.CONTROL, action, facts=told, remote=remote or "", token_id=token_id or "")

    def _tell(self, what: str, type_: EventType, **fields: object) -> None:
        if self._events is not None and self._quota.allows(what):
            self._events.add(type_, what, **fields)

    def _suppressed(self, key: Hashable, lines: int) -> None:
        if self._events is not None:
            facts = {"of": f"client, {key}", "events": lines}
            self._events.add(EventType.NOTICE, "suppressed", level="warning", facts=facts)
