"""How the pages that may connect and the names that we may be reached under are written: as browsers send them."""

import re
from collections.abc import Sequence
from typing import Final

from gateway.errors import ConfigError

LONGEST: Final = 60

_PLACE = r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@*:\[\]]+)(?::[0-9]{1,5})?"
_ORIGIN = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://{_PLACE}")
_HOST = re.compile(_PLACE)


def check_origins(origins: Sequence[str]) -> None:
    """
    Check that a browser could send each as its ``Origin``.

    Raises:
        ConfigError: For the first that none would send; ``*`` is none.
    """
    need = "need a scheme and a host without a path, such as 'https://app.example:8443'"
    _check("server.allowed_origins", origins, _ORIGIN, need)


def check_hosts(hosts: Sequence[str]) -> None:
    """
    Check that a client could send each as its ``Host``.

    Raises:
        ConfigError: For the first that none would send.
    """
    need = "need a host's name without a scheme or a path, such as 'gateway.example' or 'gateway.example:8443'"
    _check("server.allowed_hosts", hosts, _HOST, need)


def _check(key: str, values: Sequence[str], shape: re.Pattern[str], need: str) -> None:
    for number, value in enumerate(values):
        if shape.fullmatch(value) is None:
            raise ConfigError(f"{key}[{number}]", f"{need}; got {value[:LONGEST]!r}")
