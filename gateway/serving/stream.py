"""The door of the stream protocol, ``/v1/ws``: which upgrade is refused, and how a socket becomes a session."""

from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from gateway.serving.arrivals import Arrivals
from gateway.serving.auth.credentials import offered
from gateway.serving.auth.door import ACCESS
from gateway.serving.auth.entrance import Entrance
from gateway.serving.auth.reception import Reception
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.problems import problem
from gateway.serving.session import Session
from gateway.serving.sitting import Ground
from gateway.serving.upgrading import upgrade

SUBPROTOCOL: Final = "gateway.v1"


class Stream:
    """
    The route of the stream protocol.

    Args:
        ground: what sessions that begin now stand on.
        reception: knows what tokens are worth.
        arrivals: all clients.
    """

    def __init__(self, ground: Callable[[], Ground], reception: Reception, arrivals: Arrivals) -> None:
        self._ground = ground
        self._reception = reception
        self._arrivals = arrivals

    def routes(self) -> Sequence[web.RouteDef]:
        """Return it."""
        return [web.get("/v1/ws", self._upgrade)]

    @described(
        Operation(
            summary="Open the stream",
            text="A WebSocket with the subprotocol `gateway.v1`; `/asyncapi.json` has what is spoken there.",
            answers=(Answer(101, "The WebSocket is open"),),
            refusals=("unknown_subprotocol", "too_many_sockets", "shutting_down", "bad_request"),
        )
    )
    async def _upgrade(self, request: web.Request) -> web.StreamResponse:
        address = request.remote or ""
        ground = self._ground()
        entrance = Entrance(self._reception, request.get(ACCESS), ground.limits)
        refusal = self._arrivals.refusal(address, entrance) or _unspoken(request)
        if refusal is not None:
            return refusal
        with self._arrivals.entered(address, entrance) as name:
            return await self._serve(request, name, ground, entrance)

    async def _serve(
        self, request: web.Request, name: str, ground: Ground, entrance: Entrance
    ) -> web.StreamResponse:
        wire = await upgrade(request, ground.limits, (SUBPROTOCOL,))
        if wire is None:
            return web.Response()
        session = Session(name, wire, ground, entrance)
        with self._arrivals.staying(session):
            await session.run()
        return wire.ws


def _unspoken(request: web.Request) -> web.Response | None:
    protocols = offered(request)
    if protocols and SUBPROTOCOL not in protocols:
        return problem(400, "unknown_subprotocol", f"only {SUBPROTOCOL} is spoken here")
    return None
