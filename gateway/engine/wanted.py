"""
Which streams one connection is to bring, in the order of the wishes, where each stands, and which are restored.

A new epoch plans to restore all that is wanted then. The plan is settled once each
of these is confirmed, refused, or not wanted any more; later wishes do not delay it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.engine.wishes import Entry, StreamState


@dataclass(slots=True)
class Wanted:
    """The wanted streams of one connection by name. Event-loop only; ``now`` is monotonic seconds."""

    _entries: dict[str, Entry] = field(default_factory=dict)
    _plan: set[str] = field(default_factory=set)

    def __contains__(self, stream: object) -> bool:
        """Whether anybody wants ``stream``."""
        return stream in self._entries

    def __iter__(self) -> Iterator[str]:
        """Go through the streams."""
        return iter(self._entries)

    def __getitem__(self, stream: str) -> Entry:
        """Return the entry of a stream that is wanted."""
        return self._entries[stream]

    def get(self, stream: str) -> Entry | None:
        """Return the entry of ``stream``, if it is wanted."""
        return self._entries.get(stream)

    def count(self, state: StreamState) -> int:
        """Return how many streams are in ``state``."""
        return sum(entry.state is state for entry in self._entries.values())

    # --- wishes

    def add(self, stream: str, *, left_over: bool) -> None:
        """Somebody wants ``stream``, as nobody did before; ``left_over`` if it may be served all the same."""
        self._entries[stream] = Entry(stream, left_over=left_over)

    def remove(self, stream: str) -> None:
        """Nobody wants ``stream`` any more."""
        del self._entries[stream]
        self._plan.discard(stream)

    def twin(self) -> "Wanted":
        """Return the same wishes, none of which was asked for."""
        return Wanted({stream: Entry(stream, entry.count) for stream, entry in self._entries.items()})

    # --- epochs

    def begin_epoch(self) -> None:
        """Nothing was asked for yet, and all is planned to be restored."""
        for entry in self._entries.values():
            entry.start_afresh()
        self._plan = set(self._entries)

    @property
    def plan_settled(self) -> bool:
        """Whether nothing of what was planned is open."""
        return not self._plan

    # --- where each stands

    def due(self, now: float) -> list[str]:
        """Return the streams to ask for; those that were put off until ``now`` are among them."""
        for entry in self._entries.values():
            if entry.again_at is not None and entry.again_at <= now:
                entry.state, entry.again_at = StreamState.WANTED, None
        return [stream for stream, entry in self._entries.items() if entry.state is StreamState.WANTED]

    def confirm(self, stream: str, number: int | None) -> bool | None:
        """
        Confirm ``stream``, since request ``number`` was granted, or since it shows that it is served.

        Returns whether that is news; :obj:`None` if the request did not ask for it as it is wanted now.
        """
        entry = self._entries.get(stream)
        if entry is None or not entry.is_answered_by(entry.last if number is None else number):
            return None
        is_news = entry.state is not StreamState.CONFIRMED
        if is_news:
            entry.renew()
            entry.state = StreamState.CONFIRMED
        self._plan.discard(stream)
        return is_news

    def refuse(self, stream: str, reason: str, again_at: float | None) -> None:
        """Have ``stream`` refused, to be asked for again at ``again_at`` if that can help."""
        self._entries[stream].refuse(reason, again_at)
        self._plan.discard(stream)
