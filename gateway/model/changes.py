"""One step of one connection's life, as histories, traces, logs and plugins see it."""

from dataclasses import dataclass

from gateway.errors import Reason
from gateway.model.states import ConnectionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    A move from one state to another; made by the registry, after the fact.

    ``at_us`` is wall time in microseconds since 1970. ``text`` adds the peer's
    or the fault's own words, free of secrets.
    """

    connection_id: str
    epoch: int
    before: ConnectionState
    after: ConnectionState
    reason: Reason
    at_us: int
    text: str = ""
