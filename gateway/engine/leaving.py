"""
Which streams are to be given up: those that nobody wants and that the exchange may be serving.

A stream whose unsubscription was lost or refused is given up once again, so that
nothing goes on unwanted without a word.
"""

from collections import deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.engine.outstanding import Asked

PAST: Final = 1024
"""How many streams are remembered that were given up."""


@dataclass(slots=True)
class Leaving:
    """One epoch's streams to give up. Event-loop only; ``now`` is monotonic seconds."""

    _streams: dict[str, bool] = field(default_factory=dict)
    """Whether this is the second time."""
    _later: dict[str, float] = field(default_factory=dict)
    _parts: deque[tuple[str, ...]] = field(default_factory=deque)
    _past: dict[str, None] = field(default_factory=dict)
    """What was given up, the latest last."""

    def __contains__(self, stream: str) -> bool:
        """Whether ``stream`` is still to be given up."""
        return stream in self._streams

    def clear(self) -> None:
        """A new connection serves nothing."""
        self._streams.clear()
        self._later.clear()
        self._parts.clear()
        self._past.clear()

    def add(self, stream: str) -> None:
        """Have ``stream`` given up."""
        self._streams[stream] = False
        self._past.pop(stream, None)
        self._past[stream] = None
        if len(self._past) > PAST:
            del self._past[next(iter(self._past))]

    def add_again(self, stream: str) -> bool:
        """
        ``stream`` goes on coming: have it given up once more.

        False if it was not given up in this epoch, since then the exchange sends it for reasons of its own,
        and if it is to be given up anyway.
        """
        if stream not in self._past or stream in self._streams or stream in self._later:
            return False
        self.add(stream)
        return True

    def stay(self, stream: str) -> bool:
        """``stream`` is wanted again; return whether the exchange would not give it up, and need not now."""
        return self._later.pop(stream, None) is not None

    def wake(self, now: float) -> None:
        """Have those given up whose time has come."""
        for stream in [stream for stream, at in self._later.items() if at <= now]:
            del self._later[stream]
            self._streams.setdefault(stream, True)

    def due(self) -> tuple[str, ...]:
        """Return the streams to give up now; those that were refused together come in parts, one a call."""
        while self._parts:
            if part := tuple(stream for stream in self._parts.popleft() if stream in self._streams):
                return part
        return tuple(self._streams)

    def submitted(self, streams: Iterable[str]) -> frozenset[str]:
        """An unsubscription of ``streams`` was submitted; return those for which it is the second."""
        return frozenset(stream for stream in streams if self._streams.pop(stream, False))

    def unanswered(self, asked: Asked, wanted: Container[str]) -> None:
        """Nobody answered ``asked``: give up once again what was not wanted again meanwhile."""
        for stream in asked.open:
            if stream not in wanted and stream not in asked.repeated:
                self._streams.setdefault(stream, True)

    def refused(self, asked: Asked, wanted: Container[str], again_at: float | None) -> None:
        """
        ``asked`` was refused.

        One wrong stream among several does not keep the others: they are given up
        in halves. One alone is given up once again at ``again_at``, if that can help.
        """
        streams = tuple(stream for stream in asked.open if stream not in wanted)
        if len(asked.request.streams) > 1:
            self._parts += halves(streams)
            self._streams = {stream: stream in asked.repeated for stream in streams} | self._streams
        elif again_at is not None:
            self._later |= {stream: again_at for stream in streams if stream not in asked.repeated}


def halves(streams: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return ``streams`` in two parts, the first empty where there is just one."""
    half = len(streams) // 2
    return streams[:half], streams[half:]
