"""
Every connection's state, for all threads: one lock, immutable pictures, nothing called back.

Two maps in one picture: ``supervised`` holds whatever is wanted, ``live`` what is
CONNECTED. Both are replaced in the same step, so no reader can see a connection
live that is not, and ``live`` cannot be written by any other way.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from threading import Lock
from types import MappingProxyType
from typing import Final

from gateway.errors import Reason, TransitionError
from gateway.model.changes import Change
from gateway.model.states import ConnectionState, Phase, advance

HISTORY: Final = 64
S = ConnectionState


class StaleEpochError(TransitionError):
    """The caller speaks for an epoch that is over; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """
    An immutable picture of one connection; never updated, only replaced.

    ``epoch`` is the number of the dial that serves it, else of its last one, 0
    before the first. ``since_us``
    and ``retry_at_us`` are wall times in microseconds. ``fatal`` tells that only
    a person can help.
    """

    id: str
    exchange: str
    endpoint: str
    account: str | None = None
    state: ConnectionState = S.DISCONNECTED
    phase: Phase | None = None
    epoch: int = 0
    since_us: int = 0
    reason: Reason | None = None
    text: str = ""
    retry_at_us: int | None = None
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class RegistrySnapshot:
    """One consistent version of everything; ``version`` grows by one with each change."""

    version: int = 0
    supervised: "MappingProxyType[str, ConnectionView]" = field(default_factory=lambda: MappingProxyType({}))
    live: "MappingProxyType[str, ConnectionView]" = field(default_factory=lambda: MappingProxyType({}))


