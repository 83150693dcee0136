"""The stream protocol on one client's socket: requests are read, obeyed at the client's pace, and answered."""

from collections.abc import Sequence
from typing import ClassVar, Final

from gateway.errors import SubscriptionError
from gateway.serving.auth.entrance import Entrance
from gateway.serving.codes import CloseCode
from gateway.serving.desk import Desk
from gateway.serving.presence import Kind
from gateway.serving.replies import Reply
from gateway.serving.requests import BadFrameError, UnauthorizedError, read
from gateway.serving.sitting import Ground, Sitting
from gateway.serving.upgrading import Wire

BAD_REQUESTS: Final = frozenset({"bad_json", "bad_request", "unknown_method"})


class Session(Sitting):
    """A client of the stream protocol. Event-loop only; the arguments are those of any sitting."""

    kind: ClassVar[Kind] = "stream"

    def __init__(self, name: str, wire: Wire, ground: Ground, entrance: Entrance) -> None:
        super().__init__(name, wire, ground, entrance)
        self._desk = Desk(ground.hub, self.pipe, ground.limits, ground.now, ground.wall_us, entrance)

    @property
    def idle_since(self) -> float | None:
        """Since when the client has no subscription, nothing while it has one."""
        return self._desk.idle_since

    def topics(self) -> Sequence[str]:
        """Return the names of the topics that the client has."""
        return tuple(self._desk.lines)

    def leave(self) -> None:
        """Hear no more of any topic; what waits can still be written. Idempotent."""
        self._desk.leave()

    async def obey(self, text: str) -> None:
        """Do what a request asks, and answer."""
        reply = self._reply()
        try:
            envelope = read(text)
            reply = self._reply(envelope.method[:64], envelope.req_id)
            await self._pace.request()
            await self._desk.obey(envelope, reply)
        except UnauthorizedError as refused:
            self._refuse(reply, refused)
            self.end(CloseCode.UNAUTHORIZED, refused.message)
        except BadFrameError as bad:
            self._refuse(self._reply(None, bad.req_id), bad)
        except SubscriptionError as refused:
            self._refuse(reply, refused)

    def refuse_binary(self) -> None:
        """Say that binary messages are none of this protocol."""
        self._refuse(self._reply(), SubscriptionError("bad_request", "binary frames are not understood"))

    def _reply(self, method: str | None = None, req_id: int | None = None) -> Reply:
        return Reply(method, req_id, self._ground.wall_us)

    def _refuse(self, reply: Reply, refusal: SubscriptionError) -> None:
        self.pipe.outbox.put(reply.refusal(refusal))
        if refusal.code in BAD_REQUESTS:
            self.wrong()
