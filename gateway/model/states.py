"""The six states of a connection and the one table that says which may follow which."""

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Final

from gateway.errors import TransitionError


class ConnectionState(StrEnum):
    """Where a connection stands. The names are public: clients, metrics and docs use them."""

    DISCONNECTED = "DISCONNECTED"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    DISCONNECTING = "DISCONNECTING"
    ERROR = "ERROR"
    RECONNECTING = "RECONNECTING"


S = ConnectionState

TRANSITIONS: Final[Mapping[ConnectionState, frozenset[ConnectionState]]] = {
    S.DISCONNECTED: frozenset({S.CONNECTING}),
    S.CONNECTING: frozenset({S.CONNECTED, S.ERROR, S.DISCONNECTING}),
    S.CONNECTED: frozenset({S.DISCONNECTING, S.ERROR}),
    S.DISCONNECTING: frozenset({S.DISCONNECTED, S.ERROR}),
    S.ERROR: frozenset({S.RECONNECTING, S.DISCONNECTED}),
    S.RECONNECTING: frozenset({S.CONNECTING, S.DISCONNECTED}),
}


class Phase(StrEnum):
    """What a CONNECTING connection is busy with: detail for people, never a condition for code."""

    DIAL = auto()
    LOGIN = auto()
    RESTORE = auto()


def advance(state: ConnectionState, target: ConnectionState) -> ConnectionState:
    """
    Return ``target`` if the table lets ``state`` move there; always a member, even for its plain name.

    Raises:
        TransitionError: If the table has no such cell; a ``ValueError`` too.
    """
    if target not in TRANSITIONS[state]:
        raise TransitionError(f"{state} cannot become {target}")
    return ConnectionState(target)
