"""Which numbers of a running gateway make which metrics. Read on the event loop, when somebody asks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from gateway.app.portrait import unhealthy
from gateway.engine.hub import Hub
from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.registry import ConnectionRegistry
from gateway.engine.topics import Topic
from gateway.model.states import ConnectionState as S
from gateway.runtime.connection import Connection, Counters
from gateway.runtime.exchange import Exchange
from gateway.telemetry.metrics import catalogue as m
from gateway.telemetry.metrics.model import Metric, Sample

COUNTED: Final[tuple[tuple[Metric, str], ...]] = (
    (m.DIALS, "dials"),
    (m.FRAMES_RECEIVED, "messages_received"),
    (m.BYTES_RECEIVED, "bytes_received"),
    (m.FRAMES_SENT, "messages_sent"),
    (m.BYTES_SENT, "bytes_sent"),
    (m.PINGS, "pings_sent"),
    (m.PONGS, "pongs_received"),
    (m.DECODED, "decoded"),
    (m.UNDECODABLE, "undecodable"),
    (m.UNHEARD, "unheard"),
    (m.FAILED_SNAPSHOTS, "failed_snapshots"),
    (m.FILLED, "filled"),
    (m.UNFILLED, "unfilled"),
)
"""Counters of connections, added up for each exchange."""


class Metering:
    """
    Reads what a gateway counts of its exchanges and topics.

    Args:
        exchanges: those that run, by id.
        broken: why others do not, by id.
        registry: the connections' states.
        hub: all topics.
    """

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        broken: Mapping[str, str],
        registry: ConnectionRegistry,
        hub: Hub,
    ) -> None:
        self._exchanges = exchanges
        self._broken = broken
        self._registry = registry
        self._hub = hub

    def read(self) -> Iterator[Sample]:
        """Tell all of it."""
        topics: dict[str, list[Topic]] = {id_: [] for id_ in self._exchanges}
        for topic in self._hub.topics.values():
            topics[topic.subscription.exchange].append(topic)
        for id_, exchange in self._exchanges.items():
            yield m.EXCHANGE_UP, (id_,), 1
            yield from self._connections(id_, exchange)
            yield from _traffic(id_, exchange)
            yield from _limits(id_, exchange)
            yield from self._topics(id_, topics[id_])
        for id_ in self._broken:
            yield m.EXCHANGE_UP, (id_,), 0

    def _connections(self, id_: str, exchange: Exchange) -> Iterator[Sample]:
        supervised = self._registry.snapshot.supervised
        known = [
            (supervised[link_id], link) for link_id, link in exchange.links.all.items() if link_id in supervised
        ]
        states = Counter(view.state for view, _ in known)
        for state in S:
            yield m.CONNECTIONS, (id_, state.value), states[state]
        now, pace = exchange.ground.now(), exchange.ground.pace
        yield m.HEALTHY, (id_,), sum(not unhealthy(view, link, pace, now) for view, link in known)
        yield m.STREAMS, (id_,), sum(len(link.connection.feeds) for _, link in known)
        up = [link.connection for view, link in known if view.state is S.CONNECTED]
        yield m.WAITING, (id_,), sum(one.waiting for one in up)
        yield from _ages(id_, up, now)

    def _topics(self, id_: str, topics: Iterable[Topic]) -> Iterator[Sample]:
        flow = self._hub.flow(id_)
        statuses, listeners = Counter[TopicStatus](), 0
        for topic in topics:
            statuses[topic.status] += 1
            listeners += topic.listeners
        for status in TopicStatus:
            yield m.TOPICS, (id_, status.value), statuses[status]
        yield m.LISTENERS, (id_,), listeners
        published, encoded = flow.counted(topics)
        yield m.PUBLISHED, (id_,), published
        yield m.ENCODED, (id_,), encoded
        for told in (*TopicStatus, *TopicEvent):
            yield m.TOLD, (id_, told.value), flow.told[told]
        yield m.TRANSIT, (id_,), flow.transit


def _ages(id_: str, up: Sequence[Connection], now: float) -> Iterator[Sample]:
    """Tell of the worst of all connections that are up: one by one they would be as many as streams need."""
    messages = [now - max(one.connected_at, one.ages.message_at or 0.0) for one in up if one.feeds]
    pongs = [now - max(one.connected_at, one.ages.pong_at or 0.0) for one in up if one.ages.has_pongs]
    if messages:
        yield m.MESSAGE_AGE, (id_,), max(messages)
    if pongs:
        yield m.PONG_AGE, (id_,), max(pongs)


def _traffic(id_: str, exchange: Exchange) -> Iterator[Sample]:
    sums = Counters()
    sums.add(exchange.links.past)
    for link in exchange.links.all.values():
        sums.add(link.connection.counted())
    for metric, name in COUNTED:
        yield metric, (id_,), getattr(sums, name)
    yield m.ROUND_TRIP, (id_,), exchange.ground.round_trips


def _limits(id_: str, exchange: Exchange) -> Iterator[Sample]:
    for name, (used, allowed) in exchange.used.items():
        yield m.LIMIT_USED, (id_, name), used
        yield m.LIMIT_ALLOWED, (id_, name), allowed
    yield m.INSTRUMENTS, (id_,), len(exchange.ground.instruments)
