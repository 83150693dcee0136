"""
Asks an exchange for what the ledger says is due, and tells each stream what became of it.

Frames are built when they are asked for, by this epoch's dialect; the writer
sends them at the exchange's pace.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import inf

from gateway.engine.ledger import Settled
from gateway.engine.messages import TopicStatus
from gateway.errors import PluginError
from gateway.runtime.connection import Connection
from gateway.runtime.writer import Writer
from gateway.spi.contract import Op, Request
from gateway.spi.dialect import Dialect


class Subscriber:
    """
    One epoch's asking. Event-loop only.

    Args:
        exchange: named where its dialect breaks the contract.
        connection: whose wishes they are.
        dialect: builds the requests.
        writer: sends them.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        settled: called whenever something may have been settled.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # its seams, bound once per epoch
        self,
        exchange: str,
        connection: Connection,
        dialect: Dialect,
        writer: Writer,
        now: Callable[[], float],
        wall_us: Callable[[], int],
        settled: Callable[[], None],
    ) -> None:
        self._exchange = exchange
        self._connection = connection
        self._ledger = connection.ledger
        self._dialect = dialect
        self._writer = writer
        self._now = now
        self._wall_us = wall_us
        self._settled = settled
        self._deadlines: deque[float] = deque()

    def restore(self, streams: Sequence[str], requests: Sequence[Request]) -> None:
        """
        Send the requests that bring ``streams`` up.

        Those in none were placed by the handshake, in the URL: the upgrade has
        settled them, since an account's stream, say, may be silent for days.
        """
        covered = {stream for request in requests for stream in request.streams}
        if placed := tuple(stream for stream in streams if stream not in covered):
            opened = Request(frame="", streams=placed, op="subscribe", settles="sent")
            self._ledger.submitted([opened])
            self._sent(opened)
        self._submit(requests)
        self._settled()

    def reconcile(self) -> None:
        """
        Give up what nobody wants any more, and ask for what is due.

        Raises:
            PluginError: If the dialect cannot build the requests.
        """
        if leaving := self._ledger.leaving():
            self._submit(self._built("unsubscribe", self._dialect.unsubscribe, leaving))
        for streams in self._ledger.due(self._now()):
            requests = self._built("subscribe", self._dialect.subscribe, streams)
            self._expect(streams)
            self._submit(requests)

    def next_check(self, now: float) -> float:
        """Return when an answer can next be overdue; monotonic seconds."""
        while self._deadlines and self._deadlines[0] <= now:
            self._deadlines.popleft()
        return self._deadlines[0] if self._deadlines else inf

    def apply(self, settled: Settled) -> None:
        """Tell the streams what was decided about them."""
        if not settled.confirmed and not settled.refused:
            return
        at_us = self._wall_us()
        feeds = self._connection.feeds
        for stream in settled.confirmed:
            if feed := feeds.get(stream):
                feed.confirmed(at_us)
        for stream, reason in settled.refused:
            if feed := feeds.get(stream):
                feed.refused(reason, at_us)
        self._settled()

    def _built(
        self, op: Op, build: Callable[[Sequence[str]], Sequence[Request]], streams: Sequence[str]
    ) -> Sequence[Request]:
        try:
            requests = build(streams)
            covered = sorted(stream for request in requests for stream in request.streams if request.op == op)
        except Exception as exc:
            raise PluginError(self._exchange, f"its dialect raised {type(exc).__name__} in {op}") from exc
        if covered != sorted(streams):
            raise PluginError(self._exchange, f"its dialect must {op} each stream exactly once, with that op")
        return requests

    def _submit(self, requests: Sequence[Request]) -> None:
        self._ledger.submitted(requests)
        for request in requests:
            self._writer.send(request.frame, request.cost, partial(self._sent, request))

    def _sent(self, request: Request) -> None:
        now = self._now()
        self._deadlines.append(now + self._ledger.ack_timeout)
        self.apply(self._ledger.sent(request, now))

    def _expect(self, streams: Sequence[str]) -> None:
        """What comes of ``streams`` may settle the request; those that were refused are pending again."""
        for stream in streams:
            feed = self._connection.feeds.get(stream)
            if feed is None:
                continue
            feed.fresh = True
            if feed.status is TopicStatus.CLOSED:
                feed.wanted(self._wall_us())
