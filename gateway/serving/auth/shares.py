"""
What all sockets of one token share: how many they are, how much they ask, and the topics that they have.

So opening more sockets gets nobody more. Where no token is needed all clients are programs of this
machine and cannot be told apart by their address; there each socket has a share of its own.
"""

from collections.abc import Callable

from gateway.engine.hub import Hub
from gateway.serving.limits import Bucket, Limits
from gateway.serving.openings import Openings


class Share:
    """
    What one token, or one socket without, has of the limits. Event-loop only.

    Args:
        hub: all topics.
        limits: of the token.
        now: monotonic seconds.
    """

    def __init__(self, hub: Hub, limits: Limits, now: float) -> None:
        self.topics = 0
        """Subscriptions of all its sockets."""
        self.sockets = 0
        self.openings = Openings(hub, limits, now)
        self.requests = Bucket(limits.commands_per_second, limits.commands_burst, now)


class Shares:
    """
    The shares of all tokens. Event-loop only.

    Args:
        hub: all topics.
        now: monotonic seconds.
    """

    def __init__(self, hub: Hub, now: Callable[[], float]) -> None:
        self._hub = hub
        self._now = now
        self._of: dict[str, Share] = {}

    def of(self, token: str | None, limits: Limits) -> Share:
        """Return the share of a token; without one, a new share."""
        if token is None:
            return Share(self._hub, limits, self._now())
        if token not in self._of:
            self._of[token] = Share(self._hub, limits, self._now())
        return self._of[token]

    def renew(self) -> None:
        """Have other limits hold for sockets that come from now on: those that are there keep their share."""
        self._of.clear()

    def keep(self, tokens: "set[str]") -> None:
        """Forget all tokens but these."""
        self._of = {token: share for token, share in self._of.items() if token in tokens}
