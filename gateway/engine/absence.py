"""
When an endpoint counts as gone: not found for so long that it is no passing trouble.

A wrong deployment answers 404 for minutes, and where our own network is down no
name is found at all. So both are tried again for a good while, and a name counts
as gone only if other names have been found meanwhile.
"""

from collections import OrderedDict
from typing import Final

from gateway.errors import ConnectionFault, Reason, UpgradeRefused

NOT_FOUND: Final = 404
UPGRADES: Final = 300.0
"""Seconds for which upgrades must be answered with 404, and nothing else."""
NAMES: Final = 3600.0
"""Seconds for which a name must not be found while others are."""
PAUSE: Final = 600.0
"""Seconds without an attempt after which what was met before does not count."""
KEPT: Final = 64
"""Names that are remembered."""


class Names:
    """Which names of hosts were found, and when last; shared by all who look any up. Event-loop only."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, float] = OrderedDict()

    def found(self, host: str, now: float) -> None:
        """``host`` has an address. Of this machine's own name that says nothing."""
        if host == "localhost":
            return
        self._found[host] = now
        self._found.move_to_end(host)
        if len(self._found) > KEPT:
            self._found.popitem(last=False)

    def others_since(self, host: str, since: float) -> bool:
        """Whether any name but ``host`` was found since then."""
        return any(at >= since for name, at in self._found.items() if name != host)


class Absence:
    """
    What one connection met in a row of its endpoint.

    Args:
        names: tells a name that is gone from a network that is down.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._kind: Reason | None = None
        self._since = 0.0
        self._last = 0.0

    def look(self, fault: ConnectionFault, host: str, now: float) -> str:
        """
        Take ``fault``, met at ``host``, and return why the endpoint counts as gone; empty while it does not.

        ``now`` is monotonic seconds. Once it has counted as gone, it is looked for anew.
        """
        kind = _kind(fault)
        if kind is None or kind is not self._kind or now - self._last > PAUSE:
            self._since = now
        self._kind, self._last = kind, now
        text = "" if kind is None else self._over(kind, host, now - self._since)
        if text:
            self._kind = None
        return text

    def _over(self, kind: Reason, host: str, lasted: float) -> str:
        if kind is Reason.UPGRADE_REFUSED:
            return f"HTTP status {NOT_FOUND} for {lasted:.0f} s" if lasted >= UPGRADES else ""
        if lasted < NAMES or not self._names.others_since(host, self._since):
            return ""
        return f"the host's name has had no address for {lasted / 60:.0f} min, and others have"


def _kind(fault: ConnectionFault) -> Reason | None:
    if fault.reason is Reason.NAME_NOT_RESOLVED:
        return fault.reason
    return fault.reason if isinstance(fault, UpgradeRefused) and fault.status == NOT_FOUND else None
