"""
Every exception the gateway raises, in one file.

* GatewayError
    * ConfigError            the operator can fix it: edit the configuration
    * UnsafeError            the operator asked for something we refuse for safety
    * PluginError            the plugin's author can fix it: the contract was broken
    * SubscriptionError      the client can fix it: it asked for what cannot be had
    * SlowConsumer           the client can fix it: it did not keep up
    * StoreError             the operator can fix it: what is to survive a restart cannot be kept
        * StoreBusy          the client can fix it: too much waits to be kept, ask again
    * RecordingError         the operator can fix it: a recording cannot be written, or is not there
        * DamagedRecording   nobody can fix it: a file of a recording is not what was written
    * ShuttingDown           nobody need fix it: the gateway is on its way out and takes nothing more
    * TransitionError        we must fix it: the state machine was misused
    * ConnectionFault        nobody need fix it: one connection is over
        * TransportLost      the socket closed, reset, or never opened
        * UpgradeRefused     an HTTP answer came instead of a WebSocket
        * PeerSilent         the peer missed a deadline
        * ReplyRefused       a REST answer was not a success
        * LoginRefused       the exchange said no
        * ProtocolViolation  the exchange sent what its protocol does not allow
        * ReconnectAsked     the exchange, the plugin or the operator wants a new connection

Who must act decides where a new class goes; whether to retry is decided in
``gateway.engine.retry`` and nowhere else.
"""

from collections.abc import Mapping
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Final

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""The HTTP statuses that send one elsewhere."""


class Reason(StrEnum):
    """Why a connection changed or a stream suffered: the closed list that histories and clients show."""

    ASKED = auto()
    SUBSCRIBED = auto()
    HANDSHAKE_DONE = auto()
    RETRY_DUE = auto()
    STOPPED = auto()
    IDLE = auto()
    CLOSED_BY_PEER = auto()
    CONNECTION_RESET = auto()
    CONNECTION_REFUSED = auto()
    UNREACHABLE = auto()
    NAME_NOT_RESOLVED = auto()
    TLS_FAILED = auto()
    REDIRECTED = auto()
    ENDPOINT_GONE = auto()
    ENDPOINT_MOVED = auto()
    UPGRADE_REFUSED = auto()
    FETCH_REFUSED = auto()
    LOGIN_REFUSED = auto()
    RATE_LIMITED = auto()
    BANNED = auto()
    DEADLINE_MISSED = auto()
    HEARTBEAT_MISSED = auto()
    ACK_MISSED = auto()
    DATA_STALLED = auto()
    DATA_FROZEN = auto()
    NO_DATA = auto()
    STREAM_REFUSED = auto()
    STREAM_REVOKED = auto()
    DELISTED = auto()
    SEQUENCE_GAP = auto()
    SESSION_LOST = auto()
    CONFLICT = auto()
    DRAINING = auto()
    ROLLOVER = auto()
    RECONNECT_ASKED = auto()
    PROTOCOL_ERROR = auto()
    PLUGIN_ERROR = auto()
    INTERNAL_ERROR = auto()


class GatewayError(Exception):
    """The root of everything the gateway raises on purpose."""


class ConfigError(GatewayError):
    """
    The configuration cannot be used.

    Args:
        key: the dotted key or the option that is wrong.
        problem: one sentence that says what was needed and what was found.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


class UnsafeError(GatewayError):
    """What was asked for would expose the gateway; nothing was started."""


class PluginError(GatewayError):
    """
    A plugin broke the contract.

    Args:
        plugin: the plugin's id.
        problem: what it did.
    """

    def __init__(self, plugin: str, problem: str) -> None:
        super().__init__(f"plugin {plugin}: {problem}")
        self.plugin = plugin
        self.problem = problem


class SubscriptionError(GatewayError):
    """
    A subscription cannot be served.

    Args:
        code: the protocol's error code, e.g. ``unknown_symbol``.
        message: one sentence for the client.
        temporary: whether asking again later can help.
    """

    def __init__(self, code: str, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.temporary = temporary


class SlowConsumer(GatewayError):
    """A listener's queue was full and its policy is to end, not to lose."""


class StoreError(GatewayError):
    """What is to survive a restart cannot be kept or read: a full disk, a file that was removed."""


class StoreBusy(StoreError):
    """Too much waits to be kept already; nothing was changed, and asking again later can help."""


class RecordingError(GatewayError):
    """A recording cannot be written, or there is none to read: a full disk, a wrong directory."""


class DamagedRecording(RecordingError, ValueError):
    """
    A file of a recording is not what was written there.

    Args:
        place: the file, and where in it.
        problem: what is wrong there.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class ShuttingDown(GatewayError):
    """What was asked for comes too late: the gateway is on its way out."""


class TransitionError(GatewayError, ValueError):
    """The state table has no such move; nothing was changed."""


class ConnectionFault(GatewayError):
    """
    One connection, or one attempt at one, is over.

    Args:
        text: what happened, free of secrets and URLs.
        reason: the code that the history shows.
    """

    default_reason = Reason.CLOSED_BY_PEER

    def __init__(self, text: str, *, reason: Reason | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.reason = reason or self.default_reason


class TransportLost(ConnectionFault):
    """
    The socket closed, was reset, or never opened.

    Args:
        code: the WebSocket close code, where one was received.
    """

    def __init__(self, text: str, *, reason: Reason | None = None, code: int | None = None) -> None:
        super().__init__(text, reason=reason)
        self.code = code


class _Refused(ConnectionFault):
    """An HTTP status instead of what was asked for; ``headers`` have lower-case names."""

    def __init__(self, status: int, headers: Mapping[str, str] = NO_HEADERS, body: bytes = b"") -> None:
        super().__init__(f"HTTP status {status}", reason=Reason.REDIRECTED if status in REDIRECTS else None)
        self.status = status
        self.headers = headers
        self.body = body


class UpgradeRefused(_Refused):
    """The WebSocket upgrade was answered with an HTTP status."""

    default_reason = Reason.UPGRADE_REFUSED


class ReplyRefused(_Refused):
    """A REST request was answered with an HTTP status that is no success."""

    default_reason = Reason.FETCH_REFUSED


class PeerSilent(ConnectionFault):
    """The peer missed a deadline."""

    default_reason = Reason.DEADLINE_MISSED


class LoginRefused(ConnectionFault):
    """
    The exchange rejected the handshake.

    Args:
        text: the exchange's own words.
        retry_after: seconds after which trying again can help;
            :obj:`None` when it cannot, e.g. for a wrong key.
    """

    default_reason = Reason.LOGIN_REFUSED

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ProtocolViolation(ConnectionFault):
    """
    The exchange sent what its protocol does not allow.

    Args:
        text: what that is.
        reason: the code that the history shows.
        close_code: with which the socket is closed, if it is open.
    """

    default_reason = Reason.PROTOCOL_ERROR

    def __init__(self, text: str, *, reason: Reason | None = None, close_code: int = 1000) -> None:
        super().__init__(text, reason=reason)
        self.close_code = close_code


class ReconnectAsked(ConnectionFault):
    """A new connection is wanted though this one's socket is open."""

    default_reason = Reason.RECONNECT_ASKED
