"""
Every topic of the process: who listens to which, and when one is given up.

The hub knows exchanges only as :class:`Upstream`. A topic outlives its last
listener by ``linger`` seconds, so that a client that comes back finds the ring
and no stream is opened and closed in turns; but only so many do, lest clients
that come and go fill the exchange's connections. Event-loop only.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

from gateway.engine.flow import Flow
from gateway.engine.messages import Notice
from gateway.engine.ring import Ring
from gateway.engine.topics import Listener, Topic
from gateway.errors import SubscriptionError
from gateway.model.subscriptions import OF_ACCOUNT, Subscription

LINGER: Final = 30.0
IDLE: Final = 10_000
"""Topics without a listener at most: two of the largest clients may come back at once."""


class Upstream(Protocol):
    """One exchange, as clients need it."""

    async def resolve(self, wish: Subscription, /) -> Subscription:
        """
        Return ``wish`` in the gateway's own spelling.

        Waits for the exchange's list of instruments, and for a newer one if the
        symbol is not on it, but not for long; without a list the wish is returned
        as it is, and its topic will be pending.

        Raises:
            SubscriptionError: If the exchange does not offer it.
        """

    def open(self, topic: Topic, /) -> None:
        """
        Have ``topic`` fed until :meth:`close`. Its status tells how that goes.

        Raises:
            SubscriptionError: If the exchange does not offer it; nothing was opened.
        """

    def close(self, topic: Topic, /) -> None:
        """Feed ``topic`` no longer."""


class Hub:
    """
    Topics by name.

    Args:
        mint: makes the random epoch of a new topic.
        linger: seconds for which a topic outlives its last listener.
        idle: how many topics may have no listener; the oldest of more is given up at once.
        new_ring: makes the ring of a topic.
    """

    def __init__(
        self,
        mint: Callable[[], str],
        *,
        linger: float = LINGER,
        idle: int = IDLE,
        new_ring: Callable[[int], Ring] = Ring,
    ) -> None:
        self._mint = mint
        self._new_ring = new_ring
        self._linger = linger
        self._most_idle = idle
        self._idle: dict[str, Topic] = {}  # the one that has been idle longest first
        self._upstreams: dict[str, Upstream] = {}
        self._topics: dict[str, Topic] = {}
        self._flows: dict[str, Flow] = {}
        self.heard: Callable[[Notice], None] = lambda _: None
        """Called with each status and event, once for each topic that it is told on; must return at once."""

    def retain(self, *, linger: float, idle: int, max_messages: int, max_bytes: int) -> None:
        """Have other bounds: for the topics that there are from now on, the rings' at once."""
        self._linger, self._most_idle = linger, idle
        self._new_ring = partial(Ring, max_messages=max_messages, max_bytes=max_bytes)
        for topic in self._topics.values():
            topic.bound(max_messages, max_bytes)
        while len(self._idle) > idle:
            self._give_up(next(iter(self._idle.values())))

    def flow(self, exchange: str) -> Flow:
        """Return where what topics of ``exchange`` do is counted."""
        return self._flows.setdefault(exchange, Flow(self._hear))

    def _hear(self, notice: Notice) -> None:
        self.heard(notice)

    @property
    def topics(self) -> Mapping[str, Topic]:
        """A live, read-only view of all topics."""
        return MappingProxyType(self._topics)

    def connect(self, exchange: str, upstream: Upstream) -> None:
        """Let topics of ``exchange`` be fed by ``upstream``."""
        self._upstreams[exchange] = upstream

    async def resolve(self, wish: Subscription) -> Subscription:
        """
        Return ``wish`` in the gateway's own spelling.

        Raises:
            SubscriptionError: ``unknown_exchange``, or what the exchange says against it.
        """
        return await self._upstream(wish).resolve(wish)

    def attach(self, subscription: Subscription, listener: Listener) -> Topic:
        """
        Let ``listener`` hear of a resolved ``subscription`` from the next message on.

        Raises:
            SubscriptionError: If the exchange does not offer it.
        """
        topic = self.find(subscription)
        topic.attach(listener)
        self._idle.pop(topic.name, None)
        return topic

    def find(self, subscription: Subscription) -> Topic:
        """
        Return the topic of a resolved ``subscription``, opened if it was not.

        A caller attaches to it in the same step: one that never had a listener is never given up.

        Raises:
            SubscriptionError: If the exchange does not offer it.
        """
        if subscription.account is None and subscription.symbol.startswith(OF_ACCOUNT):
            # Its topic would be an account's by name, and whoever may not hear that might hear it by this one.
            raise SubscriptionError("bad_request", f"no stream is called {subscription.symbol}")
        topic = self._topics.get(subscription.topic)
        if topic is None:
            upstream = self._upstream(subscription)
            topic = Topic(subscription, self._mint(), self._new_ring, self.flow(subscription.exchange))
            upstream.open(topic)
            self._topics[topic.name] = topic
        return topic

    def detach(self, topic: Topic, listener: Listener, now: float) -> None:
        """Let ``listener`` hear no more; ``now`` is monotonic. Harmless to repeat."""
        topic.detach(listener, now)
        if topic.idle_since is None or not self.is_open(topic):
            return
        self._idle.setdefault(topic.name, topic)
        if len(self._idle) > self._most_idle:
            self._give_up(next(iter(self._idle.values())))

    def is_open(self, topic: Topic) -> bool:
        """Whether ``topic`` is fed still: not given up, nor replaced by another of its name."""
        return self._topics.get(topic.name) is topic

    def sweep(self, now: float) -> int:
        """Give up the topics that nobody has listened to for too long; return how many."""
        gone = [
            topic
            for topic in self._idle.values()
            if topic.idle_since is not None and now - topic.idle_since >= self._linger
        ]
        for topic in gone:
            self._give_up(topic)
        return len(gone)

    def _give_up(self, topic: Topic) -> None:
        del self._idle[topic.name]
        del self._topics[topic.name]
        self.flow(topic.subscription.exchange).forget(topic)
        self._upstream(topic.subscription).close(topic)

    def _upstream(self, subscription: Subscription) -> Upstream:
        upstream = self._upstreams.get(subscription.exchange)
        if upstream is None:
            loaded = ", ".join(sorted(self._upstreams)) or "none"
            raise SubscriptionError(
                "unknown_exchange", f"no exchange {subscription.exchange} is loaded (loaded: {loaded})"
            )
        return upstream
