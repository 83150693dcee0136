"""The doors of exchanges' own protocols, ``/native/<exchange>/``: sockets and REST side by side, as there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import unquote

import structlog
from aiohttp import hdrs, web
from msgspec import Meta

from gateway.engine.hub import Hub
from gateway.engine.operations import Operations
from gateway.errors import PluginError
from gateway.serving.auth.credentials import is_credential, offered
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.documents.parameters import ExchangeId
from gateway.serving.lobby import Guest, Lobby
from gateway.serving.native.fans import Fans
from gateway.serving.native.session import NativeSession, Wanted
from gateway.serving.problems import problem
from gateway.serving.upgrading import upgrade
from gateway.spi.native import NativeGreeting
from gateway.spi.steps import HttpReply

PATH: Final = "/native/{exchange}{path:(?:/.*)?}"
METHODS: Final = ("GET", "POST", "PUT", "DELETE")
"""All but the first are there to be refused in the exchange's own words."""
KEPT: Final = ("Content-Type", "Retry-After")
"""Headers of an answer that are the client's; others were for the gateway."""

log = structlog.get_logger()
Path = Annotated[str, Meta(description="As the exchange has it.", examples=["/api/v3/ping"])]
Theirs = Annotated[Any, Meta(description="As the exchange has it.")]


class NativeDoors:
    """
    The routes.

    Args:
        hub: all topics.
        operations: the running gateway.
        lobby: where clients come by.
        now: monotonic seconds.
    """

    def __init__(self, hub: Hub, operations: Operations, lobby: Lobby, now: Callable[[], float]) -> None:
        self._operations = operations
        self._lobby = lobby
        self._fans = Fans(hub, now)

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [web.route(method, PATH, self._answer) for method in METHODS]

    @described(
        Operation(
            summary="Speak an exchange's own protocol",
            text="Sockets and REST, as there; the exchange's plugin says what is offered. Its clients "
            "need another base URL and nothing else. Methods but GET are refused as the exchange would.",
            path={"exchange": ExchangeId, "path": Path},
            answers=(
                Answer(101, "A WebSocket is open, on which the exchange's protocol is spoken"),
                Answer(None, "What the exchange would answer, from what is known here", Theirs),
            ),
            refusals=(
                "unknown_exchange",
                "not_offered",
                "plugin_error",
                "too_many_sockets",
                "shutting_down",
                "bad_request",
            ),
        )
    )
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        exchange = request.match_info["exchange"]
        try:
            native = self._operations.native(exchange)
        except KeyError:
            return problem(404, "unknown_exchange", f"no exchange {exchange[:128]!r} runs")
        if native is None:
            return problem(404, "not_offered", f"{exchange} is not spoken to in its own protocol here")
        path, query = request.match_info["path"] or "/", query_of(request.rel_url.raw_query_string)
        try:
            if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
                return _response(await native.answer(request.method, path, query))
            greeting = native.greet(path, query)
        except PluginError as broken:
            log.error("plugin_error", exchange=exchange, error=str(broken))  # noqa: TRY400  # its traceback is ours
            return problem(502, "plugin_error", "the exchange's plugin failed at it; the gateway's log says how")
        if isinstance(greeting, NativeGreeting):
            return await self._open(request, Wanted(exchange, native, greeting))
        return _response(greeting)

    async def _open(self, request: web.Request, wanted: Wanted) -> web.StreamResponse:
        with self._lobby.entered(request) as guest:
            return await self._serve(request, guest, wanted)

    async def _serve(self, request: web.Request, guest: Guest, wanted: Wanted) -> web.StreamResponse:
        # The protocol has no name. Browsers, which show a token so, want one of those that they offered.
        protocols = [name for name in offered(request) if name and not is_credential(name)]
        wire = await upgrade(request, guest.ground.limits, protocols)
        if wire is None:
            return web.Response()
        session = NativeSession(guest.name, wire, guest.ground, guest.entrance, wanted, self._fans)
        with self._lobby.staying(session):
            await session.run()
        return wire.ws


def query_of(raw: str) -> Mapping[str, str]:
    """Return a query's parameters, the last of a name; a plus is one, as in names of streams."""
    pairs = (part.partition("=") for part in raw.split("&") if part)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _response(reply: HttpReply) -> web.Response:
    given = {name.lower(): value for name, value in reply.headers.items()}
    headers = {name: given[name.lower()] for name in KEPT if name.lower() in given}
    return web.Response(body=reply.body, status=reply.status, headers=headers)
