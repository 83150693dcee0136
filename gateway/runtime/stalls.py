"""
What is done about streams that are acknowledged and silent: told, asked for anew, at last replaced with all else.

One that says the same again and again is treated as one that is silent.

While other streams flow a second connection takes over from theirs, so that they
lose nothing; one on which nothing flows is left at once. A connection is replaced
once for a stream: where that was in vain the stream stays stale, is asked for anew
from time to time, and the log says so. If not one of several streams delivers
then, the endpoint is to blame.
"""

from collections.abc import Callable
from typing import Final

from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.ledger import StreamState
from gateway.engine.silence import SHORTEST, Measure, Silence
from gateway.engine.whereabouts import Whereabouts
from gateway.errors import PeerSilent, Reason
from gateway.runtime.connection import Connection
from gateway.runtime.ground import Ground
from gateway.spi.contract import Rhythm

APART: Final = 3600.0
"""Seconds between two takeovers for the sake of silent streams: thin markets make no connection restless."""


class Stalls:
    """
    Watches the streams of one epoch. Event-loop only.

    Args:
        connection: whose they are.
        ground: for clocks, and the operator's ``message_timeout``, the longest silence of all.
        ask_again: has a stream given up and asked for anew.
        notice: told of what did not help.
        roll: has a second connection take over and says why; false if that cannot be tried.
    """

    def __init__(
        self,
        connection: Connection,
        ground: Ground,
        ask_again: Callable[[str], None],
        notice: Callable[[str, str], None],
        roll: Callable[[str], bool],
    ) -> None:
        self._connection = connection
        self._ground = ground
        self._ask_again = ask_again
        self._notice = notice
        self._roll = roll
        self._silence = Silence(longest=ground.pace.message_timeout)
        self._whereabouts = Whereabouts.of(connection.target, ground.info)

    def pace_changed(self) -> None:
        """The operator's settings of the exchange are others."""
        self._silence.longest = self._ground.pace.message_timeout

    def left(self, stream: str) -> None:
        """Nobody wants ``stream`` any more."""
        self._silence.forget(stream)

    def check(self, now: float) -> None:
        """
        Look at every stream; ``now`` is monotonic seconds.

        Raises:
            PeerSilent: If the connection must be replaced.
        """
        if self._connection.set_aside:
            return
        for feed in tuple(self._connection.feeds.values()):
            entry = self._connection.ledger.entry(feed.stream)
            served = entry is not None and entry.state is StreamState.CONFIRMED
            if served or self._silence.is_stale(feed.stream):
                self._take(feed, self._look(feed, now), now)
            else:
                self._silence.forget(feed.stream)
        self._diagnose(now)

    def _look(self, feed: Feed, now: float) -> Measure:
        """Look at ``feed``; of a book that waits for its snapshot, maybe for minutes, nobody misses an update."""
        excused = isinstance(feed, BookFeed) and feed.is_fetched_for and feed.raw is None
        return self._silence.look(
            feed.stream, feed.rhythm, feed.frames, now, excused=excused, standing=feed.standing
        )

    def _take(self, feed: Feed, measure: Measure, now: float) -> None:
        if self._silence.is_frozen(feed.stream):
            feed.froze(Reason.DATA_FROZEN, self._ground.wall_us())
        match measure:
            case Measure.RESUBSCRIBE:
                feed.stalled(self._reason(feed), self._ground.wall_us())
                self._ask_again(feed.stream)
            case Measure.REPLACE:
                self._replace(feed, now)
            case Measure.REPORT:
                self._report(feed)
            case Measure.RECOVERED:
                feed.thawed(self._ground.wall_us())
                self._connection.replaced_for.discard(feed.stream)
            case Measure.NONE:
                if self._silence.delivered(feed.stream):
                    self._connection.replaced_for.discard(feed.stream)

    def _replace(self, feed: Feed, now: float) -> None:
        vain = self._connection.replaced_for
        others_deliver = self._others_deliver(feed, now)
        if feed.stream in vain or (others_deliver and not self._may_roll(feed, now)):
            self._report(feed)
            return
        vain.update(self._silence.quiet(now))  # those for which a snapshot is awaited are as silent
        if not others_deliver:
            raise PeerSilent(f"{self._what(feed)}, and nothing else says more", reason=self._reason(feed))
        self._notice("stream_silent", f"{feed.stream}: {self._reason(feed)}; another connection is to take over")

    def _may_roll(self, feed: Feed, now: float) -> bool:
        """Have a second connection take over, unless that was tried lately or cannot be."""
        connection = self._connection
        if now < connection.roll_again_at or not self._roll(self._what(feed)):
            return False
        connection.roll_again_at = now + APART
        return True

    def _diagnose(self, now: float) -> None:
        """Tell once, and as the reason of each silence, that the endpoint has probably moved."""
        connection = self._connection
        if connection.ages.streams or not connection.feeds:
            connection.diagnosis = ""
        elif not connection.diagnosis and connection.replaced_for and self._silence.is_all_there_is(now):
            connection.diagnosis = self._whereabouts.moved()
            self._notice(Reason.ENDPOINT_MOVED, connection.diagnosis)
            for feed in connection.feeds.values():
                feed.explained(Reason.ENDPOINT_MOVED, self._ground.wall_us())

    def _report(self, feed: Feed) -> None:
        if not self._connection.diagnosis:  # of all streams at once
            self._notice("stream_silent", f"{feed.stream}: {self._reason(feed)}; asked for anew")
        self._ask_again(feed.stream)

    def _others_deliver(self, feed: Feed, now: float) -> bool:
        return any(self._flows(other, now) for other in self._connection.feeds.values() if other is not feed)

    def _flows(self, feed: Feed, now: float) -> bool:
        if feed.rhythm is not Rhythm.SPARSE:
            return not self._silence.is_quiet(feed.stream, now)
        at = self._connection.ages.streams.get(feed.stream)
        return at is not None and now - at <= SHORTEST

    def _what(self, feed: Feed) -> str:
        return f"{feed.stream} " + ("repeats itself" if self._silence.is_frozen(feed.stream) else "is silent")

    def _reason(self, feed: Feed) -> Reason:
        if self._connection.diagnosis:
            return Reason.ENDPOINT_MOVED
        if self._silence.is_frozen(feed.stream):
            return Reason.DATA_FROZEN
        return Reason.DATA_STALLED if self._silence.delivered(feed.stream) else Reason.NO_DATA
