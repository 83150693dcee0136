"""What the gateway tells of itself as it happens: the record, and who keeps the last of them."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum, auto
from typing import Literal, Protocol

from msgspec import Struct

Level = Literal["info", "warning", "error"]
Told = Callable[["Event"], None]


class EventType(StrEnum):
    """What an event is about."""

    CONNECTION = auto()
    """A connection moved to another state: ``facts`` has ``from`` and ``to``."""
    ROLLOVER = auto()
    """A second connection took over from one, or could not."""
    RESYNC = auto()
    """A book was built anew, or an account or records that were missing were fetched; or that failed."""
    GAP = auto()
    """A topic was told that something of it is missing."""
    PLUGIN = auto()
    """A plugin failed, or was slow."""
    CLIENT = auto()
    """A client came, went, or was closed: ``facts`` has ``code`` then."""
    CONTROL = auto()
    """Somebody asked for something: ``what`` is the action, ``facts`` have its ``target`` and ``outcome``."""
    CONFIGURATION = auto()
    """The configuration was read anew, or refused."""
    NOTICE = auto()
    """Anything else."""


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Something that happened; what does not apply is left out.

    ``id`` is ``epoch:offset``: another epoch is another run of the gateway, and offsets have no
    holes. ``at_us`` is in microseconds since 1970. ``connection`` is an id, ``epoch`` that
    connection's, ``trace_id`` the trace that it was in. ``reason`` is a code, ``text`` is for
    people, ``facts`` are what is known besides. ``remote``, an address, and ``token_id`` are for
    those with the scope admin.
    """

    id: str
    at_us: int
    type: EventType
    what: str
    level: Level = "info"
    exchange: str = ""
    connection: str = ""
    epoch: int = 0
    trace_id: str = ""
    topic: str = ""
    client: str = ""
    reason: str = ""
    text: str = ""
    facts: Mapping[str, object] = {}
    remote: str = ""
    token_id: str = ""


class EventList(Struct, frozen=True):
    """
    The events after the one that was named, the oldest first.

    ``recovered`` tells whether they are all that came after it; where it is false, or none was
    named, they are all that are kept. ``last`` is the id to name the next time.
    """

    recovered: bool
    last: str
    events: Sequence[Event]


class Events(Protocol):
    """The last events. Event-loop only."""

    @property
    def last(self) -> str:
        """The id of the newest, or of none that there was before the first."""

    def after(self, id_: str | None, /) -> tuple[bool, Sequence[Event]]:
        """Return whether all since ``id_`` are kept, and these; else, or without one, all that are."""

    def listen(self, told: Told, /) -> Callable[[], None]:
        """Have ``told`` called with each from now on; returns what ends it."""

    def add(self, type_: EventType, what: str, /, **fields: object) -> None:
        """Keep another one, and tell those who listen. Fields are those of :class:`Event`."""
