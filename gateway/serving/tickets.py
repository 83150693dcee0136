"""REST for one-time tickets: who has a token gets one for a page in a browser."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web

from gateway.serving.auth.door import ACCESS
from gateway.serving.auth.reception import Reception
from gateway.serving.auth.tickets import LASTS
from gateway.serving.problems import as_json, problem

PATH: Final = "/api/v1/tickets"
JSON: Final = "application/json"


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body: there are no parameters."""


_nothing: Final = msgspec.json.Decoder(Nothing)


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

    async def _give(self, request: web.Request) -> web.Response:
        if request.content_type != JSON:  # a page in a browser cannot send that without asking first
            return problem(415, "unsupported_media_type", f"need {hdrs.CONTENT_TYPE}: {JSON}")
        try:
            _nothing.decode(await request.read() or b"{}")
        except msgspec.DecodeError as exc:
            return problem(400, "bad_request", f"the body: {exc}")
        ticket = self._tickets.give(request[ACCESS])
        if ticket is None:
            return problem(
                429, "too_many_tickets", "too many tickets of this token wait to be used", {"Retry-After": "30"}
            )
        return as_json({"ticket": ticket, "expires_in": LASTS}, status=HTTPStatus.CREATED)
