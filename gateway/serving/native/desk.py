"""
What one native client is subscribed to, and what its messages do.

Every stream of a request is had before it is answered, or none is and it is refused.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from gateway.engine.frames import text_frame
from gateway.engine.hub import Hub
from gateway.engine.native import NativeExchange
from gateway.errors import SubscriptionError
from gateway.model.subscriptions import RAW, Subscription
from gateway.serving.auth.entrance import Entrance
from gateway.serving.limits import Limits
from gateway.serving.native.fans import Fan, Fans, Member
from gateway.serving.pipe import Pipe
from gateway.spi.native import NativeClient, NativeTurn

STREAM: Final = re.compile(r"\S{1,512}")


class NativeDesk:
    """
    One client's. Event-loop only.

    Args:
        exchange: the exchange's id.
        native: its protocol.
        fans: bring topics to clients.
        hub: all topics.
        member: the client, as fans know it.
        pipe: where answers go.
        limits: what one client may have.
        now: monotonic seconds.
        entrance: who the client is.
        shape: how data are written to it at first.
    """

    def __init__(  # noqa: PLR0913  # its seams, each by its name
        self,
        *,
        exchange: str,
        native: NativeExchange,
        fans: Fans,
        hub: Hub,
        member: Member,
        pipe: Pipe,
        limits: Limits,
        now: Callable[[], float],
        entrance: Entrance,
        shape: str,
    ) -> None:
        self.fans: dict[str, Fan] = {}
        """By stream, in the order in which they were asked for."""
        self._shape = shape
        self._exchange = exchange
        self._native = native
        self._all = fans
        self._hub = hub
        self._member = member
        self._pipe = pipe
        self._limits = limits
        self._now = now
        self._entrance = entrance
        self._idle_since = now()

    @property
    def idle_since(self) -> float | None:
        """Since when the client has no subscription, nothing while it has one."""
        return None if self.fans else self._idle_since

    async def obey(self, text: str) -> bool:
        """
        Do what a message asks, and answer; false if it made no sense.

        Raises:
            PluginError: If the exchange's plugin fails at it.
            TimeoutError: If the client does not read the answers.
        """
        turn = self._native.hear(NativeClient(self._shape, tuple(self.fans)), text)
        async with asyncio.timeout(self._limits.stalled):
            await self._pipe.until_room()
        try:
            await self.subscribe(turn.subscribe)
        except SubscriptionError as refused:
            self.say(self._native.refuse(text, refused.code, refused.message))
            return True
        self._do(turn)
        return not turn.is_wrong

    def say(self, text: str) -> None:
        """Send an answer."""
        self._pipe.outbox.put(text_frame(text.encode()))

    async def subscribe(self, streams: Iterable[str]) -> None:
        """
        Have ``streams``, those included that the client has.

        Raises:
            SubscriptionError: If one of them cannot be had; then none was added.
        """
        new = [one for one in dict.fromkeys(streams) if one not in self.fans]
        wishes = await self._resolved(new)
        had: list[str] = []
        try:
            for wish in wishes:
                self._join(wish)
                had.append(wish.symbol)
        except SubscriptionError:
            for stream in had:
                self._part(stream)
            raise

    def leave(self) -> None:
        """Hear no more of any stream; what waits can still be written. Idempotent."""
        for stream in tuple(self.fans):
            self._part(stream)

    def _do(self, turn: NativeTurn) -> None:
        for stream in turn.unsubscribe:
            if stream in self.fans:
                self._part(stream)
        if turn.shape is not None and turn.shape != self._shape:
            self._reshape(turn.shape)
        if turn.reply is not None:
            self.say(turn.reply)

    async def _resolved(self, streams: Sequence[str]) -> list[Subscription]:
        wishes = [Subscription(self._exchange, RAW, one) for one in streams]
        for wish in wishes:
            if STREAM.fullmatch(wish.symbol) is None:
                raise SubscriptionError("bad_request", "a stream's name has 1 to 512 characters and no space")
            self._entrance.check(wish)
        try:
            async with asyncio.timeout(self._limits.resolving):
                return [await self._hub.resolve(wish) for wish in wishes]
        except TimeoutError:
            text = f"{self._exchange} did not say in time whether it has these streams"
            raise SubscriptionError("timeout", text, temporary=True) from None

    def _join(self, wish: Subscription) -> None:
        share = self._entrance.share
        share.openings.admit(wish.topic, share.topics, self._now())
        fan = self._all.join(wish, self._shape, self._native.wrap, self._member)
        share.openings.joined(fan.topic)
        share.topics += 1
        self.fans[wish.symbol] = fan

    def _part(self, stream: str) -> None:
        share = self._entrance.share
        topic = self._all.part(self.fans.pop(stream), self._member)
        self._idle_since = self._now()
        share.topics -= 1
        share.openings.left(topic)

    def _reshape(self, shape: str) -> None:
        """Have what comes from now on written otherwise: the topics stay open, for they are joined first."""
        self._shape = shape
        for stream, fan in tuple(self.fans.items()):
            self.fans[stream] = self._all.join(fan.wish, shape, self._native.wrap, self._member)
            self._all.part(fan, self._member)
