"""What was last told of connections that are over: for so long, of so many, the oldest goes first."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.engine.operations import Details


class Departed:
    """
    Told of on the event loop, asked by any thread: what there is is replaced, never changed.

    Args:
        keep: seconds for which one can be asked about; without it, not at all.
        most: how many at most.
    """

    def __init__(self, keep: float | None, most: int) -> None:
        self._keep = keep
        self._most = most
        self._left: Mapping[str, tuple[float, Details]] = MappingProxyType({})
        """When each went and what was told of it, the one that went first, first."""

    @property
    def keeps(self) -> bool:
        """Whether any is kept."""
        return self._keep is not None

    def change(self, keep: float | None, most: int) -> None:
        """Have other bounds from now on, for those that are gone already too."""
        self._keep, self._most = keep, most
        self._left = MappingProxyType(dict([*self._left.items()][-most:]))

    def left(self, last: Details, now: float) -> None:
        """Keep the ``last`` that was told of a connection; ``now`` is monotonic seconds, as everywhere here."""
        others = {id_: one for id_, one in self._left.items() if id_ != last["id"] and self._stays(one[0], now)}
        kept = [*others.items(), (last["id"], (now, last))]
        self._left = MappingProxyType(dict(kept[-self._most :]))

    def all(self, now: float) -> Mapping[str, Details]:
        """Return what was told of each that is remembered."""
        return {id_: last for id_, (at, last) in self._left.items() if self._stays(at, now)}

    def _stays(self, at: float, now: float) -> bool:
        return self._keep is not None and now < at + self._keep
