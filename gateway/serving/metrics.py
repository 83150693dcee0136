"""
``GET /metrics``: a reading of every metric as Prometheus wants it, taken when it asks.

Whoever asks soon after another gets the same page: however many ask, and however often, there are
so many readings a second at most, and the event loop has its time for messages.
"""

from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from gateway.serving.documents.describing import TEXT, Answer, Operation, described
from gateway.telemetry.metrics.exposition import OPEN, PLAIN, page, wants_open
from gateway.telemetry.metrics.model import Reading

OPENMETRICS: Final = "application/openmetrics-text"
SHARED: Final = 0.1
"""Seconds for which a page is as good as new."""


class Metrics:
    """
    The route.

    Args:
        read: reads all metrics.
        now: monotonic seconds.
    """

    def __init__(self, read: Callable[[], Reading], now: Callable[[], float]) -> None:
        self._read = read
        self._now = now
        self._pages: dict[bool, tuple[float, bytes]] = {}

    def routes(self) -> Sequence[web.RouteDef]:
        """Return it."""
        return [web.get("/metrics", self._page)]

    @described(
        Operation(
            summary="Read all metrics",
            text="In the text format of Prometheus, or as OpenMetrics for whoever accepts that. "
            "Whoever asks within a tenth of a second after another gets the same page.",
            answers=(Answer(200, "All of them", str, TEXT, {OPENMETRICS: str}),),
        )
    )
    async def _page(self, request: web.Request) -> web.Response:
        openmetrics = wants_open(request.headers.get("Accept", ""))
        body = self._written(openmetrics=openmetrics)
        return web.Response(body=body, headers={"Content-Type": OPEN if openmetrics else PLAIN})

    def _written(self, *, openmetrics: bool) -> bytes:
        now = self._now()
        at, body = self._pages.get(openmetrics, (float("-inf"), b""))
        if now - at >= SHARED:
            body = page(self._read(), openmetrics=openmetrics)
            self._pages[openmetrics] = now, body
        return body
