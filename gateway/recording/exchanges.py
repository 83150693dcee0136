"""The exchanges of a recording, as clients see them: they offer what was recorded, and nothing else."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError
from gateway.model.subscriptions import Subscription
from gateway.recording.tracks import Tracks

CALM: Final = 0.25
"""Seconds without another topic after which a client is taken to have asked for all that it wants."""
SHOWN: Final = 5
"""Topics that an error names."""


class Recorded:
    """
    An :class:`~gateway.engine.hub.Upstream` for every exchange of the recording. Event-loop only.

    Args:
        tracks: all topics.
    """

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        self._changed = asyncio.Event()

    async def until_heard(self, *, all_of_them: bool) -> None:
        """Wait until all topics have a listener; or any has, and nobody seems to want another one."""
        while not self._has(all):
            self._changed.clear()
            calm = None if all_of_them or not self._has(any) else CALM
            try:
                async with asyncio.timeout(calm):
                    await self._changed.wait()
            except TimeoutError:
                return

    def _has(self, quantity: Callable[[Iterable[bool]], bool]) -> bool:
        return quantity(track.topic is not None for track in self._tracks.all.values())

    async def resolve(self, wish: Subscription, /) -> Subscription:
        """See :meth:`gateway.engine.hub.Upstream.resolve`: a topic has the one name that it was recorded under."""
        if wish.topic in self._tracks.all:
            return wish
        raise SubscriptionError(*self._refusal(wish))

    def _refusal(self, wish: Subscription) -> tuple[str, str]:
        there = [
            one.subscription for one in self._tracks.all.values() if one.subscription.exchange == wish.exchange
        ]
        alike = [one for one in there if one.channel == wish.channel]
        code = "unknown_channel"
        if alike:
            same = [one for one in alike if (one.symbol, one.account) == (wish.symbol, wish.account)]
            code = (
                "unknown_account" if wish.account is not None else "unknown_variant" if same else "unknown_symbol"
            )
        has = ", ".join(one.topic for one in (alike or there)[:SHOWN])
        return code, f"{wish.topic} was not recorded (the recording has: {has}, ...)"

    def open(self, topic: Topic, /) -> None:
        """See :meth:`gateway.engine.hub.Upstream.open`."""
        self._tracks.of(topic.name).open(topic)
        self._changed.set()

    def close(self, topic: Topic, /) -> None:
        """See :meth:`gateway.engine.hub.Upstream.close`."""
        self._tracks.of(topic.name).close()
