"""
What one client is subscribed to, and what each of its requests does.

Attaching, the ack and what must follow it happen in one step of the event loop:
nothing can be published in between, so the ack is always the topic's first word.
"""

import asyncio
from collections.abc import Callable

from gateway.engine.conflation import MERGES
from gateway.engine.hub import Hub
from gateway.engine.lines import LagPolicy, Line, default_policy, line_of
from gateway.engine.pacing import PacedLine
from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError
from gateway.model.subscriptions import Subscription
from gateway.serving.auth.entrance import Entrance
from gateway.serving.auth.reception import NO_GOOD
from gateway.serving.limits import Limits
from gateway.serving.pipe import Pipe
from gateway.serving.replies import Reply, state
from gateway.serving.requests import (
    ACCOUNT_CHANNELS,
    Auth,
    Envelope,
    Lag,
    Position,
    Selection,
    Subscribe,
    UnauthorizedError,
    params,
    place_of,
)


class Desk:
    """
    One client's requests, one at a time, answered through its pipe.

    Args:
        hub: all topics.
        pipe: where answers and data go.
        limits: what one client may have.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        entrance: who the client is.
    """

    def __init__(
        self,
        hub: Hub,
        pipe: Pipe,
        limits: Limits,
        now: Callable[[], float],
        wall_us: Callable[[], int],
        entrance: Entrance,
    ) -> None:
        self.lines: dict[str, Line | PacedLine] = {}
        self._idle_since = now()
        self._hub = hub
        self._pipe = pipe
        self._limits = limits
        self._entrance = entrance
        self._now = now
        self._wall_us = wall_us

    @property
    def idle_since(self) -> float | None:
        """Since when the client has no subscription, nothing while it has one."""
        return None if self.lines else self._idle_since

    async def obey(self, envelope: Envelope, reply: Reply) -> None:
        """
        Do what is asked and answer.

        Raises:
            SubscriptionError: If the request is refused as a whole; it was not answered.
            TimeoutError: If the client does not read the answers.
        """
        self._entrance.check_method(envelope.method)
        match envelope.method, params(envelope):
            case "auth", Auth() as asked:
                if not await self._entrance.present(asked.token):
                    raise UnauthorizedError("unauthorized", NO_GOOD)
                self._pipe.outbox.put(reply.success())
            case "list", _:
                await self._room()
                topics = [state(line.topic) for line in self.lines.values()]
                self._pipe.outbox.put(reply.success(topics=topics))
            case "ping", _:
                self._pipe.outbox.put(reply.success())
            case "subscribe", Subscribe() as asked:
                await self._subscribe(asked, reply)
            case "unsubscribe", Selection() as asked:
                await self._unsubscribe(asked, reply)

    async def _subscribe(self, asked: Subscribe, reply: Reply) -> None:
        policy = policy_of(asked)
        deadline = asyncio.get_running_loop().time() + self._limits.resolving
        for wish in asked.wishes():
            await self._room()
            try:
                self._entrance.check(wish)
                resolved = await self._resolve(wish, deadline)
                resume = asked.resume.get(place_of(wish))
                self._open(resolved, policy, asked, resume, reply)
            except SubscriptionError as refused:
                self._pipe.outbox.put(reply.refusal(refused, wish.topic))

    def _open(
        self, wish: Subscription, policy: LagPolicy, asked: Subscribe, resume: Position | None, reply: Reply
    ) -> None:
        """Attach, acknowledge and send what must follow; nothing here may wait."""
        again = self.lines.get(wish.topic)
        share = self._entrance.share
        if again is None:
            share.openings.admit(wish.topic, share.topics, self._now())
        topic = self._hub.find(wish)
        outbox = self._pipe.outbox
        if again is not None:
            again.settle()
            self._drop(again)
        line = self._line(topic, policy, asked.conflate_ms)
        self._hub.attach(wish, line)
        share.openings.joined(topic)
        share.topics += 1
        self.lines[topic.name] = line
        missed = None if resume is None or again is not None else _missed(topic, resume)
        outbox.put(reply.subscribed(topic, recovered=None if resume is None else missed is not None))
        if missed is not None:
            for frame in missed:
                outbox.put(frame)
        elif asked.snapshot and (snapshot := topic.snapshot(self._wall_us())) is not None:
            outbox.put(snapshot.frame)

    def _line(self, topic: Topic, policy: LagPolicy, conflate_ms: int) -> Line | PacedLine:
        line = line_of(topic, self._pipe.outbox, policy)
        if not conflate_ms:
            return line
        return PacedLine(line, conflate_ms / 1000, asyncio.get_running_loop().call_later)

    async def _unsubscribe(self, asked: Selection, reply: Reply) -> None:
        deadline = asyncio.get_running_loop().time() + self._limits.resolving
        for wish in asked.wishes():
            await self._room()
            try:
                line = self.lines.get(wish.topic) or await self._resolved_line(wish, deadline)
            except SubscriptionError as refused:
                self._pipe.outbox.put(reply.refusal(refused, wish.topic))
                continue
            self._drop(line)
            self._pipe.outbox.put(reply.success(topic=line.topic.name))

    async def _resolved_line(self, wish: Subscription, deadline: float) -> Line | PacedLine:
        resolved = await self._resolve(wish, deadline)
        line = self.lines.get(resolved.topic)
        if line is None:
            raise SubscriptionError("not_subscribed", f"not subscribed to {resolved.topic}")
        return line

    async def _resolve(self, wish: Subscription, deadline: float) -> Subscription:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._hub.resolve(wish)
        except TimeoutError:
            text = f"the instruments of {wish.exchange} did not come in time"
            raise SubscriptionError("timeout", text, temporary=True) from None

    async def _room(self) -> None:
        """Let the client read before it is answered further, so that its own request cannot overflow it."""
        async with asyncio.timeout(self._limits.stalled):
            await self._pipe.until_room()

    def _drop(self, line: Line | PacedLine) -> None:
        del self.lines[line.topic.name]
        line.close()
        self._idle_since = self._now()
        self._hub.detach(line.topic, line, self._idle_since)
        share = self._entrance.share
        share.topics -= 1
        share.openings.left(line.topic)

    def leave(self) -> None:
        """Hear no more of any topic; what waits, folded or not, can still be written. Idempotent."""
        share = self._entrance.share
        for line in self.lines.values():
            line.leave()
            self._hub.detach(line.topic, line, self._now())
            share.openings.left(line.topic)
        share.topics -= len(self.lines)
        self.lines.clear()


def policy_of(asked: Subscribe) -> LagPolicy:
    """Return what to do when the client lags, or refuse what cannot be had."""
    if asked.channel not in MERGES and (asked.conflate_ms or asked.on_lag is Lag.CONFLATE):
        text = f"channel {asked.channel} cannot be conflated, only {', '.join(sorted(MERGES))}"
        raise SubscriptionError("cannot_conflate", text)
    if (asked.account is not None or asked.channel in ACCOUNT_CHANNELS) and asked.on_lag is Lag.DROP_OLDEST:
        raise SubscriptionError("cannot_drop", "nothing of an account may be dropped; take disconnect")
    return default_policy(asked.channel) if asked.on_lag is None else LagPolicy(asked.on_lag)


def _missed(topic: Topic, resume: Position) -> list[bytes] | None:
    """Return every frame that the client missed, or nothing if one of them is gone."""
    if resume.epoch != topic.epoch or topic.ring is None:
        return None
    frames = topic.ring.after(resume.offset)
    return None if frames is None else list(frames)
