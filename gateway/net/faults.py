"""
What each failure of the library and the system means: one table, from exception to fault.

The texts are our own words. The library's name the URL, its query and
sometimes headers, so they are not shown, and no fault has one as its cause.
"""

import errno
import os
import socket
import ssl
import zlib
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from aiohttp.http import WebSocketError

from gateway.errors import ConnectionFault, ProtocolViolation, Reason, TransportLost

FAILURES: Final = (ConnectionFault, aiohttp.ClientError, OSError, ValueError, RuntimeError)
"""What a dial or a request may raise; anything else is a bug of ours and is not caught."""
_NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
_LONGEST_WORD: Final = 24
"""A key is longer; a word of a peer's explanation hardly ever is."""

_ERRNOS: Final[dict[int, tuple[Reason, str]]] = {
    errno.ECONNREFUSED: (Reason.CONNECTION_REFUSED, "connection refused"),
    errno.ECONNRESET: (Reason.CONNECTION_RESET, "connection reset by the peer"),
    errno.EPIPE: (Reason.CONNECTION_RESET, "connection reset by the peer"),
    errno.ECONNABORTED: (Reason.CONNECTION_RESET, "connection aborted"),
    errno.ETIMEDOUT: (Reason.UNREACHABLE, "the system gave up waiting for the peer"),
    errno.ENETUNREACH: (Reason.UNREACHABLE, "network unreachable"),
    errno.EHOSTUNREACH: (Reason.UNREACHABLE, "host unreachable"),
    errno.ENETDOWN: (Reason.UNREACHABLE, "network down"),
    errno.EHOSTDOWN: (Reason.UNREACHABLE, "host down"),
    errno.EADDRNOTAVAIL: (Reason.UNREACHABLE, "no local address or port for it"),
    errno.EACCES: (Reason.UNREACHABLE, "forbidden by this machine"),
    errno.EPERM: (Reason.UNREACHABLE, "forbidden by this machine"),
    errno.EINVAL: (Reason.UNREACHABLE, "no usable route"),
    errno.EMFILE: (Reason.INTERNAL_ERROR, "too many open files"),
    errno.ENFILE: (Reason.INTERNAL_ERROR, "too many open files"),
}
_NUMBERS: Final[tuple[tuple[type[OSError], int], ...]] = (
    (ConnectionRefusedError, errno.ECONNREFUSED),
    (ConnectionAbortedError, errno.ECONNABORTED),
    (BrokenPipeError, errno.EPIPE),
    (ConnectionError, errno.ECONNRESET),
    (TimeoutError, errno.ETIMEDOUT),
)
"""For those that are raised without a number."""
_TLS_POLICY: Final = frozenset(
    {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_VERSION_NUMBER", "WRONG_SSL_VERSION"}
)
"""Where dialling again cannot help; another failed handshake may be the peer's passing trouble."""


def words(text: str) -> str:
    """Return ``text``, the peer's or the library's, without what could be a URL, a query or a key."""
    kept = (word if _is_harmless(word) else "..." for word in text.split())
    return " ".join(kept)


def fault_of(exc: BaseException) -> ConnectionFault:
    """Return what ``exc`` means for a dial, a request or an open socket."""
    cause = exc
    if isinstance(exc, aiohttp.ClientConnectorError) and not isinstance(exc, aiohttp.ClientConnectorDNSError):
        cause = exc.os_error
    for kinds, make in _TABLE:
        if isinstance(cause, kinds):
            return make(cause)
    return TransportLost(f"the library failed: {type(exc).__name__}", reason=Reason.INTERNAL_ERROR)


def closed_by_peer(code: int, text: str) -> TransportLost:
    """Return the fault of a Close frame; ``code`` 0 is none."""
    said = f" ({words(text)})" if text else ""
    if not code:
        return TransportLost(f"closed by the peer without a code{said}")
    return TransportLost(f"closed by the peer with code {code}{said}", code=code)


def loss_of(broken: BaseException | None) -> TransportLost:
    """Return the fault of an open socket that ended without a Close frame, whether ``broken`` or in order."""
    if isinstance(broken, ssl.SSLError):
        return TransportLost("TLS broke off", reason=Reason.CONNECTION_RESET)
    if isinstance(broken, OSError):
        return _of_system(broken)
    return TransportLost("ended by the peer without a Close frame")


def dropped() -> TransportLost:
    """Return the fault of a socket that this side closed or dropped."""
    return TransportLost("closed by this side", reason=Reason.STOPPED)


def _is_harmless(word: str) -> bool:
    return len(word) <= _LONGEST_WORD and word.isprintable() and not any(mark in word for mark in "/?&=@%")


def _of_system(exc: OSError) -> TransportLost:
    number = _number(exc) or (_number(exc.__cause__) if isinstance(exc.__cause__, OSError) else 0)
    if number in _ERRNOS:
        reason, text = _ERRNOS[number]
        return TransportLost(text, reason=reason)
    text = os.strerror(number) if number else "no number"
    return TransportLost(f"system error: {text}", reason=Reason.UNREACHABLE)


def _of_name(exc: OSError) -> TransportLost:
    """Tell a name that is not there from name servers that are not."""
    if exc.errno in _NO_SUCH_NAME:
        return TransportLost("the host's name has no address", reason=Reason.NAME_NOT_RESOLVED)
    return TransportLost("no name server says where the host is", reason=Reason.UNREACHABLE)


def _number(exc: OSError) -> int:
    return exc.errno or next((number for kind, number in _NUMBERS if isinstance(exc, kind)), 0)


def _of_certificate(exc: ssl.SSLCertVerificationError) -> ConnectionFault:
    text = words(getattr(exc, "verify_message", "") or "not trusted")
    return TransportLost(f"the peer's certificate was refused: {text}", reason=Reason.TLS_FAILED)


def _of_tls(exc: ssl.SSLError) -> ConnectionFault:
    name = getattr(exc, "reason", None) or "no reason"
    reason = Reason.TLS_FAILED if name in _TLS_POLICY else Reason.CONNECTION_RESET
    return TransportLost(f"TLS failed: {name.replace('_', ' ').lower()}", reason=reason)


def _of_upgrade(exc: aiohttp.WSServerHandshakeError) -> ConnectionFault:
    return ProtocolViolation(f"no valid WebSocket upgrade: {words(exc.message).lower()}")


def _of_websocket(exc: WebSocketError) -> ConnectionFault:
    return ProtocolViolation(f"WebSocket protocol broken ({exc.code}): {words(str(exc))}")


def _always(kind: type[ConnectionFault], text: str, reason: Reason) -> Callable[[Any], ConnectionFault]:
    return lambda _: kind(text, reason=reason)


_Kinds = type[BaseException] | tuple[type[BaseException], ...]
_TABLE: Final[tuple[tuple[_Kinds, Callable[[Any], ConnectionFault]], ...]] = (
    (ConnectionFault, lambda fault: fault),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), _of_name),
    (ssl.SSLCertVerificationError, _of_certificate),
    (ssl.SSLError, _of_tls),
    (aiohttp.WSServerHandshakeError, _of_upgrade),
    (aiohttp.ClientResponseError, _always(ProtocolViolation, "no valid HTTP answer", Reason.PROTOCOL_ERROR)),
    (
        aiohttp.ServerDisconnectedError,
        _always(TransportLost, "ended by the peer before it answered", Reason.CLOSED_BY_PEER),
    ),
    (aiohttp.ClientPayloadError, _always(TransportLost, "the answer broke off", Reason.CLOSED_BY_PEER)),
    (WebSocketError, _of_websocket),
    (zlib.error, _always(ProtocolViolation, "compressed data that makes no sense", Reason.PROTOCOL_ERROR)),
    (OSError, _of_system),
    (
        (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError),
        _always(TransportLost, "the plugin's URL or a header of its is malformed", Reason.PLUGIN_ERROR),
    ),
    (aiohttp.ClientConnectionError, _always(TransportLost, "connection lost", Reason.CONNECTION_RESET)),
)
"""The first row that fits; the order matters where one kind is also another."""
