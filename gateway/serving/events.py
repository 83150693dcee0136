"""
What happens in the gateway, as it happens: ``/api/v1/events`` as server-sent events, or as a list.

Each event is spelled at most twice, for those who may see addresses and for the others, however many
listen. A client that does not read is closed, and resumes by the last id that it had.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta, Struct

from gateway.engine.messages import encode
from gateway.serving.auth.door import ACCESS
from gateway.serving.auth.scopes import ADMIN, Access
from gateway.serving.bodies import query_of
from gateway.serving.documents.describing import JSON, Answer, Operation, described
from gateway.serving.events_model import Event, EventList, Events
from gateway.serving.lobby import Lobby
from gateway.serving.problems import as_json
from gateway.serving.sse.body import EventStream, opened, unstreamable
from gateway.serving.sse.wire import chunk, lines_of, said

PATH: Final = "/api/v1/events"
STREAM: Final = "text/event-stream"
RETRY_MS: Final = 2000

Format = Annotated[Literal["sse", "json"], Meta(description="`json`: a list of what is kept; else by `Accept`.")]
Place = Annotated[str, Meta(description="The id of the last event that the client had.", max_length=128)]
Body = Annotated[str, Meta(description="Server-sent events whose data are events; it does not end by itself.")]


class Query(Struct, forbid_unknown_fields=True):
    """What may be asked."""

    format: Format | None = None
    after: Place | None = None


class Spoken:
    """Spells events once for all who ask in a row. Event-loop only."""

    def __init__(self) -> None:
        self._event: Event | None = None
        self._forms: dict[bool, bytes] = {}

    def chunk(self, event: Event, *, whole: bool) -> bytes:
        """Return ``event`` as a chunk; only the ``whole`` one has addresses and ids of tokens."""
        if event is not self._event:
            self._event, self._forms = event, {}
        if whole not in self._forms:
            lines = lines_of(event.type, encode(seen(event, whole=whole)))
            self._forms[whole] = chunk(b"id: %b\n%b" % (event.id.encode(), lines))
        return self._forms[whole]


def seen(event: Event, *, whole: bool) -> Event:
    """Return what somebody may see of ``event``."""
    if whole or not (event.remote or event.token_id):
        return event
    return msgspec.structs.replace(event, remote="", token_id="")


class EventRoutes:
    """
    The route.

    Args:
        events: the last ones.
        lobby: where clients come by.
    """

    def __init__(self, events: Events, lobby: Lobby) -> None:
        self._events = events
        self._lobby = lobby
        self._spoken = Spoken()

    def routes(self) -> Sequence[web.RouteDef]:
        """Return it."""
        return [web.get(PATH, self._come, allow_head=False)]

    @described(
        Operation(
            summary="Hear what happens",
            text=(
                "Server-sent events, first those that are kept: the last 1,024, or those after `Last-Event-ID` or "
                "`after`. With `format=json`, or `Accept: application/json`, a list of these instead."
            ),
            query={"format": Format, "after": Place},
            headers={"Last-Event-ID": Place},
            answers=(Answer(200, "The events", EventList, also={STREAM: Body}),),
            refusals=("too_many_sockets", "shutting_down", "http_version_not_supported"),
        )
    )
    async def _come(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request, Query)
        after = request.headers.get("Last-Event-ID") or query.after
        if _wants_list(request, query):
            return self._listed(request[ACCESS], after)
        if (refusal := unstreamable(request)) is not None:
            return refusal
        with self._lobby.entered(request) as guest:
            head = await opened(request)
            if head is None:
                return web.Response()
            transport, drain, response = head
            stream = EventStream(guest.name, transport, drain, guest.ground, guest.entrance)
            with self._lobby.staying(stream):
                await stream.run(self._begin(stream, after, request[ACCESS]))
            return response

    def _listed(self, access: Access, after: str | None) -> web.Response:
        recovered, events = self._events.after(after)
        whole = access.allows(ADMIN)
        return as_json(EventList(recovered, self._events.last, [seen(one, whole=whole) for one in events]))

    async def _begin(self, stream: EventStream, after: str | None, access: Access) -> None:
        """Say what was missed, and from then on what happens; all that is kept fits into a queue."""
        say, whole = stream.pipe.outbox.say, access.allows(ADMIN)
        say(chunk(b"retry: %d\n\n" % RETRY_MS))
        recovered, events = self._events.after(after)
        say(said("start", recovered=recovered))
        for event in events:
            say(self._spoken.chunk(event, whole=whole))
        stream.leave = self._events.listen(lambda event: say(self._spoken.chunk(event, whole=whole)))


def _wants_list(request: web.Request, query: Query) -> bool:
    if query.format is not None:
        return query.format == "json"
    accepted = request.headers.get(hdrs.ACCEPT, "")
    return JSON in accepted and STREAM not in accepted
