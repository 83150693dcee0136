"""
Everything one epoch does between its handshake and its end: restore, read, ping, look at deadlines.

Three tasks: one reads and hands every frame on without waiting for anybody, one
writes, one looks at the clocks. Whatever goes wrong in one ends all.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final, NoReturn

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.intake import Intake
from gateway.engine.retry import Backoff
from gateway.errors import ConnectionFault, PluginError
from gateway.net.transport import Kind
from gateway.runtime.aging import Age
from gateway.runtime.keepalive import LONGEST, SHORTEST, expire, keep_alive
from gateway.runtime.leftovers import Leftovers
from gateway.runtime.means import Means
from gateway.runtime.milestones import Milestones
from gateway.runtime.overload import Overload
from gateway.runtime.pinger import Pinger, heartbeat_of
from gateway.runtime.reactions import Reactions
from gateway.runtime.reconcile import Reconciler
from gateway.runtime.sampling import Sampler
from gateway.runtime.stalls import Stalls
from gateway.runtime.streams import Streams
from gateway.runtime.together import together
from gateway.spi.contract import Keepalive

TICK: Final = 1.0
"""Seconds between two looks at deadlines and ages, at most."""


class Service:
    """
    A :class:`~gateway.runtime.connection.Serving` epoch. Event-loop only.

    Args:
        means: of this epoch.

    Raises:
        PluginError: If the plugin has no dialect for it.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._connection = connection = means.connection
        self._ground = ground = means.ground
        self._is_up = False
        self._dialect = ground.binding.dialect(connection.target, means.session, ground.instruments)
        self._streams = streams = Streams(means, self._dialect, self._something_settled)
        heartbeat = heartbeat_of(connection, ground, means.session)
        self._pinger = Pinger(
            ground.exchange,
            means.number,
            self._dialect,
            means.writer,
            heartbeat,
            ground.now,
            answered=ground.round_trips.observe,
            has_unread=self._has_unread,
        )
        self._reconciler = Reconciler(
            ground,
            connection,
            means.session,
            means.rest,
            means.judge,
            means.during,
            means.notice,
            means.fail,
        )
        reactions = Reactions(
            connection,
            streams.subscriber,
            self._pinger,
            means.writer,
            streams.begin,
            means.notice,
            means.judge.heed,
            partial(means.ties.roll, "the exchange is about to close"),
            ground.now,
            ground.wall_us,
        )
        self._intake = Intake(
            ground.exchange, self._dialect, connection.feeds, ground.wall_us, self._first, reactions.react
        )
        self._overload = Overload(self._intake, self._dialect, self._has_unread, self._slow, ground.now)
        self._milestones = Milestones(means.number, connection, ground)
        self._leftovers = Leftovers(connection, self._intake.unasked, means.notice)
        self._stalls = Stalls(connection, ground, streams.ask_again, means.notice, means.ties.roll)
        self._age = Age(ground, connection.endpoint, means.session)
        self._due = self._age.due()
        self._sampler = Sampler(connection, self._intake, self._pinger, means.writer, streams.snapshots)

    async def run(self, streams: Sequence[str]) -> NoReturn:
        """
        Restore ``streams`` and serve; ends only by raising.

        Raises:
            ConnectionFault: Whatever ended the connection.
            PluginError: If the plugin broke the contract.
        """
        means = self._means
        self._streams.restore(streams)
        for frame in means.session.early:
            self._intake.take(frame, binary=False)
        self._streams.subscriber.reconcile()
        await together(
            means.transport.pump(self._intake.take, self._control),
            self._watch(),
            *(self._keep_alive(one) for one in means.session.keepalives),
            *([] if means.session.expires_in is None else [expire(means.session.expires_in)]),
        )
        raise AssertionError("a reader ends by raising")

    def stop(self) -> None:
        """Hear nothing more; what was counted and what happened lately is told."""
        now = self._ground.now()
        self._sampler.sample(now)
        self._milestones.check()
        if (until := self._pinger.heartbeat.heard_until) is not None:
            self._reconciler.arrived(now - until)
        self._connection.worked = self._is_up and self._sampler.has_worked()
        self._streams.stop()

    async def close(self) -> None:
        """Give up what is still being fetched."""
        await self._streams.close()
        await self._reconciler.close()

    # --- what others ask of a serving epoch

    def joined(self, feed: Feed) -> None:
        """Bring ``feed`` up."""
        self._streams.joined(feed)

    def left(self, feed: Feed) -> None:
        """Nobody wants ``feed`` any more; whoever wants its stream again finds nothing of it."""
        self._streams.left(feed)
        if feed.stream not in self._connection.feeds:
            self._stalls.left(feed.stream)
        if isinstance(feed, AccountFeed):
            self._reconciler.forget(feed)

    def wishes_changed(self) -> None:
        """Ask and give up, once in this turn of the event loop however many wishes changed."""
        self._streams.wishes_changed()

    def ask_snapshot(self, feed: BookFeed) -> None:
        """Get ``feed`` a snapshot."""
        self._streams.snapshots.ask(feed)

    def reconcile(self, feed: AccountFeed) -> bool:
        """Have the account of ``feed`` fetched; returns whether it can be."""
        return self._reconciler.ask(feed)

    def pace_changed(self) -> None:
        """Live by the settings of the exchange as they are now; a plugin that breaks on them changes no ping."""
        self._due = self._age.due()
        self._stalls.pace_changed()
        try:
            heartbeat = heartbeat_of(self._connection, self._ground, self._means.session)
        except PluginError as broken:
            self._means.notice("plugin_error", str(broken))
            return
        if self._pinger.heartbeat.change(heartbeat.interval, heartbeat.timeout):
            self._connection.paced_at = self._ground.now()

    def count(self) -> None:
        """Bring the counters up to date."""
        self._sampler.count()

    # --- the hot path's seams

    def _first(self, feed: Feed) -> None:
        """``feed`` delivers and is not known to be served yet."""
        self._milestones.flows()
        self._streams.first(feed)

    def _control(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.PING:
            self._connection.counters.pings_received += 1
            self._means.writer.pong(payload)
        else:
            self._pinger.pong(payload)

    # --- clocks

    async def _watch(self) -> NoReturn:
        ground = self._ground
        while True:
            now = ground.now()
            due = min(self._pinger.next_check(), self._streams.subscriber.next_check(now))
            tick = max(0.0, min(TICK, due - now))
            await asyncio.sleep(tick)
            now = ground.now()
            self._pinger.check(tick=tick)
            self._leftovers.check(now)
            self._streams.check(now)
            self._reconciler.check()
            self._sampler.sample(now)
            self._milestones.check()
            self._stalls.check(now)
            self._overload.check()
            if now >= self._due:
                self._means.ties.roll("it is of age")
            if 0 < self._connection.overlap_ends <= now:
                self._connection.end_overlap()

    async def _keep_alive(self, keepalive: Keepalive) -> NoReturn:
        means, backoff = self._means, Backoff(self._ground.rng, base=SHORTEST, cap=LONGEST)
        exchange, failed = self._ground.exchange, self._keepalive_failed
        await keep_alive(exchange, keepalive, means.rest, means.writer, failed, backoff)

    def _keepalive_failed(self, fault: ConnectionFault) -> float:
        self._means.notice("keepalive_failed", self._means.judge.words(fault))
        return self._means.judge.wait_after_request(fault)

    def _has_unread(self) -> bool:
        return self._means.transport.has_unread

    def _slow(self, seconds: float) -> None:
        observer, connection = self._ground.observer, self._connection
        observer.noticed(
            connection.id, self._means.number, "plugin_slow", hook="decode", seconds=round(seconds, 6)
        )

    def _something_settled(self) -> None:
        if not self._is_up and self._connection.ledger.plan_settled:
            self._is_up = True
            self._connection.connected_at = self._ground.now()
            self._due = self._age.restored()
            self._sampler.up()
            self._means.ties.up()
