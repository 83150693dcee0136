"""What may be shown of a URL: its host, and nothing else of it."""

import re
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}", re.ASCII).fullmatch


def host_of(url: str) -> str:
    """Return the host that ``url`` names; empty if it names none, or what is no host."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host if _HOST(host) else ""
