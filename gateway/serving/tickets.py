"""REST for one-time tickets: who has a token gets one for a page in a browser."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from gateway.serving.auth.door import ACCESS
from gateway.serving.auth.reception import Reception
from gateway.serving.auth.tickets import LASTS
from gateway.serving.bodies import Body, Nothing
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.problems import as_json, problem

PATH: Final = "/api/v1/tickets"


class Ticket(msgspec.Struct, frozen=True):
    """What opens one WebSocket, for ``expires_in`` seconds."""

    ticket: str
    expires_in: float


_nothing: Final = Body(Nothing)


class TicketRoutes:
    """
    The routes.

    Args:
        reception: gives the tickets.
    """

    def __init__(self, reception: Reception) -> None:
        self._tickets = reception.tickets

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [web.post(PATH, self._give)]

    @described(
        Operation(
            summary="Get a one-time ticket",
            text="A page in a browser opens one WebSocket with it, and may do there what the token may.",
            body=Nothing,
            answers=(Answer(201, "The ticket", Ticket),),
            refusals=("too_many_tickets",),
        )
    )
    async def _give(self, request: web.Request) -> web.Response:
        await _nothing.read(request)
        ticket = self._tickets.give(request[ACCESS])
        if ticket is None:
            return problem(
                429, "too_many_tickets", "too many tickets of this token wait to be used", {"Retry-After": "30"}
            )
        return as_json(Ticket(ticket, LASTS), status=HTTPStatus.CREATED)
