"""``GET /metrics``: a reading of every metric as Prometheus wants it, taken when it asks."""

from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from gateway.serving.documents.describing import TEXT, Answer, Operation, described
from gateway.telemetry.metrics.exposition import OPEN, PLAIN, page, wants_open
from gateway.telemetry.metrics.model import Reading

OPENMETRICS: Final = "application/openmetrics-text"


class Metrics:
    """
    The route.

    Args:
        read: reads all metrics.
    """

    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read

    def routes(self) -> Sequence[web.RouteDef]:
        """Return it."""
        return [web.get("/metrics", self._page)]

    @described(
        Operation(
            summary="Read all metrics",
            text="In the text format of Prometheus, or as OpenMetrics for whoever accepts that.",
            answers=(Answer(200, "All of them", str, TEXT, {OPENMETRICS: str}),),
        )
    )
    async def _page(self, request: web.Request) -> web.Response:
        openmetrics = wants_open(request.headers.get("Accept", ""))
        body = page(self._read(), openmetrics=openmetrics)
        return web.Response(body=body, headers={"Content-Type": OPEN if openmetrics else PLAIN})
