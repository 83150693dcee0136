"""REST for clients: who is connected, how far each is behind, and having one closed."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from gateway.serving.arrivals import Arrivals, Visitor
from gateway.serving.codes import CloseCode
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.documents.parameters import ClientId
from gateway.serving.presence import Facts, Kind, Tells, Visit
from gateway.serving.problems import ProblemError, as_json

PATH: Final = "/api/v1/clients"
WHY: Final = "an operator closed it"


class Client(Struct, frozen=True, kw_only=True):
    """
    One client.

    ``kind`` is which protocol it speaks, ``since_us`` when it came, in microseconds since 1970,
    ``token_id`` the id of its token where it showed one. ``topics`` are how many it has,
    ``queue_bytes`` how much waits for it, ``lagging`` whether that is more than 64 KiB, ``sent`` how
    many messages were queued for it and ``dropped`` how many were dropped since it came.
    """

    id: str
    kind: Kind
    address: str
    since_us: int
    token_id: str | None
    topics: int
    queue_bytes: int
    lagging: bool
    sent: int
    dropped: int


class ClientDetails(Client, frozen=True, kw_only=True):
    """One client, with the names of its topics."""

    topic_names: Sequence[str]


class ClientList(Struct, frozen=True):
    """All clients, the one that came first, first."""

    clients: Sequence[Client]


class Clients:
    """
    The routes.

    Args:
        arrivals: all clients.
    """

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        one = f"{PATH}/{{id}}"
        return [web.get(PATH, self._list), web.get(one, self._show), web.delete(one, self._close)]

    @described(Operation(summary="List the clients", answers=(Answer(200, "All of them", ClientList),)))
    async def _list(self, _: web.Request) -> web.Response:
        return as_json(ClientList([Client(**_told(*one)) for one in self._there()]))

    @described(
        Operation(
            summary="Show a client",
            path={"id": ClientId},
            answers=(Answer(200, "The client", ClientDetails),),
            refusals=("unknown_client",),
        )
    )
    async def _show(self, request: web.Request) -> web.Response:
        visit, visitor, facts = self._find(request.match_info["id"])
        return as_json(ClientDetails(**_told(visit, visitor, facts), topic_names=facts.topics))

    @described(
        Operation(
            summary="Close a client",
            text="What waits for it is sent, then it is closed with 4510: it should not come back by itself.",
            path={"id": ClientId},
            answers=(Answer(204, "It is told"),),
            refusals=("unknown_client",),
        )
    )
    async def _close(self, request: web.Request) -> web.Response:
        _, visitor, _ = self._find(request.match_info["id"])
        visitor.end(CloseCode.DISMISSED, WHY)
        return web.Response(status=204)

    def _there(self) -> Iterator[tuple[Visit, Visitor, Facts]]:
        """Yield who is there, in the order in which they came; a socket that is being opened is not there yet."""
        by_name = {one.name: one for one in self._arrivals.visitors}
        for visit in tuple(self._arrivals.visits.values()):
            visitor = by_name.get(visit.name)
            if visitor is not None and isinstance(visitor, Tells):
                yield visit, visitor, visitor.facts()

    def _find(self, id_: str) -> tuple[Visit, Visitor, Facts]:
        for one in self._there():
            if one[0].name == id_:
                return one
        raise ProblemError(404, "unknown_client", f"no client {id_[:128]!r} is connected")


def _told(visit: Visit, visitor: Visitor, facts: Facts) -> dict[str, Any]:
    access = visitor.entrance.access
    return {
        "id": visit.name,
        "kind": facts.kind,
        "address": visit.address,
        "since_us": visit.since_us,
        "token_id": None if access is None else access.token,
        "topics": len(facts.topics),
        "queue_bytes": facts.queue_bytes,
        "lagging": facts.lagging,
        "sent": facts.sent,
        "dropped": facts.dropped,
    }
