"""
How soon a connection is back: the wait before a dial, and the dial itself, each held to what it is made of.

The whole is not longer than its parts: a dial that nobody answers is given up, the longest wait follows, and
a dial of which all is answered. Each part is computed from the exchange's limits and the gateway's own figures.
"""

from typing import TYPE_CHECKING, Final

from exchange import LIMITS
from mishaps import HEALED, STREAMS, USUAL

from gateway.engine.retry import CAP
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.runtime.handshake import PATIENCE

if TYPE_CHECKING:
    from world import World

RESTORE: Final = (len(STREAMS) + 1) / LIMITS["mock-messages"]
"""Seconds that asking for every stream takes at the exchange's pace, a login before."""
UP: Final = 3 * max(USUAL) + RESTORE + 0.5
"""Seconds from a dial to the last answer where all is well: an upgrade, a login and subscriptions are answered."""
SLACK: Final = 0.5
LONGEST: Final = CAP + SLACK
"""Seconds before a dial, unless the exchange asked for more."""
BOUND: Final = PATIENCE + CAP + UP + SLACK
"""Seconds after the last fault within which all is well."""


class Recovering:
    """
    Follows the connections' changes.

    Args:
        world: where.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._failed_at: dict[str, float] = {}
        self._dialled_at: dict[str, float] = {}

    def changed(self, change: Change) -> None:
        id_, now = change.connection_id, self._world.now()
        match change.after:
            case S.ERROR:
                self._failed_at[id_] = now
                self._failed(change)
            case S.CONNECTING:
                self._dials(id_, now)
            case S.CONNECTED:
                self._up(id_, now)
            case S.DISCONNECTED:
                self._failed_at.pop(id_, None)
                self._dialled_at.pop(id_, None)

    def dialled(self, id_: str) -> None:
        """A dial is on its way; whoever is CONNECTING may have waited for the exchange's limits before."""
        self._dialled_at[id_] = self._world.now()

    def _dials(self, id_: str, now: float) -> None:
        failed = self._failed_at.pop(id_, now)
        if failed < now:
            self._world.times.waits.append(now - failed)
        until = max(failed + CAP, self._world.network.quiet_until) + SLACK
        if now > until:
            self._wrong("waits", f"{id_} was dialled {now - failed:.1f} s after it had failed")

    def _up(self, id_: str, now: float) -> None:
        dialled = self._dialled_at.pop(id_, None)
        if dialled is not None and dialled > HEALED:
            self._world.times.ups.append(now - dialled)
            if now - dialled > UP:
                self._wrong("comes up", f"{id_} was up {now - dialled:.1f} s after its dial")

    def _failed(self, change: Change) -> None:
        dialled = self._dialled_at.pop(change.connection_id, None)
        if dialled is not None and dialled > HEALED:
            self._wrong(
                "comes up", f"{change.connection_id} was dialled at {dialled:.3f} s: {change.reason} {change.text}"
            )

    def _wrong(self, name: str, text: str) -> None:
        self._world.broken.add(name, self._world.now(), text)
