"""What may be asked of one connection over REST: to be replaced, without a gap or with one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web

from gateway.engine.operations import Operations
from gateway.serving.problems import as_json, problem

CONNECTION: Final = "/api/v1/connections/{id:.+}"
JSON: Final = "application/json"

Ask = Callable[[Operations, str], bool]
"""Asks for something, by a connection's id; false if it cannot be had now. Raises KeyError for an unknown one."""

ASKS: Final[Mapping[str, Ask]] = {
    "rollover": lambda operations, id_: operations.rollover(id_),
    "reconnect": lambda operations, id_: operations.reconnect(id_),
}


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body: these requests have no parameters."""


_nothing: Final = msgspec.json.Decoder(Nothing)


class Asks:
    """
    The routes.

    Args:
        operations: the running gateway.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [web.post(f"{CONNECTION}:{name}", partial(self._do, name, ask)) for name, ask in ASKS.items()]

    async def _do(self, action: str, ask: Ask, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        if request.content_type != JSON:  # a page in a browser cannot send that without asking first
            return problem(415, "unsupported_media_type", f"need {hdrs.CONTENT_TYPE}: {JSON}")
        try:
            _nothing.decode(await request.read() or b"{}")
            accepted = ask(self._operations, id_)
        except msgspec.DecodeError as exc:
            return problem(400, "bad_request", f"the body: {exc}")
        except KeyError:
            return problem(404, "unknown_connection", f"there is no connection {id_[:128]!r}")
        if not accepted:
            return problem(409, "not_connected", f"{id_[:128]} is not up, so there is nothing to replace")
        return as_json({"id": id_, "asked": action}, status=HTTPStatus.ACCEPTED)
