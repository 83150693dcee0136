"""
What the running gateway says of itself, in plain JSON-ready values.

Everything is read off immutable pictures and plain counters, so any thread may ask,
and asking stays cheap with a thousand connections. What is to be done is passed on,
on the event loop.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from gateway.engine.liveness import unhealthy_because
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
    """

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        broken: Mapping[str, str],
        refused: Mapping[str, str],
        registry: ConnectionRegistry,
        now: Callable[[], float],
    ) -> None:
        self._exchanges = exchanges
        self._broken = broken
        self._refused = refused
        self._registry = registry
        self._now = now

    def get_connection_details(self) -> Mapping[str, Details]:
        """See :meth:`gateway.engine.operations.Operations.get_connection_details`."""
        snapshot = self._registry.snapshot
        return {view.id: self._info(view, link) for view, link in self._linked(snapshot)}

    def get_connection_info(self, connection_id: str) -> Details:
        """Return what :meth:`get_connection_details` has of one connection; empty if it is not there."""
        view = self._registry.snapshot.supervised.get(connection_id)
        if view is None or (link := self._exchanges[view.exchange].links.all.get(connection_id)) is None:
            return {}
        return self._info(view, link)

    def get_unhealthy_connections(self) -> Mapping[str, Details]:
        """Return those of :meth:`get_connection_details` that are not healthy, with ``unhealthy_because``."""
        return {id_: one for id_, one in self.get_connection_details().items() if not one["is_healthy"]}

    def get_stats(self) -> Details:
        """See :meth:`gateway.engine.operations.Operations.get_stats`."""
        snapshot = self._registry.snapshot
        linked = self._linked(snapshot)
        totals: Counter[str] = Counter()
        for _, link in linked:
            totals.update(asdict(link.connection.counted()))
        states = Counter(str(view.state) for view in snapshot.supervised.values())
        return {
            "version": snapshot.version,
            "total_connections": len(snapshot.supervised),
            "live_connections": len(snapshot.live),
            "healthy_connections": sum(not self._unhealthy(view, link) for view, link in linked),
            "state_breakdown": {str(state): states[str(state)] for state in S},
            **{name: totals[name] for name in sorted(totals)},
        }

    def get_instruments(self, exchange: str) -> Sequence[Details]:
        """See :meth:`gateway.engine.operations.Operations.get_instruments`."""
        return [_instrument(one) for one in self._exchanges[exchange].ground.instruments]

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

    def _links(self, connection_id: str) -> Links:
        links = self._exchanges[connection_id.partition("/")[0]].links
        if connection_id not in links.all:
            raise KeyError(connection_id)
        return links

    def _linked(self, snapshot: RegistrySnapshot) -> list[tuple[ConnectionView, Link]]:
        links = {id_: link for exchange in self._exchanges.values() for id_, link in exchange.links.all.items()}
        return [(view, links[view.id]) for view in snapshot.supervised.values() if view.id in links]

    def _unhealthy(self, view: ConnectionView, link: Link) -> str:
        connection, pace = link.connection, self._exchanges[view.exchange].ground.pace
        return unhealthy_because(
            connected=view.state is S.CONNECTED,
            ages=connection.ages,
            since=connection.connected_at,
            now=self._now(),
            rhythms=connection.rhythms,
            ping_timeout=pace.ping_timeout,
            message_timeout=pace.message_timeout,
            heartbeat_interval=connection.heartbeat_interval,
            paced_at=connection.paced_at,
        )

    def _info(self, view: ConnectionView, link: Link) -> Details:
        connection = link.connection
        unhealthy = self._unhealthy(view, link)
        return {
            "id": view.id,
            "exchange": view.exchange,
            "endpoint": view.endpoint,
            "account": view.account,
            "state": str(view.state),
            "phase": None if view.phase is None else str(view.phase),
            "epoch": view.epoch,
            "since_us": view.since_us,
            "reason": None if view.reason is None else str(view.reason),
            "text": view.text,
            "fatal": view.fatal,
            "retry_at_us": view.retry_at_us,
            "is_connected": view.state is S.CONNECTED,
            "is_healthy": not unhealthy,
            "unhealthy_because": unhealthy,
            "diagnosis": _diagnosis(connection.diagnosis),
            "heartbeat_interval": connection.heartbeat_interval,
            "ages": self._ages(link),
            "streams": len(connection.feeds),
            "unasked": dict(connection.unasked),
            "counters": asdict(connection.counted()),
            "history": [_step(change) for change in self._history(view)],
        }

    def _history(self, view: ConnectionView) -> tuple[Change, ...]:
        """Return the changes that led to ``view``; what has happened since belongs to the next picture."""
        try:
            changes = self._registry.history(view.id)
        except KeyError:  # it went away since the picture was taken
            return ()
        while changes and not _led_to(changes[-1], view):
            changes = changes[:-1]
        return changes

    def _ages(self, link: Link) -> dict[str, Any]:
        ages, now = link.connection.ages, self._now()
        return {
            "message": _age(ages.message_at, now),
            "pong": _age(ages.pong_at, now),
            "round_trip": None if ages.round_trip is None else round(ages.round_trip, 6),
            "streams": {stream: _age(at, now) for stream, at in ages.streams.items()},
        }

    def _exchange(self, exchange: Exchange) -> Details:
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


def _listing(listing: Listing) -> Details:
    change = listing.change
    return {"what": change.what, **_instrument(change.instrument), "at_us": listing.at_us}


def _instrument(instrument: Instrument) -> Details:
    facts = ((name, getattr(instrument, name)) for name in _INSTRUMENT)
    return {name: value for name, value in facts if value is not None}


def _diagnosis(text: str) -> Details | None:
    return {"reason": str(Reason.ENDPOINT_MOVED), "text": text} if text else None


def _absence(problem: str) -> str:
    return f"cannot be had: {problem}" if problem else "are being fetched"


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 3)


def _led_to(change: Change, view: ConnectionView) -> bool:
    return (change.epoch, change.after, change.at_us) == (view.epoch, view.state, view.since_us)


def _step(change: Change) -> dict[str, Any]:
    return {
        "epoch": change.epoch,
        "before": str(change.before),
        "after": str(change.after),
        "reason": str(change.reason),
        "text": change.text,
        "at_us": change.at_us,
    }
