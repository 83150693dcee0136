"""
The connections of one exchange: which exist, what each carries, and when one is given up.

A connection exists while a stream or an operator wants it. Event-loop only; the
map of all is replaced, never changed, so that other threads may read it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final

from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.messages import TopicStatus
from gateway.engine.retry import Backoff, GiveUp, Retry
from gateway.engine.shards import shard_for
from gateway.errors import GatewayError, Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.runtime.attempt import Ties
from gateway.runtime.candidate import Candidate
from gateway.runtime.connection import Connection
from gateway.runtime.epoch import Epoch
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.rollover import LONGEST, SHORTEST, Rolling
from gateway.runtime.supervisor import Supervisor
from gateway.runtime.waiting import known
from gateway.spi.contract import Endpoint, Route

SHARED: Final[str | None] = None
"""The account of connections that are nobody's."""


@dataclass(slots=True, eq=False)
class Link:
    """
    One connection and the task that owns it.

    ``connection`` is the one that serves; ``candidate`` may be about to follow it.
    ``pinned`` tells that an operator wants it, streams or not; ``hopes`` counts
    the operators who still wait to see it up.
    """

    connection: Connection
    judge: Judge
    supervisor: Supervisor = field(init=False)
    task: "asyncio.Task[None]" = field(init=False)
    pinned: bool = False
    hopes: int = 0
    candidate: Candidate | None = None

    def want(self, feed: Feed, *, is_new: bool) -> None:
        """Count one more wish for the stream of ``feed``; ``is_new`` if a serving epoch must bring it up."""
        self.connection.want(feed, is_new=is_new)
        if self.candidate is not None:
            self.candidate.want(feed)

    def release(self, feed: Feed, *, is_last: bool) -> None:
        """Count one wish less; after the last the stream is carried no longer."""
        self.connection.release(feed, is_last=is_last)
        if self.candidate is not None:
            self.candidate.release(feed.stream, is_last=is_last)

    def pace_changed(self) -> None:
        """The operator's settings of the exchange are others."""
        both = (self.connection, None if self.candidate is None else self.candidate.connection)
        for connection in both:
            if connection is not None and connection.serving is not None:
                connection.serving.pace_changed()

    def ask_snapshot(self, feed: BookFeed) -> None:
        """Have whichever epoch serves fetch a snapshot."""
        self.connection.ask_snapshot(feed)