class ConnectionRegistry:
    """
    Owns every connection's state.

    Thread safety: every method may be called from any thread. The lock covers
    read-advance-write as one step; :attr:`snapshot` takes no lock at all.

    Args:
        history: how many changes are kept of each connection.
    """

    def __init__(self, history: int = HISTORY) -> None:
        self._lock = Lock()
        self.kept = history
        """How many changes are kept of each connection."""
        self._snapshot = RegistrySnapshot()  # replaced under _lock, read without
        self._histories: dict[str, deque[Change]] = {}  # guarded by _lock
        self._epochs = 0  # guarded by _lock

    @property
    def snapshot(self) -> RegistrySnapshot:
        """The newest consistent picture."""
        return self._snapshot

    def add(self, connection_id: str, exchange: str, endpoint: str, account: str | None = None) -> None:
        """
        Supervise a connection, DISCONNECTED at first.

        Raises:
            ValueError: If there is one of that id.
        """
        with self._lock:
            if connection_id in self._snapshot.supervised:
                raise ValueError(f"{connection_id} is supervised already")
            self._histories[connection_id] = deque(maxlen=self.kept)
            self._publish(ConnectionView(id=connection_id, exchange=exchange, endpoint=endpoint, account=account))

    def keep(self, history: int) -> None:
        """Keep so many changes of each connection from now on, and forget the oldest beyond them."""
        with self._lock:
            self.kept = history
            self._histories = {id_: deque(changes, maxlen=history) for id_, changes in self._histories.items()}

    def remove(self, connection_id: str) -> None:
        """
        Forget a connection and all that is known of it.

        Raises:
            KeyError: If the connection is unknown.
            TransitionError: If it is not DISCONNECTED.
        """
        with self._lock:
            view = self._snapshot.supervised[connection_id]
            if view.state is not S.DISCONNECTED:
                raise TransitionError(f"{connection_id} is {view.state} and cannot be forgotten")
            del self._histories[connection_id]
            supervised = self._snapshot.supervised.copy()
            del supervised[connection_id]
            self._swap(MappingProxyType(supervised), self._snapshot.live)

    def move(  # noqa: PLR0913  # what a change consists of
        self,
        connection_id: str,
        target: ConnectionState,
        reason: Reason,
        *,
        at_us: int,
        epoch: int | None = None,
        text: str = "",
        retry_at_us: int | None = None,
        fatal: bool = False,
    ) -> Change:
        """
        Move a connection to ``target`` and return the step taken; the caller tells others.

        A move to CONNECTING begins the next epoch. ``epoch`` fences a caller
        that speaks for one dial only.

        Raises:
            KeyError: If the connection is unknown.
            TransitionError: If the table has no such move, or ``epoch`` is over; nothing changes.
        """
        with self._lock:
            before = self._snapshot.supervised[connection_id]
            if epoch is not None and epoch != before.epoch:
                raise StaleEpochError(f"{connection_id}: epoch {epoch} is over, {before.epoch} is current")
            state = advance(before.state, target)
            if state is S.CONNECTING:
                self._epochs += 1
            after = replace(
                before,
                state=state,
                phase=None,
                epoch=self._epochs if state is S.CONNECTING else before.epoch,
                since_us=at_us,
                reason=reason,
                text=text,
                retry_at_us=retry_at_us,
                fatal=fatal,
            )
            return self._moved(after, reason)

    def next_epoch(self) -> int:
        """Number the dial of a second connection, which changes nothing yet; :meth:`roll` may follow."""
        with self._lock:
            self._epochs += 1
            return self._epochs

    def roll(self, connection_id: str, epoch: int, *, at_us: int, text: str = "") -> Change:
        """
        Let the dial numbered ``epoch`` take the place of the one that serves a CONNECTED connection.

        Raises:
            KeyError: If the connection is unknown.
            TransitionError: If it is not CONNECTED, or ``epoch`` is none that came later; nothing changes.
        """
        with self._lock:
            before = self._snapshot.supervised[connection_id]
            if before.state is not S.CONNECTED:
                raise TransitionError(f"{connection_id} is {before.state} and nothing can take its place")
            if epoch <= before.epoch:
                raise StaleEpochError(f"{connection_id}: epoch {epoch} is over, {before.epoch} is current")
            reason = Reason.ROLLOVER
            return self._moved(replace(before, epoch=epoch, since_us=at_us, reason=reason, text=text), reason)

    def set_phase(self, connection_id: str, phase: Phase, *, epoch: int) -> bool:
        """Tell what a CONNECTING connection is busy with; false, and nothing done, if that epoch is over."""
        with self._lock:
            view = self._snapshot.supervised[connection_id]
            if view.epoch != epoch or view.state is not S.CONNECTING:
                return False
            self._publish(replace(view, phase=phase))
        return True

    def history(self, connection_id: str) -> tuple[Change, ...]:
        """
        Return the last changes, newest last.

        Raises:
            KeyError: If the connection is unknown.
        """
        with self._lock:
            return tuple(self._histories[connection_id])

    def _moved(self, after: ConnectionView, reason: Reason) -> Change:
        change = Change(
            connection_id=after.id,
            epoch=after.epoch,
            before=self._snapshot.supervised[after.id].state,
            after=after.state,
            reason=reason,
            at_us=after.since_us,
            text=after.text,
        )
        self._histories[after.id].append(change)
        self._publish(after)
        return change

    def _publish(self, view: ConnectionView) -> None:
        """Replace one view in both maps. The only place that decides who is live."""
        supervised, live = self._snapshot.supervised.copy(), self._snapshot.live
        supervised[view.id] = view
        if view.state is S.CONNECTED or view.id in live:  # else that map is the same as before
            now_live = live.copy()
            now_live.pop(view.id, None)
            if view.state is S.CONNECTED:
                now_live[view.id] = view
            live = MappingProxyType(now_live)
        self._swap(MappingProxyType(supervised), live)

    def _swap(
        self, supervised: "MappingProxyType[str, ConnectionView]", live: "MappingProxyType[str, ConnectionView]"
    ) -> None:
        self._snapshot = RegistrySnapshot(self._snapshot.version + 1, supervised, live)
