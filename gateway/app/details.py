"""
What the running gateway says of itself, in plain JSON-ready values.

Everything is read off immutable pictures and plain counters, so any thread may ask,
and asking stays cheap with a thousand connections. What is to be done is passed on,
on the event loop.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Final, cast

from gateway.app.departed import Departed
from gateway.app.portrait import farewell, portrait, step, totals, unhealthy
from gateway.engine.details import (
    ChangeDetails,
    ConnectionDetails,
    ExchangeDetails,
    InstrumentDetails,
    ListingDetails,
)
from gateway.engine.native import NativeExchange
from gateway.engine.operations import Details
from gateway.engine.registry import ConnectionRegistry, ConnectionView, RegistrySnapshot
from gateway.errors import Reason
from gateway.model.changes import Change
from gateway.model.instruments import Instrument
from gateway.model.states import ConnectionState as S
from gateway.runtime.exchange import Exchange
from gateway.runtime.link import Link
from gateway.runtime.links import Links
from gateway.runtime.listings import Listing

Told = tuple[ConnectionView, Sequence[ChangeDetails]]
_INSTRUMENT: Final = tuple(field.name for field in fields(Instrument))


class Observatory:
    """
    An :class:`~gateway.engine.operations.Operations`. Any thread may ask it; to do something, the event loop only.

    Args:
        exchanges: those that run, by id.
        broken: why others do not, by id.
        refused: why standing subscriptions cannot be had, by topic.
        registry: the connections' states.
        now: monotonic seconds.
        departed: what is remembered of connections that are over.
    """

    def __init__(  # what it reads from
        self,
        exchanges: Mapping[str, Exchange],
        broken: Mapping[str, str],
        refused: Mapping[str, str],
        registry: ConnectionRegistry,
        now: Callable[[], float],
        departed: Departed,
    ) -> None:
        self._exchanges = exchanges
        self._broken = broken
        self._refused = refused
        self._registry = registry
        self._now = now
        self._departed = departed
        self._told: Mapping[str, Told] = {}
        """What was told last of each connection's history, which need not be told anew while it stands still."""

    def get_connection_details(self) -> Mapping[str, Details]:
        """See :meth:`gateway.engine.operations.Operations.get_connection_details`."""
        linked = self._linked(self._registry.snapshot)
        self._told = {view.id: (view, self._steps(view)) for view, _ in linked}
        supervised = {view.id: self._portrait(view, link) for view, link in linked}
        return {**self._departed.all(self._now()), **supervised}

    def get_connection_info(self, connection_id: str) -> Details:
        """See :meth:`gateway.engine.operations.Operations.get_connection_info`."""
        view = self._registry.snapshot.supervised.get(connection_id)
        if view is None or (link := self._exchanges[view.exchange].links.all.get(connection_id)) is None:
            return self._departed.all(self._now()).get(connection_id, {})
        return self._portrait(view, link)

    def get_unhealthy_connections(self) -> Mapping[str, Details]:
        """Return those that are wanted and not healthy, with ``unhealthy_because``."""
        linked = self._linked(self._registry.snapshot)
        return {view.id: self._portrait(view, link) for view, link in linked if self._unhealthy(view, link)}

    def departs(self, connection_id: str) -> None:
        """Remember what is told of a connection that will be gone in the next step, if any is. Event-loop only."""
        if self._departed.keeps:
            self._departed.left(farewell(self.get_connection_info(connection_id)), self._now())

    def get_stats(self) -> Details:
        """See :meth:`gateway.engine.operations.Operations.get_stats`."""
        snapshot = self._registry.snapshot
        linked = self._linked(snapshot)
        states = Counter(str(view.state) for view in snapshot.supervised.values())
        return {
            "version": snapshot.version,
            "total_connections": len(snapshot.supervised),
            "live_connections": len(snapshot.live),
            "healthy_connections": sum(not self._unhealthy(view, link) for view, link in linked),
            "state_breakdown": {str(state): states[str(state)] for state in S},
            **totals(link for _, link in linked),
        }

    def get_instruments(self, exchange: str) -> Sequence[Details]:
        """See :meth:`gateway.engine.operations.Operations.get_instruments`."""
        return [_instrument(one) for one in self._exchanges[exchange].ground.instruments]

    def native(self, exchange: str) -> NativeExchange | None:
        """See :meth:`gateway.engine.operations.Operations.native`."""
        return self._exchanges[exchange].native()

    def get_exchange_details(self) -> Mapping[str, Details]:
        """See :meth:`gateway.engine.operations.Operations.get_exchange_details`."""
        running = {id_: self._exchange(exchange) for id_, exchange in self._exchanges.items()}
        broken = {id_: {"problem": problem} for id_, problem in self._broken.items()}
        return {**running, **broken}

    def problems(self) -> list[str]:
        """See :meth:`gateway.engine.operations.Operations.problems`."""
        wrong = [f"{id_} does not run: {problem}" for id_, problem in self._broken.items()]
        wrong += [f"{topic} cannot be had: {problem}" for topic, problem in tuple(self._refused.items())]
        wrong += [
            f"the instruments of {id_} {_absence(exchange.reference.problem)}"
            for id_, exchange in self._exchanges.items()
            if exchange.reference.has_list and not exchange.reference.is_listed
        ]
        for view, link in self._linked(self._registry.snapshot):
            if view.state is S.CONNECTED:
                wrong += [f"{view.id}: {text}" for text in [link.connection.diagnosis] if text]
            elif view.id not in self._exchanges[view.exchange].links.held_down:
                wrong.append(f"{view.id} is {view.state}" + self._cause(view))
        return wrong

    def _cause(self, view: ConnectionView) -> str:
        """Return why ``view`` is as it is; that the next attempt is due says nothing of what the last one met."""
        text, reason = view.text, view.reason
        if reason is Reason.RETRY_DUE:
            failed = next((one for one in reversed(self._history(view)) if one.after is S.ERROR), None)
            if failed is not None:
                text, reason = failed.text, failed.reason
        return f": {text or reason}" if reason else ""

    def rollover(self, connection_id: str) -> bool:
        """See :meth:`gateway.engine.operations.Operations.rollover`."""
        return not self._links(connection_id).roll(connection_id).done()

    def reconnect(self, connection_id: str) -> bool:
        """See :meth:`gateway.engine.operations.Operations.reconnect`."""
        return self._links(connection_id).reconnect(connection_id)

    def drain(self, connection_id: str) -> bool:
        """See :meth:`gateway.engine.operations.Operations.drain`."""
        return self._links(connection_id).drain(connection_id)

    def _links(self, connection_id: str) -> Links:
        links = self._exchanges[connection_id.partition("/")[0]].links
        if connection_id not in links.all:
            raise KeyError(connection_id)
        return links

    def _linked(self, snapshot: RegistrySnapshot) -> list[tuple[ConnectionView, Link]]:
        links = {id_: link for exchange in self._exchanges.values() for id_, link in exchange.links.all.items()}
        return [(view, links[view.id]) for view in snapshot.supervised.values() if view.id in links]

    def _unhealthy(self, view: ConnectionView, link: Link) -> str:
        return unhealthy(view, link, self._exchanges[view.exchange].ground.pace, self._now())

    def _portrait(self, view: ConnectionView, link: Link) -> ConnectionDetails:
        pace = self._exchanges[view.exchange].ground.pace
        return portrait(view, link, pace, self._steps(view), self._now())

    def _steps(self, view: ConnectionView) -> Sequence[ChangeDetails]:
        told = self._told.get(view.id)
        if told is not None and told[0] is view:
            return told[1][-self._registry.kept :]
        return [step(change) for change in self._history(view)]

    def _history(self, view: ConnectionView) -> tuple[Change, ...]:
        """Return the changes that led to ``view``; what has happened since belongs to the next picture."""
        try:
            changes = self._registry.history(view.id)
        except KeyError:  # it went away since the picture was taken
            return ()
        while changes and not _led_to(changes[-1], view):
            changes = changes[:-1]
        return changes

    def _exchange(self, exchange: Exchange) -> ExchangeDetails:
        ground = exchange.ground
        return {
            "environment": ground.environment,
            "heartbeat_interval": ground.pace.heartbeat_interval,
            "channels": [channel.name for channel in ground.info.channels],
            "instruments": len(ground.instruments),
            "listings": [_listing(one) for one in exchange.reference.listings.recent],
            "connections": sorted(exchange.links.all),
            "limits": {
                name: {"used": units, "allowed": allowed} for name, (units, allowed) in exchange.used.items()
            },
            "problem": exchange.reference.problem,
        }


def _listing(listing: Listing) -> ListingDetails:
    change = listing.change
    told = {"what": change.what, **_instrument(change.instrument), "at_us": listing.at_us}
    return cast("ListingDetails", told)


def _instrument(instrument: Instrument) -> InstrumentDetails:
    facts = ((name, getattr(instrument, name)) for name in _INSTRUMENT)
    return cast("InstrumentDetails", {name: value for name, value in facts if value is not None})


def _absence(problem: str) -> str:
    return f"cannot be had: {problem}" if problem else "are being fetched"


def _led_to(change: Change, view: ConnectionView) -> bool:
    return (change.epoch, change.after, change.at_us) == (view.epoch, view.state, view.since_us)
