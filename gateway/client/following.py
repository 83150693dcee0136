"""
Topics for as long as a program lives: whoever follows them is connected again, and resumes, by itself.

While the gateway is away each topic is told so, and afterwards whether anything is missing.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import Any, Final

import aiohttp

from gateway.client.connection import URL, Client
from gateway.client.contiguity import Message, Position
from gateway.client.pending import Ack, refusal
from gateway.engine.retry import Backoff
from gateway.errors import ConnectionFault, SubscriptionError, UpgradeRefused

FINAL: Final = range(4500, 5000)
"""Close codes after which coming back is in vain."""
TOO_LARGE: Final = 1009
TEMPORARY: Final = frozenset({429, 503})
"""Statuses of a refused upgrade that another attempt may not meet."""


class Following:
    """
    Iterate over it. Event-loop only, one task.

    Messages are those of :class:`~gateway.client.Client`, and for each topic ``{"topic", "type": "away", "text"}``
    when the connection is lost, ``{"topic", "type": "back", "recovered", "status", "epoch", "offset"}`` when
    it is subscribed to again: where ``recovered`` is false something is missing, and a
    snapshot follows where the channel has one.

    Args:
        topics: as the protocol spells them.
        url: of the gateway.
        rng: spreads the attempts.
        pause: waits so many seconds.
        on_lag: as :meth:`gateway.client.Client.subscribe` has it, ``conflate_ms`` too.
        conflate_ms: see there.
        given: for :class:`~gateway.client.Client`: ``token``, ``ca_file``, ``queue``.
    """

    def __init__(
        self,
        topics: str | Sequence[str],
        url: str = URL,
        *,
        rng: Random | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_lag: str | None = None,
        conflate_ms: int = 0,
        **given: Any,
    ) -> None:
        self._topics = [topics] if isinstance(topics, str) else list(topics)
        self._url, self._given = url, given
        self._client().subscribe(self._topics)  # what is no topic, or no safe URL, is said at once
        self._options: Mapping[str, Any] = {"on_lag": on_lag, "conflate_ms": conflate_ms}
        self._positions: dict[str, Position] = {}
        self._backoff = Backoff(Random() if rng is None else rng)  # noqa: S311  # spreads attempts, hides nothing
        self._pause = pause
        self._joined = False
        self._worked = False

    @property
    def positions(self) -> Mapping[str, Position]:
        """Where the topics stood when the last connection ended; what was received and not read yet is counted."""
        return self._positions

    async def __aiter__(self) -> AsyncGenerator[Message, None]:
        """
        Yield messages until the program stops asking.

        Raises:
            OSError: If nobody answers at the first attempt.
            UpgradeRefused: If the gateway does not let us in.
            SubscriptionError: If a topic cannot be had.
            ConnectionFault: If coming back is in vain, as after a token was revoked.
        """
        while True:
            try:
                async with aclosing(self._once()) as messages:
                    async for message in messages:
                        yield message
            except (ConnectionFault, SubscriptionError, OSError, aiohttp.ClientError) as lost:
                if not self._may_come_back(lost):
                    raise
                text = str(lost)
            for topic in self._topics if self._worked else ():
                yield {"topic": topic, "type": "away", "text": text}
            delay = self._backoff.next(first=self._worked)
            self._worked = False
            await self._pause(delay)

    async def _once(self) -> AsyncGenerator[Message, None]:
        """Yield what one connection brings, until it is lost; it is never left otherwise but by whoever asks."""
        async with self._client() as client:
            acks = await client.subscribe(self._topics, resume=self._positions, **self._options)
            for ack in acks:
                if not ack["success"]:
                    raise refusal(ack)
            came_back, self._joined, self._worked = self._joined, True, True
            self._topics = [ack["topic"] for ack in acks]  # as the gateway spells them
            try:
                for ack in acks if came_back else ():
                    yield _back(ack)
                async for message in client:
                    yield message
            finally:
                self._positions = dict(client.positions)

    def _client(self) -> Client:
        return Client(self._url, **self._given)

    def _may_come_back(self, lost: Exception) -> bool:
        if not self._joined:
            return False
        match lost:
            case SubscriptionError():
                return lost.temporary
            case UpgradeRefused():
                return lost.status in TEMPORARY
        code = getattr(lost, "code", None)
        return code not in FINAL and code != TOO_LARGE


def _back(ack: Ack) -> Message:
    told = {"status": ack.get("status", ""), "epoch": ack["epoch"], "offset": ack["offset"]}
    return {"topic": ack["topic"], "type": "back", "recovered": ack.get("recovered", False), **told}
