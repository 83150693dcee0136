"""
The connections of one exchange: which exist, what each carries, and when one is given up.

A connection exists while a stream or an operator wants it. Event-loop only; the
map of all is replaced, never changed, so that other threads may read it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from gateway.engine.messages import TopicStatus
from gateway.engine.retry import GiveUp, Retry
from gateway.engine.shards import shard_for
from gateway.errors import GatewayError, Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.runtime.connection import Connection
from gateway.runtime.epoch import Epoch
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.supervisor import Supervisor
from gateway.spi.contract import Endpoint, Route

SHARED: Final[str | None] = None
"""The account of connections that are nobody's."""


@dataclass(slots=True, eq=False)
class Link:
    """
    One connection and the task that owns it.

    ``pinned`` tells that an operator wants it, streams or not.
    """

    connection: Connection
    supervisor: Supervisor
    judge: Judge
    task: "asyncio.Task[None]"
    pinned: bool = False


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
        self._ground = ground
        self._resync_clock = resync_clock
        self._endpoints = {endpoint.name: endpoint for endpoint in ground.info.endpoints}
        self._loop = asyncio.get_running_loop()

    def place(self, route: Route) -> Link:
        """Return the connection that shall carry the stream of ``route``, made if there is none with room."""
        endpoint = self.endpoint(route.endpoint)
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

    def endpoint(self, name: str) -> Endpoint:
        """
        Return what is declared of an endpoint.

        Raises:
            KeyError: If the exchange has none of that name.
        """
        return self._endpoints[name]

    def bring_up(self, link: Link) -> None:
        """A stream wants ``link`` up: it is, unless an operator or a fault that needs one keeps it down."""
        held_down = link.connection.id in self.held_down
        if not held_down and not link.supervisor.wanted and not self._is_fatal(link):
            link.supervisor.connect(lasting=True)

    def let_go(self, link: Link) -> None:
        """A wish for ``link`` has ended: without any other it is closed, and then forgotten."""
        if not link.connection.feeds and not link.pinned:
            link.supervisor.disconnect()
            self._loop.call_soon(self._forget, link)

    async def stop(self) -> None:
        """Close all, at once, and wait for it."""
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
        judge = Judge(connection_id, target, ground, self._resync_clock)
        ground.registry.add(connection_id, ground.exchange, endpoint.name, account)
        supervisor = Supervisor(
            connection_id,
            ground.registry,
            lambda number, up: Epoch(number, connection, ground, judge, up),
            partial(self._decide, judge, connection),
            ground.observer,
            ground.wall_us,
            self._changed,
        )
        task = asyncio.create_task(supervisor.run(), name=f"gateway supervisor {connection_id}")
        task.add_done_callback(partial(self._ended, connection_id))
        return Link(connection, supervisor, judge, task)

    @staticmethod
    def _decide(judge: Judge, connection: Connection, fault: GatewayError) -> Retry | GiveUp:
        return judge.decide(fault, worked=connection.worked)

    def _changed(self, change: Change) -> None:
        link = self.all.get(change.connection_id)
        if link is None:
            return
        if change.after is S.CONNECTING:
            for feed in link.connection.feeds.values():
                if feed.status is TopicStatus.CLOSED:
                    feed.wanted(change.at_us)
        elif change.after is S.DISCONNECTED:
            if self._is_fatal(link):
                for feed in link.connection.feeds.values():
                    feed.refused(change.text or Reason.STOPPED, change.at_us)
            self._loop.call_soon(self._forget, link)

    def _forget(self, link: Link) -> None:
        """Drop a connection that is down and that nobody wants, with all that was known of it."""
        connection = link.connection
        unwanted = not connection.feeds and not link.pinned and not link.supervisor.wanted
        if unwanted and self.all.get(connection.id) is link and link.supervisor.state is S.DISCONNECTED:
            link.supervisor.close()
            self._ground.registry.remove(connection.id)
            self.all = MappingProxyType({id_: one for id_, one in self.all.items() if one is not link})

    def _is_fatal(self, link: Link) -> bool:
        return self._ground.registry.snapshot.supervised[link.connection.id].fatal

    def _ended(self, connection_id: str, task: "asyncio.Task[None]") -> None:
        """A supervisor ends only when it is told to; anything else is a defect of ours and is said aloud."""
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._ground.observer.noticed(connection_id, 0, "internal_error", error=repr(exc))
