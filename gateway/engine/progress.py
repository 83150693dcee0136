"""Whether a second connection brings of a stream what the first one brings: counted in frames, without a clock."""

from typing import Final

from gateway.engine.feeds import Feed
from gateway.engine.messages import TopicStatus
from gateway.spi.contract import Rhythm

SERVED: Final = frozenset({TopicStatus.LIVE, TopicStatus.STALE, TopicStatus.RESYNCING})
"""What a stream can be that the exchange has granted."""


class Progress:
    """
    Whether a second connection brings of one stream what the first brings.

    Args:
        real: the first one's feed.
        shadow: the second one's.
    """

    def __init__(self, real: Feed, shadow: Feed) -> None:
        self._real = real
        self._shadow = shadow
        self._begun = shadow.frames
        self._settled: int | None = None
        """The real feed's frames when the exchange had answered the second connection."""
        self._expected = 0

    def begin(self) -> None:
        """The stream is asked for, for the first time or anew."""
        self._begun = self._shadow.frames
        self._settled = None

    def settle(self) -> None:
        """The exchange has answered."""
        if self._settled is None:
            self._settled = self._expected = self._real.frames

    def expect(self) -> None:
        """Whatever the real feed gets from now on is to come here too."""
        self._expected = self._real.frames

    @property
    def has_delivered(self) -> bool:
        """Whether anything came by the second connection."""
        return self._shadow.frames > self._begun

    def is_even(self, *, patient: bool) -> bool:
        """Whether it has delivered, or had nothing to deliver."""
        real = self._real
        if self.has_delivered:
            return True
        if self._settled is None:
            return real.status not in SERVED
        if not patient:
            return real.frames == self._expected
        is_quiet = real.fresh or real.rhythm is Rhythm.SPARSE or real.status is not TopicStatus.LIVE
        return is_quiet and real.frames == self._settled
