"""REST, read-only: what the running gateway says of itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway.engine.operations import Details, Operations
from gateway.serving.problems import as_json, problem


class Rest:
    """
    The routes outside the stream protocol.

    Args:
        operations: the running gateway.
        info: what ``/api/v1/info`` says beside the totals.
    """

    def __init__(self, operations: Operations, info: Mapping[str, Any]) -> None:
        self._operations = operations
        self._info = info

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [
            web.get("/livez", self._alive),
            web.get("/readyz", self._ready),
            web.get("/api/v1/info", self._about),
            web.get("/api/v1/exchanges", self._exchanges),
            web.get("/api/v1/exchanges/{id}", self._exchange),
            web.get("/api/v1/exchanges/{id}/instruments", self._instruments),
            web.get("/api/v1/connections", self._connections),
            web.get("/api/v1/connections/{id:.+}", self._connection),
        ]

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _ready(self, request: web.Request) -> web.Response:
        problems = list(self._operations.problems())
        verbose = "verbose" in request.query
        if problems:
            more: dict[str, Any] = {"problems": problems} if verbose else {}
            return problem(503, "not_ready", f"not ready: {len(problems)} problem(s)", **more)
        if verbose:
            return as_json({"ready": True, "problems": [], "stats": self._operations.get_stats()})
        return web.Response(text="ok")

    async def _about(self, _: web.Request) -> web.Response:
        return as_json({**self._info, "stats": self._operations.get_stats()})

    async def _exchanges(self, _: web.Request) -> web.Response:
        return as_json({"exchanges": _listed(self._operations.get_exchange_details())})

    async def _exchange(self, request: web.Request) -> web.Response:
        return _one("exchange", request, self._operations.get_exchange_details())

    async def _instruments(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        try:
            return as_json({"instruments": self._operations.get_instruments(id_)})
        except KeyError:
            return problem(404, "unknown_exchange", f"no exchange {id_[:128]!r} runs")

    async def _connections(self, _: web.Request) -> web.Response:
        return as_json({"connections": _listed(self._operations.get_connection_details())})

    async def _connection(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        return _one("connection", request, {id_: self._operations.get_connection_info(id_)})


def _listed(details: Mapping[str, Details]) -> list[Details]:
    return [{"id": id_, **one} for id_, one in details.items()]


def _one(kind: str, request: web.Request, details: Mapping[str, Details]) -> web.Response:
    id_ = request.match_info["id"]
    if not details.get(id_):
        return problem(404, f"unknown_{kind}", f"there is no {kind} {id_[:128]!r}")
    return as_json({"id": id_, **details[id_]})