class Links:
    """
    Makes connections, places streams on them and forgets those that nobody wants.

    Args:
        ground: what all of them stand on.
        resync_clock: called when the exchange says that our clock is wrong.
    """

    def __init__(self, ground: Ground, resync_clock: Callable[[], None]) -> None:
        self.all: Mapping[str, Link] = MappingProxyType({})
        self.held_down: frozenset[str] = frozenset()
        """Connections that an operator wants down, streams or not, until they are asked for again."""
        self._manual: frozenset[str] = frozenset()
        """Connections that are not dialled again when they end by themselves."""
        self._fatal: dict[str, str] = {}
        """What only a person can help with, by connection, whether that is forgotten or not."""
        self._stopped = False
        self._ground = ground
        self._resync_clock = resync_clock
        self._endpoints = {endpoint.name: endpoint for endpoint in ground.info.endpoints}
        self._loop = asyncio.get_running_loop()

    def place(self, route: Route) -> Link:
        """Return the connection that shall carry the stream of ``route``, made if there is none with room."""
        endpoint = self._endpoints[route.endpoint]
        if route.account is not None:
            return self.get(endpoint, 0, route.account)
        shards = {
            int(link.connection.id.rpartition("/")[2]): link.connection.feeds
            for link in self.all.values()
            if link.connection.endpoint is endpoint and link.connection.account is None
        }
        return self.get(endpoint, shard_for(route.stream, shards, endpoint.max_streams))

    def get(self, endpoint: Endpoint, number: int, account: str | None = SHARED) -> Link:
        """Return a connection by its place, made if there is none."""
        place = f"{endpoint.name}/{number}" if account is None else f"{endpoint.name}@{account}"
        connection_id = f"{self._ground.exchange}/{place}"
        link = self.all.get(connection_id)
        if link is None:
            link = self._make(connection_id, endpoint, account)
            self.all = MappingProxyType({**self.all, connection_id: link})
        return link

    def bring_up(self, link: Link) -> None:
        """
        A stream wants ``link`` up: it is, unless an operator or a fault that needs one keeps it down.

        In the latter case its streams are told why, at once.
        """
        id_ = link.connection.id
        if id_ in self.held_down or link.supervisor.wanted:
            return
        if id_ in self._fatal:
            self._refuse(link, self._fatal[id_], self._ground.wall_us())
        else:
            link.supervisor.connect(lasting=True)

    def let_go(self, link: Link) -> None:
        """A wish for ``link`` has ended: without any other it is closed, and then forgotten."""
        if not self._is_wanted(link):
            link.supervisor.disconnect()
            self._loop.call_soon(self._forget, link)

    # --- what operators ask for

    def connect(self, link: Link, *, retry: bool, anew: bool) -> "asyncio.Future[bool]":
        """Want ``link`` up; without ``retry`` an attempt that fails leaves nothing of that wish."""
        self.held_down -= {link.connection.id}
        link.pinned = link.pinned or retry
        link.hopes += 1
        hope = link.supervisor.connect(lasting=retry, anew=anew)
        hope.add_done_callback(partial(self._answered, link))
        return hope

    def hold_down(self, connection_id: str) -> "asyncio.Future[None] | None":
        """Want a connection down until it is asked for again; :obj:`None` if it is not even there."""
        self.held_down |= {connection_id}
        link = self.all.get(connection_id)
        if link is None:
            return None
        link.pinned = False
        farewell = link.supervisor.disconnect()
        farewell.add_done_callback(lambda _: self.let_go(link))
        return farewell

    def reconnect(self, connection_id: str) -> bool:
        """End a connection's present epoch and let the next follow; false if there is none."""
        link = self.all.get(connection_id)
        return link is not None and link.supervisor.reconnect(Reason.ASKED, "asked for")

    def roll(self, connection_id: str) -> "asyncio.Future[bool]":
        """Have a second connection take over from one that serves; known at once if there is none."""
        link = self.all.get(connection_id)
        return known(value=False) if link is None else link.supervisor.roll("asked for")

    def set_auto(self, connection_id: str, *, enabled: bool) -> None:
        """Say whether a connection that ends by itself is dialled again, now and whenever it exists."""
        self._manual = self._manual - {connection_id} if enabled else self._manual | {connection_id}
        if link := self.all.get(connection_id):
            link.supervisor.set_auto(enabled=enabled)

    def _answered(self, link: Link, hope: "asyncio.Future[bool]") -> None:
        link.hopes -= 1
        if hope.result() and link.supervisor.wanted:
            link.pinned = True
        self.let_go(link)

    # --- their life

    async def stop(self) -> None:
        """Close all, at once, and wait for it; what is asked for later is not dialled."""
        self._stopped = True
        tasks = [link.task for link in self.all.values()]
        for link in self.all.values():
            link.supervisor.close()
        if tasks:
            await asyncio.wait(tasks)

    def _make(self, connection_id: str, endpoint: Endpoint, account: str | None) -> Link:
        ground = self._ground
        target = ground.target(endpoint.name, account)
        connection = Connection(connection_id, endpoint, account, target)
        connection.ledger.ack_timeout = ground.pace.ack_timeout
        link = Link(connection, Judge(connection_id, target, ground, self._resync_clock))
        ground.registry.add(connection_id, ground.exchange, endpoint.name, account)
        link.supervisor = Supervisor(
            connection_id,
            ground.registry,
            lambda number, ties: Epoch(number, link.connection, ground, link.judge, ties),
            partial(self._decide, link),
            ground.observer,
            ground.wall_us,
            self._changed,
            self._rolling(link),
        )
        link.supervisor.auto = connection_id not in self._manual
        if self._stopped:
            link.supervisor.close()
        link.task = asyncio.create_task(link.supervisor.run(), name=f"gateway supervisor {connection_id}")
        link.task.add_done_callback(partial(self._ended, connection_id))
        return link

    @staticmethod
    def _decide(link: Link, fault: GatewayError) -> Retry | GiveUp:
        return link.judge.decide(fault, worked=link.connection.worked)

    def _rolling(self, link: Link) -> Rolling:
        def make(number: int, ties: Ties) -> Candidate:
            return Candidate(number, link, self._ground, ties)

        return Rolling(make, link.judge.wait_before_another, Backoff(self._ground.rng, base=SHORTEST, cap=LONGEST))

    def _changed(self, change: Change) -> None:
        link = self.all.get(change.connection_id)
        if link is None:
            return
        if change.after is S.CONNECTING:
            self._fatal.pop(change.connection_id, None)
            for feed in link.connection.feeds.values():
                if feed.status is TopicStatus.CLOSED:
                    feed.wanted(change.at_us)
        elif change.after is S.DISCONNECTED:
            if self._ground.registry.snapshot.supervised[change.connection_id].fatal:
                self._fatal[change.connection_id] = change.text
                self._refuse(link, change.text, change.at_us)
            self._loop.call_soon(self._forget, link)

    @staticmethod
    def _refuse(link: Link, why: str, at_us: int) -> None:
        for feed in link.connection.feeds.values():
            if feed.status is not TopicStatus.CLOSED:
                feed.refused(why or Reason.STOPPED, at_us)

    @staticmethod
    def _is_wanted(link: Link) -> bool:
        return bool(link.connection.feeds or link.pinned or link.hopes)

    def _forget(self, link: Link) -> None:
        """Drop a connection that is down and that nobody wants, with all that was known of it."""
        id_ = link.connection.id
        if self._is_wanted(link) or link.supervisor.wanted or self.all.get(id_) is not link:
            return
        if link.supervisor.state is S.DISCONNECTED:
            link.supervisor.close()
            self._ground.registry.remove(id_)
            self.all = MappingProxyType({other: one for other, one in self.all.items() if one is not link})

    def _ended(self, connection_id: str, task: "asyncio.Task[None]") -> None:
        """A supervisor ends only when it is told to; anything else is a defect of ours and is said aloud."""
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._ground.observer.noticed(connection_id, 0, "internal_error", error=repr(exc))
