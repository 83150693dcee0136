"""What may be asked of one connection over REST: to be replaced, without a gap or with one, or to be emptied."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

from aiohttp import web
from msgspec import Struct

from gateway.engine.operations import Operations
from gateway.serving.bodies import Body, Nothing
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.documents.parameters import ConnectionId
from gateway.serving.problems import as_json, problem

CONNECTION: Final = "/api/v1/connections/{id:[^:]+}"


@dataclass(frozen=True, slots=True)
class Ask:
    """
    Something that may be asked for.

    ``act`` asks for it, by a connection's id; false if it cannot be had now, which ``code`` and
    ``refusal`` tell. It raises KeyError for an unknown connection.
    """

    act: Callable[[Operations, str], bool]
    summary: str
    text: str
    code: str
    refusal: str


DOWN: Final = "not_connected"
NOT_UP: Final = "is not up, so there is nothing to replace"
ASKS: Final = {
    "rollover": Ask(
        lambda operations, id_: operations.rollover(id_),
        "Replace a connection without a gap",
        "A second connection is opened and takes over; if it cannot, the first is untouched and another is tried "
        "later.",
        DOWN,
        NOT_UP,
    ),
    "reconnect": Ask(
        lambda operations, id_: operations.reconnect(id_),
        "Replace a connection at once",
        "It is closed and dialled again; topics are told `disconnected` and `restored`.",
        DOWN,
        NOT_UP,
    ),
    "drain": Ask(
        lambda operations, id_: operations.drain(id_),
        "Empty a connection gently",
        "From now on new streams go to other connections. It serves those that it has for as long as somebody "
        "wants them, and closes with the last; nobody loses anything.",
        "nowhere_else",
        "is an account's, whose streams have no other connection",
    ),
}


class Asked(Struct, frozen=True):
    """That something was recorded; what comes of it is in the connection's history."""

    id: str
    asked: str


_nothing: Final = Body(Nothing)


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
        return [
            web.post(f"{CONNECTION}:{name}", described(_operation(ask))(partial(self._do, name, ask)))
            for name, ask in ASKS.items()
        ]

    async def _do(self, action: str, ask: Ask, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        await _nothing.read(request)
        try:
            accepted = ask.act(self._operations, id_)
        except KeyError:
            return problem(404, "unknown_connection", f"there is no connection {id_[:128]!r}")
        if not accepted:
            return problem(409, ask.code, f"{id_[:128]} {ask.refusal}")
        return as_json(Asked(id_, action), status=HTTPStatus.ACCEPTED)


def _operation(ask: Ask) -> Operation:
    return Operation(
        summary=ask.summary,
        text=ask.text,
        path={"id": ConnectionId},
        body=Nothing,
        answers=(Answer(202, "It is recorded", Asked),),
        refusals=("unknown_connection", ask.code),
    )
