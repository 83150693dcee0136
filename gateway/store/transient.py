"""A store that keeps nothing beyond the process: no file, no thread, the same answers."""

from gateway.model.subscriptions import Subscription
from gateway.store.records import Added, Ban, StandingSubscription


class TransientStore:
    """
    What ``store.path = ":memory:"`` means: remembers while it runs, and is empty at each start.

    Its face is that of :class:`~gateway.store.store.Store`. Event-loop only.
    """

    def __init__(self) -> None:
        self._standing: dict[Subscription, StandingSubscription] = {}

    async def open(self, now_us: int) -> tuple[str, ...]:  # noqa: ARG002  # the face's shape
        """Begin empty."""
        self._standing.clear()
        return ()

    async def close(self) -> None:
        """Let go of nothing."""

    async def add_subscription(self, wish: Subscription, created_us: int) -> Added:
        """Let ``wish`` stand. Asked twice, the first one stands."""
        known = self._standing.get(wish)
        standing = self._standing.setdefault(wish, StandingSubscription(wish, created_us))
        return Added(standing, known is None)

    async def remove_subscription(self, wish: Subscription) -> bool:
        """Let ``wish`` stand no longer and return whether it did."""
        return self._standing.pop(wish, None) is not None

    async def subscriptions(self) -> tuple[StandingSubscription, ...]:
        """Return all that stand, in the order in which they were made."""
        return tuple(self._standing.values())

    async def note_ban(self, ban: Ban) -> None:
        """Leave it: the limits that it concerns live no longer than we do."""

    async def bans(self, now_us: int) -> tuple[Ban, ...]:  # noqa: ARG002  # the face's shape
        """Return none: nothing was kept."""
        return ()

    async def retain(self, retention: float | None, now_us: int) -> None:
        """Leave it: there is nothing to forget."""


def is_transient(path: str) -> bool:
    """Whether ``path`` names no file but the absence of one."""
    return path == ":memory:"
