"""
Which connections are accepted at all: decided before a byte is read or a TLS handshake begins.

Whoever connects and says nothing costs a file. So an address may have only so many connections
that are no client, and all together leave some files for the exchanges and the disk.
"""

import socket
import sys
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from gateway.serving.limits import Limits
from gateway.telemetry.quota import LineQuota

if sys.platform != "win32":  # it has no such limit
    import resource

MANY: Final = 1 << 30
RESERVE: Final = 64
"""Files that are left for everything else at least; where the process may open many, a tenth of them."""
LINES_A_MINUTE: Final = 20

log = structlog.get_logger()


def files() -> int:
    """Return how many files this process may have open."""
    if sys.platform == "win32":
        return MANY
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MANY if soft == resource.RLIM_INFINITY else soft


class Callers:
    """
    Counts connections. Event-loop only.

    Args:
        clients: how many clients of an address there are, each with a connection.
        limits: as they are now.
        now: monotonic seconds.
    """

    def __init__(
        self, clients: Callable[[str], int], limits: Callable[[], Limits], now: Callable[[], float]
    ) -> None:
        self._clients = clients
        self._limits = limits
        self._files = files()
        self._of: Counter[str] = Counter()
        self._all = 0
        self._quota = LineQuota(LINES_A_MINUTE, now, _suppressed)

    def admit(self, connection: socket.socket, address: str) -> "Caller | None":
        """Return the connection, counted until it is closed; nothing, and it is closed, if it is one too many."""
        refusal = self._refusal(address)
        if refusal is not None:
            connection.close()
            if self._quota.allows(refusal):
                log.warning("connection refused", address=address, reason=refusal)
            return None
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            unread = int(self._limits().unacknowledged * 1000)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread)
        self._of[address] += 1
        self._all += 1
        return Caller(connection, lambda: self._gone(address))

    def _refusal(self, address: str) -> str | None:
        if self._all >= self._files - max(RESERVE, self._files // 10):
            return "too many files"
        waiting = self._of[address] - self._clients(address)
        return "too many of the address" if waiting >= min(self._limits().waiting, self._files // 4) else None

    def _gone(self, address: str) -> None:
        self._all -= 1
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]


class Caller(socket.socket):
    """
    A connection that says when it is closed.

    Args:
        accepted: taken over.
        gone: called once.
    """

    def __init__(self, accepted: socket.socket, gone: Callable[[], None]) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._gone: Callable[[], None] | None = gone

    def close(self) -> None:
        """Close it."""
        super().close()
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()


class Door(socket.socket):
    """
    A listening socket that accepts whom :class:`Callers` admit.

    Args:
        listening: taken over.
        callers: count them.
    """

    def __init__(self, listening: socket.socket, callers: Callers) -> None:
        super().__init__(listening.family, listening.type, listening.proto, fileno=listening.detach())
        self._callers = callers

    def accept(self) -> tuple[socket.socket, object]:
        """Return the next that is admitted, as any socket does; those that are not are closed."""
        while True:
            connection, address = super().accept()
            admitted = self._callers.admit(connection, address[0])
            if admitted is not None:
                return admitted, address


def listening(host: str, port: int, backlog: int) -> socket.socket:
    """
    Return a socket that listens there; port 0 chooses a free one.

    Raises:
        OSError: If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)


def _suppressed(kind: object, lines: int) -> None:
    log.warning("suppressed", of="connection refused", reason=kind, lines=lines)
