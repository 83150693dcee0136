"""
What becomes a span after the fact, out of two times that somebody noted: nothing of it was open while it went on.

Of each kind only some a minute do, so that a busy account or a slow minute costs no more than a quiet one.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from gateway.engine.observer import CONTROL_ACTION, DRAIN, MOMENTS, REQUEST
from gateway.telemetry.quota import LineQuota

A_MINUTE: Final = 20
"""Spans of a connection, or of an exchange's messages, and a kind."""
NAMES: Final = {what: f"gateway.{what}" for what in MOMENTS - {REQUEST}}
OURS: Final = frozenset({CONTROL_ACTION, DRAIN})
"""What is done here; anything else came from an exchange."""
ACCOUNT: Final = "gateway.account"
CHANNEL: Final = "gateway.channel"
LEG: Final = "gateway.leg"
ACTION: Final = "gateway.action"
OUTCOME: Final = "gateway.outcome"
VIA: Final = "gateway.via"
_SHOWN: Final = {
    ACCOUNT: "account",
    CHANNEL: "channel",
    LEG: "leg",
    ACTION: "action",
    OUTCOME: "outcome",
    VIA: "via",
}


class Moments:
    """
    Makes the spans. Event-loop only.

    Args:
        tracer: makes spans.
        now: monotonic seconds.
    """

    def __init__(self, tracer: Tracer, now: Callable[[], float] = time.monotonic) -> None:
        self._tracer = tracer
        self._quota = LineQuota(A_MINUTE, now, lambda _key, _lines: None)

    def tell(
        self,
        of: str,
        what: str,
        parent: Span | None,
        attributes: Mapping[str, AttributeValue],
        facts: Mapping[str, Any],
    ) -> None:
        """
        Make the span of one moment.

        Args:
            of: the connection or exchange, for which so many may be made.
            what: which of the moments.
            parent: below which span; without one it is a trace of its own.
            attributes: of whom it is.
            facts: as they were noticed.
        """
        if not self._quota.allows((of, what)):
            return
        ended_us = facts["at_us"]
        begun_us = min(facts.get("begun_us") or ended_us, ended_us)  # clocks differ
        context = Context() if parent is None else set_span_in_context(parent, Context())
        more = {name: str(facts[fact]) for name, fact in _SHOWN.items() if fact in facts}
        span = self._tracer.start_span(
            NAMES[what],
            context=context,
            kind=SpanKind.INTERNAL if what in OURS else SpanKind.CONSUMER,
            attributes={**attributes, **more},
            start_time=begun_us * 1000,
        )
        span.end(end_time=ended_us * 1000)
