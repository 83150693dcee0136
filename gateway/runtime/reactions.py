"""What each event of a dialect leads to, other than data: whom it settles, whom it fails, what it asks for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.engine.feeds import Feed
from gateway.engine.ledger import StreamLedger
from gateway.errors import Reason, ReconnectAsked
from gateway.runtime.connection import Connection
from gateway.runtime.judge import JudgedFault
from gateway.runtime.pinger import Pinger
from gateway.runtime.subscriber import Subscriber
from gateway.runtime.writer import Writer
from gateway.spi.contract import Action, Scope, Verdict
from gateway.spi.events import (
    ALL,
    Ack,
    Draining,
    Event,
    Heartbeat,
    Lost,
    Nack,
    Pong,
    Problem,
    Reply,
    Revoked,
    SessionLost,
)
from gateway.telemetry import SCRUBBER

STREAMS: Final = frozenset({Scope.REQUEST, Scope.STREAM})
HARMLESS: Final = frozenset({Action.RETRY, Action.RESUBSCRIBE})


class Reactions:
    """
    One epoch's answers to what its exchange reports. Event-loop only.

    Args:
        connection: whose streams are meant.
        subscriber: told of answers.
        pinger: told of pongs.
        writer: sends what must be answered at once.
        begin: makes a stream ready to be asked for anew.
        notice: told of problems that end nothing.
        heed: does what a verdict asks of more than this connection.
        drain: has another connection follow this one; false if that cannot be.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # its seams, bound once per epoch
        self,
        connection: Connection,
        subscriber: Subscriber,
        pinger: Pinger,
        writer: Writer,
        begin: Callable[[Feed], None],
        notice: Callable[[str, str], None],
        heed: Callable[[Verdict], None],
        drain: Callable[[], bool],
        now: Callable[[], float],
        wall_us: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._ledger: StreamLedger = connection.ledger
        self._subscriber = subscriber
        self._pinger = pinger
        self._writer = writer
        self._begin = begin
        self._notice = notice
        self._heed = heed
        self._drain = drain
        self._now = now
        self._wall_us = wall_us

    def react(self, event: Event) -> None:  # noqa: C901  # one case for each kind of event
        """
        Do what ``event`` asks for.

        Raises:
            ConnectionFault: If it ends the epoch.
        """
        match event:
            case Pong(token):
                self._pinger.answer(token)
            case Heartbeat():
                pass  # that it came is what counts, and frames are counted
            case Ack():
                self._subscriber.apply(self._ledger.ack(event))
            case Nack():
                self._refused(Nack(event.id, event.op, _discreet(event.verdict)))
            case Reply(frame):
                self._writer.reply(frame)
            case Revoked(stream, reason, again):
                self._revoked(stream, SCRUBBER.scrub(reason), again=again)
            case Lost(streams, reason):
                self._lost(tuple(self._connection.feeds) if streams is ALL else streams, reason)
            case Draining():
                if not self._drain():
                    raise ReconnectAsked("the exchange is about to close", reason=Reason.DRAINING)
            case SessionLost(_, reason):
                raise ReconnectAsked(SCRUBBER.scrub(reason), reason=Reason.SESSION_LOST)
            case Problem(verdict, text):
                self._troubled(_discreet(verdict), SCRUBBER.scrub(text))

    def _troubled(self, verdict: Verdict, text: str) -> None:
        if verdict.action not in HARMLESS:
            raise JudgedFault(verdict, text)
        self._heed(verdict)
        self._notice("problem", text or verdict.text)

    def _refused(self, nack: Nack) -> None:
        verdict = nack.verdict
        concerns_more = verdict.scope not in STREAMS and verdict.action is not Action.RETRY
        if concerns_more or verdict.action is Action.RECONNECT:
            raise JudgedFault(verdict, verdict.text)
        self._heed(verdict)
        self._subscriber.apply(self._ledger.nack(nack, self._now()))
        self._subscriber.reconcile()

    def _revoked(self, stream: str, reason: str, *, again: bool) -> None:
        feed = self._connection.feeds.get(stream)
        if feed is not None:
            feed.broke(Reason.STREAM_REVOKED, self._wall_us())
            self._begin(feed)
        self._subscriber.apply(self._ledger.revoked(stream, reason, again=again))
        self._subscriber.reconcile()

    def _lost(self, streams: tuple[str, ...], reason: Reason) -> None:
        for stream in streams:
            if feed := self._connection.feeds.get(stream):
                feed.lost(reason, self._wall_us())


def _discreet(verdict: Verdict) -> Verdict:
    """Return the same without our secrets: an exchange may repeat whatever it was shown."""
    return replace(verdict, text=SCRUBBER.scrub(verdict.text))
