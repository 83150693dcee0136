"""
Our own pings on one connection, and whether their pongs come in time.

A WebSocket ping carries the epoch and a number, so that only its own pong counts;
a server's pings and its data prove nothing about the way back to us.
"""

from collections.abc import Callable
from typing import Final

from gateway.engine.liveness import Heartbeat, Pulse
from gateway.errors import PeerSilent, PluginError, Reason
from gateway.runtime.connection import Connection
from gateway.runtime.ground import Ground
from gateway.runtime.writer import Writer
from gateway.spi.contract import Ping, Session
from gateway.spi.dialect import Dialect

AGAIN: Final = 0.25
"""Seconds after which a peer that seems dead is looked at again, where its answer may not have been read."""
_DIGITS: Final = 18
"""Of a number of ours: Python does not even read those of more than 4,300."""


def heartbeat_of(connection: Connection, ground: Ground, session: Session) -> Heartbeat:
    """
    Return a heartbeat at the pace of the operator, else of the session, else of the plugin.

    Raises:
        PluginError: If the plugin is asked and does not say.
    """
    interval, timeout = ground.pace.heartbeat_interval, None
    if interval is None:
        interval, timeout = session.heartbeat_interval, session.heartbeat_timeout
    if interval is None:
        interval = ground.binding.heartbeat_interval(connection.target)
    connection.heartbeat_interval = interval
    return Heartbeat(interval, timeout or interval / 2, ground.now())


class Pinger:
    """
    One epoch's heartbeat. Event-loop only.

    Args:
        exchange: named where its dialect breaks the contract.
        epoch: the number that pings carry.
        dialect: says how the exchange is pinged.
        writer: sends the pings, before everything that waits.
        heartbeat: decides when.
        now: monotonic seconds.
        answered: told how many seconds each answer took.
        has_unread: whether something has come that was not read.
    """

    def __init__(  # noqa: PLR0913  # its seams, bound once per epoch
        self,
        exchange: str,
        epoch: int,
        dialect: Dialect,
        writer: Writer,
        heartbeat: Heartbeat,
        now: Callable[[], float],
        *,
        answered: Callable[[float], None] = lambda _: None,
        has_unread: Callable[[], bool] = lambda: False,
    ) -> None:
        self._told = answered
        self._has_unread = has_unread
        self.heartbeat = heartbeat
        self.has_pongs = True
        self.sent = 0
        self.answered = 0
        self._exchange = exchange
        self._epoch = epoch
        self._dialect = dialect
        self._writer = writer
        self._now = now

    def check(self, *, tick: float) -> None:
        """
        Send the ping that is due; ``tick`` is after how many seconds this was to be called.

        Where what came waits to be read its answer may be behind that: nobody is left for being heard late.

        Raises:
            PeerSilent: If the last one was not answered in time.
            PluginError: If the dialect cannot say how to ping.
        """
        if not self.has_pongs:
            return
        match self.heartbeat.check(self._now(), tick=tick):
            case Pulse.PING:
                self._ping()
            case Pulse.DEAD if self._has_unread():
                self.heartbeat.put_off(self._now() + AGAIN)
            case Pulse.DEAD:
                text = f"no pong within {self.heartbeat.timeout:g} s"
                raise PeerSilent(text, reason=Reason.HEARTBEAT_MISSED)
            case Pulse.QUIET:
                pass

    def next_check(self) -> float:
        """Return when :meth:`check` can next matter; monotonic seconds."""
        return self.heartbeat.next_check() if self.has_pongs else float("inf")

    def pong(self, payload: bytes) -> None:
        """Take a WebSocket pong; one that answers none of our pings, or one of an earlier epoch's, is ignored."""
        epoch, _, token = payload.partition(b"-")
        if epoch == b"%d" % self._epoch and token.isdigit():
            self.answer(int(token))

    def answer(self, token: int | str | None) -> None:
        """Take the exchange's own answer to a ping; ``token`` is :obj:`None` where it carries none."""
        if isinstance(token, str):
            if not token.isdecimal() or len(token) > _DIGITS:
                return
            token = int(token)
        if self.heartbeat.pong(token, self._now()):
            self.answered += 1
            self._told(self.heartbeat.round_trip or 0.0)

    def _ping(self) -> None:
        token = self.heartbeat.token
        try:
            how = self._dialect.ping(token)
        except Exception as exc:
            raise PluginError(self._exchange, f"its dialect raised {type(exc).__name__} in ping") from exc
        match how:
            case Ping.WEBSOCKET:
                self._writer.ping(b"%d-%d" % (self._epoch, token))
            case Ping.NONE:
                self.has_pongs = False
                return
            case frame:
                self._writer.reply(frame)
        self.sent += 1
