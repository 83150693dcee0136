"""How a connection's counters and ages come about: read off plain numbers about once a second."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.engine.intake import Intake
from gateway.engine.liveness import Ages, DataAges
from gateway.runtime.connection import Connection
from gateway.runtime.pinger import Pinger
from gateway.runtime.writer import Writer

if TYPE_CHECKING:
    from gateway.runtime.snapshots import Snapshots


class Sampler:
    """
    Brings one connection's figures up to date. Event-loop only.

    Args:
        connection: whose.
        intake: counts what arrives.
        pinger: counts pings and pongs.
        writer: counts what is sent.
        snapshots: count what failed.
    """

    def __init__(
        self, connection: Connection, intake: Intake, pinger: Pinger, writer: Writer, snapshots: "Snapshots"
    ) -> None:
        self._connection = connection
        connection.count_from_here()
        self._intake = intake
        self._pinger = pinger
        self._writer = writer
        self._snapshots = snapshots
        self._ages = DataAges(self._by_stream())
        self._frames = 0
        self._message_at: float | None = None
        self._at_up: tuple[int, Mapping[str, int]] = (0, {})
        """Pings answered, and frames of each stream, when all was well at last."""

    def sample(self, now: float) -> None:
        """Take every figure; ``now`` is monotonic seconds."""
        self.count()
        intake, heartbeat = self._intake, self._pinger.heartbeat
        if intake.frames != self._frames:
            self._frames, self._message_at = intake.frames, now
        self._connection.waiting = self._writer.waiting
        self._connection.ages = Ages(
            message_at=self._message_at,
            pong_at=heartbeat.answered_at,
            round_trip=heartbeat.round_trip,
            has_pongs=self._pinger.has_pongs,
            streams=self._ages.sample(self._by_stream(), now),
        )

    def up(self) -> None:
        """The connection is fully operational: what comes from now on shows that it works."""
        self._at_up = (self._pinger.answered, self._by_stream())

    def has_worked(self) -> bool:
        """Whether a datum, or the answer to a ping, came since :meth:`up`."""
        answered, frames = self._at_up
        if self._pinger.answered > answered:
            return True
        return any(count > frames.get(stream, 0) for stream, count in self._by_stream().items())

    def _by_stream(self) -> Mapping[str, int]:
        return {stream: feed.frames for stream, feed in self._connection.feeds.items()}

    def count(self) -> None:
        """Take the counters, which only grow. Any thread: they are assigned, not added to."""
        counters, before = self._connection.counters, self._connection.past
        intake, writer, pinger = self._intake, self._writer, self._pinger
        counters.messages_received = before.messages_received + intake.frames
        counters.bytes_received = before.bytes_received + intake.bytes
        counters.decoded = before.decoded + intake.frames - intake.undecoded
        counters.undecodable = before.undecodable + intake.undecodable
        counters.unheard = before.unheard + intake.unheard
        counters.messages_sent = before.messages_sent + writer.frames
        counters.bytes_sent = before.bytes_sent + writer.bytes
        counters.pings_sent = before.pings_sent + pinger.sent
        counters.pongs_received = before.pongs_received + pinger.answered
        counters.failed_snapshots = before.failed_snapshots + self._snapshots.failures
