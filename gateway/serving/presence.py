"""What is known of a client that is there: when and from where it came, and how far it is behind."""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

Kind = Literal["stream", "native", "sse"]
"""Which protocol a client speaks."""


class Visit(Struct, frozen=True):
    """Who came: a name, an address and when, in microseconds since 1970."""

    name: str
    address: str
    since_us: int


class Facts(Struct, frozen=True, kw_only=True):
    """
    How one client fares.

    ``topics`` are the names of those that it has. ``queue_bytes`` wait for it, ``lagging`` tells
    whether that is more than should. ``sent`` are the messages that were queued for it, and
    ``dropped`` those that were not sent, both ever.
    """

    kind: Kind
    topics: Sequence[str]
    queue_bytes: int
    lagging: bool
    sent: int
    dropped: int


@runtime_checkable
class Tells(Protocol):
    """A client that tells how it fares."""

    def facts(self) -> Facts:
        """Return it."""
