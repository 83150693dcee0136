"""
The wishes that stand whether a client listens or not: the configuration's, and those made through the API.

The latter are acknowledged once they are stored, and are there after a restart.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gateway.app.listening import Callback
from gateway.config import SubscriptionSettings
from gateway.engine.hub import Hub
from gateway.engine.messages import Message, Notice
from gateway.engine.operations import Details
from gateway.engine.topics import Topic
from gateway.errors import GatewayError, StoreError
from gateway.model.subscriptions import RAW, Subscription, parse_topic
from gateway.runtime.finish import finish
from gateway.store import Store, TransientStore

CONFIGURATION, API = "configuration", "api"

Refused = Callable[[str, str], None]
"""Takes a topic and why it cannot be had."""


class Standing:
    """
    A :class:`~gateway.engine.operations.StandingWishes`. Event-loop only.

    Args:
        hub: all topics.
        store: keeps what was made through the API; somebody else opens it.
        refused: told of what cannot be had.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
    """

    def __init__(
        self,
        hub: Hub,
        store: Store | TransientStore,
        refused: Refused,
        now: Callable[[], float],
        wall_us: Callable[[], int],
    ) -> None:
        self.problems: dict[str, str] = {}
        """Why one cannot be had, by topic."""
        self._hub = hub
        self._store = store
        self._refused = refused
        self._now = now
        self._wall_us = wall_us
        self._listener = Callback(_nothing)
        self._open: dict[str, Topic] = {}
        self._configured: dict[Subscription, str] = {}
        """The topic of each wish of the configuration, which may be spelled otherwise."""
        self._changing = asyncio.Lock()
        self._made: dict[str, int] = {}
        """When each of the API's was made."""
        self._names: dict[str, str] = {}
        """What these are called, where the exchange had no list when they were made."""

    async def load(self, settings: Sequence[SubscriptionSettings]) -> None:
        """Know all that stands; :meth:`restore` opens it."""
        self._configured = {wish: wish.topic for one in settings for wish in wishes(one)}
        try:
            stored = await self._store.subscriptions()
        except StoreError as exc:
            self.problems["store"] = str(exc)
        else:
            self._made = {one.subscription.topic: one.created_us for one in stored}

    async def restore(self, settings: Sequence[SubscriptionSettings]) -> None:
        """Open all; one that cannot be had is told and keeps none of the others."""
        async with self._changing:
            await self._configure(settings)
            for topic in tuple(self._made):
                await self._open_again(topic)

    async def change(self, settings: Sequence[SubscriptionSettings]) -> None:
        """
        Have these for the configuration's, once those of the start are open.

        What is new is opened, what is gone is given up, what could not be had is tried again, and nothing
        else is touched.
        """
        async with self._changing:
            await self._configure(settings)

    def standing(self) -> Sequence[Details]:
        """See :meth:`gateway.engine.operations.StandingWishes.standing`."""
        configured = [self._details(topic, CONFIGURATION) for topic in sorted(set(self._configured.values()))]
        return configured + [self._details(topic, API) for topic in self._made]

    async def stand(self, wishes: Sequence[Subscription], /) -> Sequence[Details]:
        """See :meth:`gateway.engine.operations.StandingWishes.stand`."""
        resolved = [await self._hub.resolve(wish) for wish in wishes]
        try:
            for wish in resolved:  # first, so that an exchange can refuse before anything is kept
                self._attach(wish)
            return await finish(
                self._keep(resolved)
            )  # what the store has must be known, though nobody waits for it
        finally:
            for wish in resolved:
                self._close_unless_wanted(wish.topic)

    async def fall(self, topic: str, /) -> bool:
        """See :meth:`gateway.engine.operations.StandingWishes.fall`."""
        try:
            wish = parse_topic(topic)
        except ValueError:
            return False
        return await finish(self._drop(wish))

    async def _configure(self, settings: Sequence[SubscriptionSettings]) -> None:
        wanted = dict.fromkeys(wish for one in settings for wish in wishes(one))
        gone = [self._configured.pop(wish) for wish in tuple(self._configured) if wish not in wanted]
        for topic in gone:
            self._close_unless_wanted(topic)
        for wish in wanted:
            if (known := self._configured.get(wish)) not in self._open:
                self.problems.pop(known or "", None)
                self._configured[wish] = await self._try(wish)

    async def _open_again(self, topic: str) -> None:
        if topic not in self._made:
            return
        self._names[topic] = name = await self._try(parse_topic(topic))
        if topic not in self._made:  # it fell meanwhile
            del self._names[topic]
            self._close_unless_wanted(name)

    async def _keep(self, wishes: Sequence[Subscription]) -> Sequence[Details]:
        return [await self._keep_one(wish) for wish in wishes]

    async def _keep_one(self, wish: Subscription) -> Details:
        added = await self._store.add_subscription(wish, self._wall_us())
        self._made[wish.topic] = added.standing.created_us
        self._attach(wish)  # whoever else wanted it may have given it up meanwhile
        return {**self._details(wish.topic, API), "is_new": added.is_new}

    async def _drop(self, wish: Subscription) -> bool:
        removed = await self._store.remove_subscription(wish)
        if removed:
            self._made.pop(wish.topic, None)
            self._close_unless_wanted(self._names.pop(wish.topic, wish.topic))
        return removed

    async def _try(self, wish: Subscription) -> str:
        """Open ``wish`` if it can be had, and return its topic."""
        try:
            wish = await self._hub.resolve(wish)
            self._attach(wish)
        except GatewayError as exc:
            self.problems[wish.topic] = str(exc)
            self._refused(wish.topic, str(exc))
        return wish.topic

    def _attach(self, wish: Subscription) -> None:
        if wish.topic not in self._open:
            self._open[wish.topic] = self._hub.attach(wish, self._listener)

    def _close_unless_wanted(self, topic: str) -> None:
        made = (self._names.get(one, one) for one in self._made)
        if topic in made or topic in self._configured.values():
            return
        self.problems.pop(topic, None)
        if topic in self._open:
            self._hub.detach(self._open.pop(topic), self._listener, self._now())

    def _details(self, topic: str, origin: str) -> dict[str, Any]:
        name = self._names.get(topic, topic) if origin == API else topic
        found = self._open.get(name)
        return {
            "topic": topic,
            "origin": origin,
            "created_us": self._made.get(topic) if origin == API else None,
            "status": None if found is None else str(found.status),
            "problem": self.problems.get(name, ""),
        }


def wishes(settings: SubscriptionSettings) -> Iterator[Subscription]:
    """Yield a wish for each symbol, stream or account."""
    exchange, channel = settings.exchange, settings.channel
    if settings.account is not None:
        yield Subscription(exchange, channel, account=settings.account)
    for symbol in settings.symbols:
        yield Subscription(exchange, channel, symbol, settings.variant)
    for stream in settings.streams:
        yield Subscription(exchange, RAW, stream)


def _nothing(_: Message | Notice) -> None:
    """Hear it: that somebody does keeps the topic open."""
