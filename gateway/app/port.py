"""The port that clients connect to: taken before anything is dialled, served once there is something to serve."""

import os
import socket
from typing import Final

from gateway.config import parse_listen
from gateway.errors import ConfigError
from gateway.serving import bound

BACKLOG: Final = 1024


def taken(listen: str, host: str | None = None) -> socket.socket:
    """
    Return a socket that listens; who connects waits until somebody accepts.

    Args:
        listen: as configured.
        host: the address that it stands for, where that may be one that others can reach.

    Raises:
        ConfigError: If the address cannot be had.
        UnsafeError: If it could be reached from other machines, and ``host`` does not say that it may.
    """
    name, port = parse_listen(listen)
    if host is None:
        host = bound(name, tls=False, behind_tls_proxy=False, tokens=False)
    is_v6 = ":" in host
    try:
        found = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_STREAM)
    except OSError as exc:
        raise _refusal(listen, exc) from exc
    try:
        if os.name == "posix":  # elsewhere it would share the port with whoever has it
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_v6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except OSError as exc:
        found.close()
        raise _refusal(listen, exc) from exc
    found.setblocking(False)
    return found


def _refusal(listen: str, exc: OSError) -> ConfigError:
    why = (exc.strerror or str(exc)).lower()
    return ConfigError("server.listen", f"{listen} cannot be had: {why}")
