"""
The connections of one exchange: which exist, what each carries, and when one is given up.

A connection exists while a stream or an operator wants it. Event-loop only; the
map of all is replaced, never changed, so that other threads may read it.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from types import MappingProxyType
from typing import Final

from gateway.engine.messages import TopicStatus
from gateway.engine.observer import DRAIN
from gateway.engine.retry import Backoff, GiveUp, Retry
from gateway.engine.topics import Topic
from gateway.errors import GatewayError, Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.runtime.attempt import Ties
from gateway.runtime.candidate import Candidate
from gateway.runtime.connection import Connection, Counters
from gateway.runtime.epoch import Epoch
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.link import Link
from gateway.runtime.placing import number_for
from gateway.runtime.rights import Rights
from gateway.runtime.rollover import LONGEST, SHORTEST, Rolling
from gateway.runtime.supervisor import Supervisor
from gateway.runtime.waiting import known
from gateway.spi.contract import Endpoint, Route

SHARED: Final[str | None] = None
"""The account of connections that are nobody's."""
OUTDATED: Final = "its account's credentials are others"


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
        self.past = Counters()
        """What connections that were forgotten have counted."""
        self.rights = Rights(ground)
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
        return self.get(endpoint, number_for(route.stream, endpoint, self.all.values()))

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
            link.supervisor.connect(lasting=True, why=Reason.SUBSCRIBED)

    def let_go(self, link: Link) -> None:
        """A wish for ``link`` has ended: without any other it is closed, and then forgotten."""
        if not link.is_wanted:
            self._tell_drained(link)
            link.supervisor.disconnect(Reason.IDLE)
            self._loop.call_soon(self._forget, link)

    # --- what operators ask for

    def connect(self, link: Link, *, retry: bool, anew: bool) -> "asyncio.Future[bool]":
        """Want ``link`` up; without ``retry`` an attempt that fails leaves nothing of that wish."""
        self.held_down -= {link.connection.id}
        link.pinned, link.draining, link.drained_us = link.pinned or retry, False, None
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

    def drain(self, connection_id: str) -> bool:
        """
        Have new streams go elsewhere; it closes with the last that it has. False if there is no elsewhere.

        Raises:
            KeyError: If there is no such connection.
        """
        link = self.all[connection_id]
        link.draining = link.connection.account is None
        if link.draining:
            link.pinned = False
            link.drained_us = link.drained_us or self._ground.wall_us()
            self.let_go(link)
        return link.draining

    def roll(self, connection_id: str) -> "asyncio.Future[bool]":
        """Have a second connection take over from one that serves; known at once if there is none."""
        link = self.all.get(connection_id)
        return known(value=False) if link is None else link.supervisor.roll("asked for")

    def set_auto(self, connection_id: str, *, enabled: bool) -> None:
        """Say whether a connection that ends by itself is dialled again, now and whenever it exists."""
        self._manual = self._manual - {connection_id} if enabled else self._manual | {connection_id}
        if link := self.all.get(connection_id):
            link.supervisor.set_auto(enabled=enabled)

    def _tell_drained(self, link: Link) -> None:
        begun_us, link.drained_us = link.drained_us, None
        view = self._ground.registry.snapshot.supervised.get(link.connection.id)
        if begun_us is not None and view is not None:
            at_us = self._ground.wall_us()
            self._ground.observer.noticed(view.id, view.epoch, DRAIN, begun_us=begun_us, at_us=at_us)

    def _answered(self, link: Link, hope: "asyncio.Future[bool]") -> None:
        link.hopes -= 1
        if hope.result() and link.supervisor.wanted:
            link.pinned = True
        self.let_go(link)

    # --- what a changed configuration asks for

    def pace_changed(self) -> None:
        """The operator's settings of the exchange are others: they hold from now on."""
        for link in self.all.values():
            link.pace_changed()

    def forgive(self) -> None:
        """Try what only a person could help with again, where it is still wanted: a person has acted."""
        fatal, self._fatal = self._fatal, {}
        for id_, link in self.all.items():
            if link.is_outdated:
                link.supervisor.roll(OUTDATED)
            if id_ in fatal and link.is_wanted:
                self.bring_up(link)

    def log_in_anew(self, account: str) -> None:
        """The credentials of ``account`` are others: its connections take them up, if they can without a gap."""
        self._fatal = {id_: why for id_, why in self._fatal.items() if not _is_of(account, id_)}
        self.rights.forget(account)
        for link in self._of(account):
            link.target = link.judge.target = self._ground.target(link.connection.endpoint.name, account)
            if link.supervisor.roll(OUTDATED).done():  # it does not serve
                link.supervisor.reconnect(Reason.ASKED, OUTDATED)
            if link.is_wanted:
                self.bring_up(link)

    def dismiss(self, account: str) -> None:
        """``account`` is gone: close its connections, which no stream wants any more, and forget them."""
        self.held_down = frozenset(id_ for id_ in self.held_down if not _is_of(account, id_))
        self._manual = frozenset(id_ for id_ in self._manual if not _is_of(account, id_))
        self._fatal = {id_: why for id_, why in self._fatal.items() if not _is_of(account, id_)}
        self.rights.forget(account)
        for link in self._of(account):
            link.pinned = False
            link.supervisor.disconnect()
            self._loop.call_soon(self._forget, link)

    def topics_of(self, account: str) -> list[Topic]:
        """Return every topic that the connections of ``account`` feed."""
        feeds = [feed for link in self._of(account) for feed in link.connection.feeds.values()]
        return [topic for feed in feeds for topic in feed.everyone()]

    def _of(self, account: str) -> list[Link]:
        return [link for link in self.all.values() if link.connection.account == account]

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
        link = Link(connection, Judge(connection_id, target, ground, self._resync_clock), target)
        ground.registry.add(connection_id, ground.exchange, endpoint.name, account)
        link.supervisor = Supervisor(
            connection_id,
            ground.registry,
            partial(self._epoch, link),
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

    def _epoch(self, link: Link, number: int, ties: Ties) -> Epoch:
        link.connection.target = link.target
        return Epoch(number, link.connection, self._ground, link.judge, ties)

    @staticmethod
    def _decide(link: Link, fault: GatewayError) -> Retry | GiveUp:
        return link.judge.decide(fault, worked=link.connection.worked)

    def _rolling(self, link: Link) -> Rolling:
        tried = link.target

        def make(number: int, ties: Ties) -> Candidate:
            nonlocal tried
            tried = link.target
            return Candidate(number, link, self._ground, ties)

        def wait_after(fault: GatewayError) -> float:
            wait = link.judge.wait_before_another(fault)
            return 0.0 if wait == inf and tried is not link.target else wait  # a person has acted meanwhile

        return Rolling(make, wait_after, Backoff(self._ground.rng, base=SHORTEST, cap=LONGEST))

    def _changed(self, change: Change) -> None:
        link = self.all.get(change.connection_id)
        if link is None:
            return
        if change.after is S.CONNECTING:
            self._fatal.pop(change.connection_id, None)
            for feed in link.connection.feeds.values():
                if feed.status is TopicStatus.CLOSED:
                    feed.wanted(change.at_us)
        elif change.after is S.CONNECTED:
            self._loop.call_soon(self._logged_in, link)  # when nothing is left of what led to it
        elif change.after is S.DISCONNECTED:
            if self._ground.registry.snapshot.supervised[change.connection_id].fatal:
                self._fatal[change.connection_id] = change.text
                self._refuse(link, change.text, change.at_us)
            for feed in link.connection.feeds.values():
                feed.put_off(change.at_us)
            self.rights.give_up(link)
            self._loop.call_soon(self._forget, link)

    @staticmethod
    def _refuse(link: Link, why: str, at_us: int) -> None:
        for feed in link.connection.feeds.values():
            if feed.status is not TopicStatus.CLOSED:
                feed.refused(why or Reason.STOPPED, at_us)

    def _logged_in(self, link: Link) -> None:
        """What was under way when the credentials changed may have come up with the former ones."""
        if link.is_outdated:
            link.supervisor.roll(OUTDATED)
        elif (
            self.all.get(link.connection.id) is link and link.supervisor.state is S.CONNECTED and not self._stopped
        ):
            self.rights.look(link)

    def _forget(self, link: Link) -> None:
        """Drop a connection that is down and that nobody wants, with all that was known of it."""
        id_ = link.connection.id
        if link.is_wanted or link.supervisor.wanted or self.all.get(id_) is not link:
            return
        if link.supervisor.state is S.DISCONNECTED:
            link.supervisor.close()
            self.past.add(link.connection.counted())
            self._ground.departs(id_)
            self._ground.registry.remove(id_)
            self.all = MappingProxyType({other: one for other, one in self.all.items() if one is not link})

    def _ended(self, connection_id: str, task: "asyncio.Task[None]") -> None:
        """A supervisor ends only when it is told to; anything else is a defect of ours and is said aloud."""
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._ground.observer.noticed(connection_id, 0, "internal_error", error=repr(exc))


def _is_of(account: str, connection_id: str) -> bool:
    return connection_id.endswith(f"@{account}")
