"""
Whether a stream that should deliver has gone silent, and what is to be done about it, step by step.

A stream is judged by its own rhythm: the longest pause it made lately, with a
margin. One that says the same again and again is as good as silent. A sparse
stream, whose market may be closed or thin, is never judged. All times are
monotonic seconds given by the caller, who looks about once a second.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.engine.standing import NOWHERE, Standing
from gateway.spi.contract import Rhythm

FIRST: Final = 15.0
"""Seconds within which a stream that is confirmed must deliver for the first time."""
SHORTEST: Final = 10.0
LONGEST: Final = 120.0
"""Between these lies every bound, in seconds."""
FACTOR: Final = 4.0
"""A pause this many times the longest one of late is no pause any more."""
SAMPLES: Final = 8
"""Pauses after which a stream's rhythm counts as known; until then it has the longest bound."""
MEMORY: Final = 600.0
"""Seconds in which a long pause is half forgotten."""
REPEATS: Final = 3
"""Looks that may find the same as before: exchanges say what they have said to whoever joins, or asks again."""


class Measure(Enum):
    """What a look at a stream leads to."""

    NONE = auto()
    RESUBSCRIBE = auto()
    """It has just become stale: say so, and ask for it anew."""
    REPLACE = auto()
    """Asking anew did not help: replace the connection, if nothing else on it delivers."""
    REPORT = auto()
    """Nothing helped: it stays stale, and is asked for anew from time to time."""
    RECOVERED = auto()
    """It was stale and delivers again."""


@dataclass(slots=True)
class _Watched:
    since: float
    """When it was confirmed, or delivered, or a measure was taken."""
    moved: float
    """When it was confirmed, or delivered something new."""
    frames: int
    pause: float = 0.0
    """The longest pause of late; 0 while none is known."""
    pauses: int = 0
    measures: int = 0
    delivered: bool = False
    excused_until: float = 0.0
    standing: Standing = NOWHERE
    repeats: int = 0
    """Looks since it moved that found data, and none of them new."""


class Silence:
    """
    The streams of one connection through one epoch.

    Args:
        first: seconds within which a stream must deliver for the first time.
        shortest: the bound of the quickest stream.
        longest: the bound of the slowest one.
    """

    def __init__(self, *, first: float = FIRST, shortest: float = SHORTEST, longest: float = LONGEST) -> None:
        self.longest = longest
        """May be changed at any moment; it holds from the next look on."""
        self._first = first
        self._shortest = shortest
        self._streams: dict[str, _Watched] = {}

    def look(
        self,
        stream: str,
        rhythm: Rhythm,
        frames: int,
        now: float,
        *,
        excused: bool = False,
        standing: Callable[[], Standing] = lambda: NOWHERE,
    ) -> Measure:
        """
        Look at a confirmed stream; ``frames`` is how many it has delivered, ever.

        Each measure is asked for once; the next follows only when this one has had its time.
        While it is ``excused`` nobody misses what it does not say: its time begins after that.
        ``standing``, which is asked only where frames came, tells what is new from what came before.
        """
        if rhythm is Rhythm.SPARSE:
            return Measure.NONE
        watched = self._streams.get(stream)
        if watched is None:
            self._streams[stream] = _Watched(now, now, frames, standing=standing())
            return Measure.NONE
        if frames != watched.frames:
            if not _says_the_same(watched, standing()):
                return self._delivered(watched, frames, now)
            watched.frames = frames
            if watched.repeats <= REPEATS and not watched.measures:
                watched.since = now
        if excused:
            watched.excused_until = now
        if now - max(watched.since, watched.excused_until) < self.bound(stream):
            return Measure.NONE
        watched.since = now
        watched.measures += 1
        return _LADDER.get(watched.measures, Measure.REPORT)

    def bound(self, stream: str) -> float:
        """Return for how many seconds ``stream`` may be silent; longer each time that nothing helped."""
        watched = self._streams[stream]
        if not watched.delivered:
            bound = self.longest if watched.repeats else self._first  # it may be thin, and its picture sent often
        elif watched.pauses < SAMPLES:
            bound = self.longest
        else:
            bound = min(self.longest, max(self._shortest, FACTOR * watched.pause))
        return min(self.longest * _WAIT, bound * 2.0 ** max(0, min(watched.measures, _MOST) - 2))

    def forget(self, stream: str) -> None:
        """``stream`` is not confirmed any more."""
        self._streams.pop(stream, None)

    def delivered(self, stream: str) -> bool:
        """Whether ``stream`` has delivered since it was looked at first."""
        watched = self._streams.get(stream)
        return watched is not None and watched.delivered

    def is_quiet(self, stream: str, now: float) -> bool:
        """Whether ``stream`` has been silent for longer than the shortest bound, be it allowed or not."""
        watched = self._streams.get(stream)
        return watched is None or bool(watched.measures) or now - watched.since > self._shortest

    def is_stale(self, stream: str) -> bool:
        """Whether measures were taken and it has not delivered since."""
        watched = self._streams.get(stream)
        return watched is not None and watched.measures > 0

    def is_frozen(self, stream: str) -> bool:
        """
        Whether measures were taken because it says the same again and again, and it still does.

        One that was asked for anew, and then said the same once more and nothing else, is no better.
        """
        watched = self._streams.get(stream)
        if watched is None or not watched.measures:
            return False
        return watched.repeats > (REPEATS if watched.measures == 1 else 0)

    def quiet(self, now: float) -> list[str]:
        """Return the streams for which :meth:`is_quiet` holds, those among them that are excused."""
        return [stream for stream in self._streams if self.is_quiet(stream, now)]

    def is_all_there_is(self, now: float) -> bool:
        """Whether there are several streams, each has had its time, excused or not, and none ever delivered."""
        watched = self._streams.values()
        return len(watched) > 1 and all(not one.delivered and self._has_had_time(one, now) for one in watched)

    def _has_had_time(self, watched: _Watched, now: float) -> bool:
        return watched.measures > 0 or now - watched.since >= self._first

    @staticmethod
    def _delivered(watched: _Watched, frames: int, now: float) -> Measure:
        pause = now - (watched.since if watched.measures else watched.moved)
        if watched.delivered and watched.measures <= 1:  # one measure may have been a false alarm
            watched.pause = max(pause, watched.pause * 0.5 ** (pause / MEMORY))
            watched.pauses += 1
        recovered = watched.measures > 0
        watched.since = watched.moved = now
        watched.frames = frames
        watched.measures, watched.delivered = 0, True
        return Measure.RECOVERED if recovered else Measure.NONE


def _says_the_same(watched: _Watched, here: Standing) -> bool:
    """Take where a stream stands that sent frames; return whether nothing in them was new."""
    before, watched.standing = watched.standing, here
    if here.at is None or here.at != before.at:
        watched.repeats = 0
        return False
    if here.heard == before.heard:  # frames without data, such as heartbeats
        return watched.repeats > REPEATS
    watched.repeats += 1
    return True


_LADDER: Final[Mapping[int, Measure]] = {1: Measure.RESUBSCRIBE, 2: Measure.REPLACE}
_MOST: Final = 16
_WAIT: Final = 5.0
