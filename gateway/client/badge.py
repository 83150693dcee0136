"""What a client shows to a gateway and whom it believes: its token, in a header, and the authorities it trusts."""

import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from gateway.config.credentials import Secret

NOTHING: Final[Mapping[str, str]] = {}


class Badge:
    """
    Shows nothing of the token when it is printed.

    Args:
        token: where the gateway wants one.
        ca_file: a PEM file of the authorities to trust instead of the system's.
    """

    def __init__(self, token: str | None, ca_file: str | None) -> None:
        self._token = Secret(token.reveal() if isinstance(token, Secret) else token) if token else None
        self._ca_file = ca_file

    def check(self, url: str) -> None:
        """
        Refuse to show the token to whoever listens on the way.

        Raises:
            ValueError: If ``url`` is of another machine, and not encrypted.
        """
        parts = urlsplit(url)
        if self._token is not None and parts.scheme not in {"wss", "https"} and not _is_here(parts.hostname or ""):
            raise ValueError("the token would be sent in the clear: use wss:// (or https://)")

    def headers(self) -> Mapping[str, str]:
        """Return the headers that show it; not to be kept."""
        return NOTHING if self._token is None else {"Authorization": f"Bearer {self._token.reveal()}"}

    def trust(self) -> ssl.SSLContext | bool:
        """Return whom to believe. Reads the file."""
        return True if self._ca_file is None else ssl.create_default_context(cafile=self._ca_file)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
