"""REST, read-only: what the running gateway says of itself."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from aiohttp import web
from msgspec import Meta, Struct

from gateway.engine.details import ConnectionDetails, ExchangeDetails, InstrumentDetails
from gateway.engine.operations import Details, Operations
from gateway.serving.documents.describing import JSON, TEXT, Answer, Operation, described
from gateway.serving.documents.parameters import ConnectionId, ExchangeId
from gateway.serving.problems import as_json, problem

API: Final = "/api/v1"
Totals = dict[str, int | dict[str, int]]
"""``total_connections``, ``healthy_connections``, ``state_breakdown`` by state, and the sum of each counter."""


class Info(Struct, frozen=True):
    """What runs here; ``started_us`` is when the server began, in microseconds since 1970."""

    version: str
    protocol: str
    started_us: int
    stats: Totals


class Readiness(Struct, frozen=True):
    """That nothing is wrong."""

    ready: bool
    problems: list[str]
    stats: Totals


class Exchanges(Struct, frozen=True):
    """All exchanges that are configured."""

    exchanges: list[ExchangeDetails]


class InstrumentList(Struct, frozen=True):
    """What is known of each instrument."""

    instruments: Sequence[InstrumentDetails]


class ConnectionList(Struct, frozen=True):
    """All connections."""

    connections: list[ConnectionDetails]


OK: Final = Annotated[str, Meta(examples=["ok"])]
VERBOSE: Final = Annotated[str, Meta(description="If it is there, with any value, the answer is JSON.")]


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
            web.get(f"{API}/info", self._about),
            web.get(f"{API}/exchanges", self._exchanges),
            web.get(f"{API}/exchanges/{{id}}", self._exchange),
            web.get(f"{API}/exchanges/{{id}}/instruments", self._instruments),
            web.get(f"{API}/connections", self._connections),
            web.get(f"{API}/connections/{{id:[^:]+}}", self._connection),
        ]

    @described(Operation(summary="Is it alive?", answers=(Answer(200, "It answers", OK, TEXT),)))
    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    @described(
        Operation(
            summary="Is it ready?",
            text="It is if every wanted connection is CONNECTED and every configured exchange runs.",
            query={"verbose": VERBOSE},
            answers=(Answer(200, "It is ready", OK, TEXT, {JSON: Readiness}),),
            refusals=("not_ready",),
        )
    )
    async def _ready(self, request: web.Request) -> web.Response:
        problems = list(self._operations.problems())
        verbose = "verbose" in request.query
        if problems:
            more: dict[str, Any] = {"problems": problems} if verbose else {}
            return problem(503, "not_ready", f"not ready: {len(problems)} problem(s)", **more)
        if verbose:
            return as_json(Readiness(ready=True, problems=[], stats=_plain(self._operations.get_stats())))
        return web.Response(text="ok")

    @described(Operation(summary="What runs here", answers=(Answer(200, "Version and totals", Info),)))
    async def _about(self, _: web.Request) -> web.Response:
        return as_json(Info(**self._info, stats=_plain(self._operations.get_stats())))

    @described(Operation(summary="List the exchanges", answers=(Answer(200, "All of them", Exchanges),)))
    async def _exchanges(self, _: web.Request) -> web.Response:
        return as_json({"exchanges": _listed(self._operations.get_exchange_details())})

    @described(
        Operation(
            summary="Show an exchange",
            path={"id": ExchangeId},
            answers=(Answer(200, "The exchange", ExchangeDetails),),
            refusals=("unknown_exchange",),
        )
    )
    async def _exchange(self, request: web.Request) -> web.Response:
        return _one("exchange", request, self._operations.get_exchange_details())

    @described(
        Operation(
            summary="List an exchange's instruments",
            path={"id": ExchangeId},
            answers=(Answer(200, "What is known of each", InstrumentList),),
            refusals=("unknown_exchange",),
        )
    )
    async def _instruments(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        try:
            return as_json({"instruments": self._operations.get_instruments(id_)})
        except KeyError:
            return problem(404, "unknown_exchange", f"no exchange {id_[:128]!r} runs")

    @described(Operation(summary="List the connections", answers=(Answer(200, "All of them", ConnectionList),)))
    async def _connections(self, _: web.Request) -> web.Response:
        return as_json({"connections": _listed(self._operations.get_connection_details())})

    @described(
        Operation(
            summary="Show a connection",
            path={"id": ConnectionId},
            answers=(Answer(200, "The connection", ConnectionDetails),),
            refusals=("unknown_connection",),
        )
    )
    async def _connection(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        return _one("connection", request, {id_: self._operations.get_connection_info(id_)})


def _listed(details: Mapping[str, Details]) -> list[Details]:
    return [{"id": id_, **one} for id_, one in details.items()]


def _plain(stats: Details) -> Totals:
    return dict(stats)


def _one(kind: str, request: web.Request, details: Mapping[str, Details]) -> web.Response:
    id_ = request.match_info["id"]
    if not details.get(id_):
        return problem(404, f"unknown_{kind}", f"there is no {kind} {id_[:128]!r}")
    return as_json({"id": id_, **details[id_]})
