# ruff: noqa: INP001, TID251  # a script of an image, run without the gateway's packages
"""
Exit with 0 if the gateway in this container answers ``/livez``, else with 1: no curl, no token, no package.

GATEWAY_HEALTH_URL names it where it is not http://127.0.0.1:8765/livez. Its certificate
is made out to another name than that of this machine, so it is not looked at: what is asked is loopback.
"""

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
WITHIN = 3.0


def alive(url: str) -> bool:
    """Whether the gateway at ``url``, on this machine, answers with 200."""
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK:
        return False
    connection = (
        HTTPSConnection(parts.hostname, parts.port, timeout=WITHIN, context=_unverified())
        if parts.scheme == "https"
        else HTTPConnection(parts.hostname, parts.port, timeout=WITHIN)
    )
    try:
        connection.request("GET", parts.path or "/livez")
        return connection.getresponse().status == 200  # noqa: PLR2004  # OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


if __name__ == "__main__":
    sys.exit(0 if alive(os.environ.get("GATEWAY_HEALTH_URL", "http://127.0.0.1:8765/livez")) else 1)
