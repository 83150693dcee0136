"""An exchange's own protocol on one client's socket."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from gateway.engine.native import NativeExchange
from gateway.engine.outbox import Outbox
from gateway.errors import SubscriptionError
from gateway.serving.auth.entrance import Entrance
from gateway.serving.codes import CloseCode
from gateway.serving.native.desk import NativeDesk
from gateway.serving.native.fans import Fans
from gateway.serving.sitting import Ground, Sitting
from gateway.serving.upgrading import Wire
from gateway.spi.native import NativeGreeting

REASON: Final = 64
"""Characters of a reason that a Close takes along."""


class Wanted(NamedTuple):
    """What a client came for: the exchange by its id, its protocol, and what its address says."""

    exchange: str
    native: NativeExchange
    greeting: NativeGreeting


class NativeSession(Sitting):
    """
    A native client. Event-loop only.

    Who asks faster than it may is not refused, for which exchanges have no word, but read no faster.

    Args:
        name: for logs.
        wire: the upgraded socket.
        ground: hub, limits and clocks.
        entrance: who the client is.
        wanted: what it came for.
        fans: bring topics to clients.
    """

    def __init__(  # those of any sitting, and ours
        self,
        name: str,
        wire: Wire,
        ground: Ground,
        entrance: Entrance,
        wanted: Wanted,
        fans: Fans,
    ) -> None:
        super().__init__(name, wire, replace(ground, limits=replace(ground.limits, refusals=0)), entrance)
        self._wanted = wanted
        self._desk = NativeDesk(
            exchange=wanted.exchange,
            native=wanted.native,
            fans=fans,
            hub=ground.hub,
            member=self,
            pipe=self.pipe,
            limits=ground.limits,
            now=ground.now,
            entrance=entrance,
            shape=wanted.greeting.shape,
        )

    async def begin(self) -> None:
        """Have the streams that the client's address names."""
        try:
            await self._desk.subscribe(self._wanted.greeting.streams)
        except SubscriptionError as refused:
            self.end(CloseCode.POLICY, refused.message[:REASON])

    @property
    def idle_since(self) -> float | None:
        """Since when the client has no subscription, nothing while it has one."""
        return self._desk.idle_since

    def topics(self) -> Sequence[str]:
        """Return the names of the topics that the client has."""
        return [fan.wish.topic for fan in self._desk.fans.values()]

    def leave(self) -> None:
        """Hear no more of any topic; what waits can still be written. Idempotent."""
        self._desk.leave()

    async def obey(self, text: str) -> None:
        """Do what a message asks, and answer."""
        await self._pace.request()
        if not await self._desk.obey(text):
            self.wrong()

    def refuse_binary(self) -> None:
        """Say that binary messages are none of this protocol."""
        self._desk.say(self._wanted.native.refuse(None, "bad_request", "binary frames are not understood"))
        self.wrong()

    # --- as fans know it

    @property
    def outbox(self) -> Outbox:
        """What is written to the client."""
        return self.pipe.outbox

    def lose(self, reason: str, /) -> None:
        """End as the exchange would: what comes after a hole must not be taken for what followed."""
        self.leave()
        told = reason.encode("ascii", "replace")[:REASON].decode()
        self.end(CloseCode.STREAM_LOST, f"something of a stream is missing: {told}")

    def fail(self, failure: Exception, /) -> None:
        """End, for the exchange's plugin cannot write what the client wants."""
        self.leave()
        self._ground.lines.failed(self.name, failure)
        self.end(CloseCode.INTERNAL_ERROR, "internal error")
