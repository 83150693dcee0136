"""
Server-sent events of topics, ``/v1/sse``: the same messages as on the WebSocket, for clients that only read.

Whatever can be refused is refused before the response begins, all topics or none. Then each
is subscribed to as over the stream protocol, by the same desk, while the client reads.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from gateway.engine.messages import Message, Notice
from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError
from gateway.model.subscriptions import Subscription
from gateway.serving.auth.entrance import Entrance
from gateway.serving.desk import Desk, policy_of
from gateway.serving.documents.codes import FOLLOWED
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.limits import CONFLATE_MS
from gateway.serving.lobby import Lobby
from gateway.serving.problems import refused
from gateway.serving.replies import Reply
from gateway.serving.requests import Envelope, Lag, Position, Subscribe, place_of
from gateway.serving.sitting import Ground
from gateway.serving.sse.asked import query_of, subscribe_to
from gateway.serving.sse.body import EventStream, opened, unstreamable
from gateway.serving.sse.places import Places, read
from gateway.serving.sse.wire import chunk

PATH: Final = "/v1/sse"
EVENTS: Final = "text/event-stream"
Events = Annotated[str, Meta(description="Server-sent events; the body does not end by itself.")]
TopicNames = Annotated[list[str], Meta(description="Topics, the parameter once for each; 1 to 50.")]
WithSnapshot = Annotated[
    Literal["true", "false"], Meta(description="Whether a snapshot is wanted; true unless said.")
]
Interval = Annotated[int, Meta(description="Milliseconds between messages at least.", ge=0, le=CONFLATE_MS)]
OnLag = Annotated[Lag, Meta(description="What a client that reads slowly is sent; by channel unless said.")]
LastId = Annotated[str, Meta(description="The id of the last event that the client had.")]
RETRY_MS: Final = 2000
"""How long a browser waits before it comes back."""


class Hold:
    """A listener that hears nothing: it keeps topics open until the client listens, and then no longer."""

    wants_frames = True

    def put(self, message: Message, /) -> None:
        """Let it pass."""

    def notify(self, notice: Notice, frame: bytes, /) -> None:
        """Let it pass."""


class Acks(Reply):
    """The answers to one subscription: they say where the client stands."""

    def __init__(self, places: Places, resume: Position | None, wall_us: Callable[[], int]) -> None:
        super().__init__("subscribe", None, wall_us)
        self.topic: Topic | None = None
        self.refused: SubscriptionError | None = None
        self._places = places
        self._resume = resume

    def subscribed(self, topic: Topic, *, recovered: bool | None) -> bytes:
        """Have the client go on from where it stood, if it can."""
        self.topic = topic
        self._places.begin(topic.name, topic.epoch, self._resume if recovered else None)
        return super().subscribed(topic, recovered=recovered)

    def refusal(self, error: SubscriptionError, topic: str | None = None) -> bytes:
        """Remember it: the stream ends with it."""
        self.refused = error
        return super().refusal(error, topic)


class TopicEvents:
    """
    The route.

    Args:
        lobby: where clients come by.
    """

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby

    def routes(self) -> Sequence[web.RouteDef]:
        """Return it."""
        return [web.get(PATH, self._come, allow_head=False)]

    @described(
        Operation(
            summary="Follow topics as server-sent events",
            text=(
                "The messages of the stream protocol, for clients that only read: `event` is a message's type, "
                "`data` the message, `id` where the client stands. Refused are all topics or none."
            ),
            query={"topic": TopicNames, "snapshot": WithSnapshot, "conflate_ms": Interval, "on_lag": OnLag},
            headers={"Last-Event-ID": LastId},
            answers=(Answer(200, "The stream", Events, EVENTS),),
            refusals=("too_many_sockets", "shutting_down", "http_version_not_supported"),
            wishes=FOLLOWED,
        )
    )
    async def _come(self, request: web.Request) -> web.StreamResponse:
        if (refusal := unstreamable(request)) is not None:
            return refusal
        with self._lobby.entered(request) as guest:
            wanted = Wanted(guest.ground, guest.entrance)
            try:
                await wanted.open(request)
                return await self._serve(request, guest.name, wanted)
            except SubscriptionError as wrong:
                return refused(wrong)
            finally:
                wanted.close()

    async def _serve(self, request: web.Request, name: str, wanted: "Wanted") -> web.StreamResponse:
        head = await opened(request)
        if head is None:
            return web.Response()
        transport, drain, response = head
        stream = EventStream(name, transport, drain, wanted.ground, wanted.entrance, wanted.places())
        with self._lobby.staying(stream):
            await stream.run(wanted.begin(stream))
        return response


class Wanted:
    """
    What one client wants, from the look at its URL until it listens.

    Args:
        ground: hub, limits and clocks.
        entrance: who the client is.
    """

    def __init__(self, ground: Ground, entrance: Entrance) -> None:
        self.ground = ground
        self.entrance = entrance
        self.asked: list[tuple[Subscribe, Subscription, Position | None]] = []
        self._held: list[Topic] = []
        self._hold = Hold()

    def places(self) -> Places:
        """Return where the client stands as it comes."""
        return Places({wish.topic: place for _, wish, place in self.asked})

    async def open(self, request: web.Request) -> None:
        """
        Find out whether all that is wanted can be had, and keep it open.

        Raises:
            SubscriptionError: If one of the topics cannot.
        """
        query = query_of(request)
        places = read(request.headers.get("Last-Event-ID"), len(query.topic))
        deadline = asyncio.get_running_loop().time() + self.ground.limits.resolving
        for text, place in zip(query.topic, places, strict=True):
            asked = subscribe_to(text, query)
            policy_of(asked)
            [wish] = asked.wishes()
            self.entrance.check(wish)
            resolved = await self._resolve(wish, deadline)
            if resolved.topic in {one.topic for _, one, _ in self.asked}:
                raise SubscriptionError("bad_request", f"{resolved.topic} is named twice")
            self.asked.append((asked, resolved, place))
        for _, wish, _ in self.asked:
            self._open(wish)

    async def _resolve(self, wish: Subscription, deadline: float) -> Subscription:
        try:
            async with asyncio.timeout_at(deadline):
                return await self.ground.hub.resolve(wish)
        except TimeoutError:
            text = f"the instruments of {wish.exchange} did not come in time"
            raise SubscriptionError("timeout", text, temporary=True) from None

    def _open(self, wish: Subscription) -> None:
        share = self.entrance.share
        share.openings.admit(wish.topic, share.topics + len(self._held), self.ground.now())
        self._held.append(self.ground.hub.attach(wish, self._hold))

    async def begin(self, stream: EventStream) -> None:
        """
        Subscribe to one topic after the other, as the client reads.

        Raises:
            SubscriptionError: If one is refused by now; the client was told.
            TimeoutError: If the client does not read.
        """
        ground, pipe = self.ground, stream.pipe
        desk = Desk(ground.hub, pipe, ground.limits, ground.now, ground.wall_us, self.entrance)
        stream.leave, stream.topics = desk.leave, lambda: tuple(desk.lines)
        pipe.outbox.say(chunk(b"retry: %d\n\n" % RETRY_MS))
        for asked, wish, place in self.asked:
            acks = Acks(pipe.places, place, ground.wall_us)
            await desk.obey(_envelope(asked, wish, place), acks)
            if acks.refused is not None:
                raise acks.refused
            if acks.topic is not None and pipe.places.settle(acks.topic.name, acks.topic.offset):
                pipe.outbox.say(chunk(pipe.places.line + b"\n"))
        self.close()

    def close(self) -> None:
        """Keep nothing open any more but what the client listens to. Idempotent."""
        for topic in self._held:
            self.ground.hub.detach(topic, self._hold, self.ground.now())
            self.entrance.share.openings.left(topic)
        self._held.clear()


def _envelope(asked: Subscribe, wish: Subscription, place: Position | None) -> Envelope:
    """Return the request that subscribes to ``wish``, in the gateway's own spelling, from ``place`` on."""
    names = {field: [wish.symbol] for field in ("symbols", "streams") if getattr(asked, field)}
    resume = {} if place is None else {place_of(wish): place}
    params: dict[str, Any] = msgspec.to_builtins(asked) | names | {"resume": msgspec.to_builtins(resume)}
    return Envelope("subscribe", params=msgspec.Raw(msgspec.json.encode(params)))
