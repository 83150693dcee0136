"""
How many topics one client may make the gateway open.

A topic outlives its last listener, so a client that subscribes and unsubscribes in
turns would hold far more of them than it has. Therefore those that it left count
as its own while they linger, and opening new ones has a rate. Joining what is open
already costs nothing. Event-loop only.
"""

from gateway.engine.hub import Hub
from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError
from gateway.serving.limits import Bucket, Limits


class Openings:
    """
    One client's account.

    Args:
        hub: all topics.
        limits: of the client.
        now: monotonic seconds.
    """

    def __init__(self, hub: Hub, limits: Limits, now: float) -> None:
        self._hub = hub
        self._limits = limits
        self._bucket = Bucket(limits.openings_per_second, limits.topics, now)
        self._left: dict[str, tuple[Topic, float | None]] = {}  # the longest left first

    def admit(self, name: str, has: int, now: float) -> None:
        """
        Let a client that has ``has`` topics have ``name`` too.

        Raises:
            SubscriptionError: ``too_many_topics``, ``too_many_lingering`` or ``rate_limited``.
        """
        most = self._limits.topics
        if has >= most:
            raise SubscriptionError("too_many_topics", f"a client may have {most} topics")
        self._forget()
        left = len(self._left) - (name in self._left)
        if has + left >= most:
            text = f"a client may have {most} topics; {left} that it left are open for a while yet"
            raise SubscriptionError("too_many_lingering", text, temporary=True)
        if name not in self._hub.topics and not self._bucket.take(now):
            text = "too many new topics; slow down"
            raise SubscriptionError("rate_limited", text, temporary=True)

    def joined(self, topic: Topic) -> None:
        """Count ``topic`` no longer as one that was left."""
        self._left.pop(topic.name, None)

    def left(self, topic: Topic) -> None:
        """Count ``topic`` while it lingers, if this client was its last listener."""
        if topic.idle_since is not None:
            self._left[topic.name] = (topic, topic.idle_since)

    def _forget(self) -> None:
        """Forget the oldest that do not linger any more; those left later are looked at once these are gone."""
        while self._left:
            name, (topic, since) = next(iter(self._left.items()))
            if topic.idle_since == since and self._hub.is_open(topic):
                return
            del self._left[name]
