"""How the listening address is written, and which addresses nobody outside this machine can reach."""

import ipaddress
import re
from typing import Final

from gateway.errors import ConfigError

KEY: Final = "server.listen"
MAX_PORT: Final = 65535

_LISTEN = re.compile(r"(?:\[(?P<v6>[^\[\]\s]+)\]|(?P<name>[^\[\]\s:/@]+)):(?P<port>[0-9]{1,5})")


def parse_listen(text: str) -> tuple[str, int]:
    """
    Return host and port; port 0 takes any that is free, and an IPv6 host loses its brackets.

    Raises:
        ConfigError: If it is not written so.
    """
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > MAX_PORT or not _is_ipv6(match["v6"] or "::"):
        raise ConfigError(
            KEY, f"need HOST:PORT, an IPv6 address in brackets, a port of at most {MAX_PORT}; got {text[:80]!r}"
        )
    return match["v6"] or match["name"], int(match["port"])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``; a name other than ``localhost`` is never trusted to be."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # 3.11 calls ::ffff:127.0.0.1 no loopback, later versions do
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
