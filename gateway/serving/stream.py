"""The door of the stream protocol, ``/v1/ws``: which upgrade is refused, and how a socket becomes a session."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from gateway.serving.auth.credentials import offered
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.lobby import Guest, Lobby
from gateway.serving.problems import problem
from gateway.serving.session import Session
from gateway.serving.upgrading import upgrade

SUBPROTOCOL: Final = "gateway.v1"


class Stream:
    """
    The route of the stream protocol.

    Args:
        lobby: where clients come by.
    """

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby

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
        protocols = offered(request)
        if protocols and SUBPROTOCOL not in protocols:
            return problem(400, "unknown_subprotocol", f"only {SUBPROTOCOL} is spoken here")
        with self._lobby.entered(request) as guest:
            return await self._serve(request, guest)

    async def _serve(self, request: web.Request, guest: Guest) -> web.StreamResponse:
        wire = await upgrade(request, guest.ground.limits, (SUBPROTOCOL,))
        if wire is None:
            return web.Response()
        session = Session(guest.name, wire, guest.ground, guest.entrance)
        with self._lobby.staying(session):
            await session.run()
        return wire.ws
