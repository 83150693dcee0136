"""Which of an endpoint's connections for everybody carries a stream."""

from collections.abc import Iterable

from gateway.engine.shards import shard_for
from gateway.runtime.link import Link
from gateway.spi.contract import Endpoint


def number_for(stream: str, endpoint: Endpoint, links: Iterable[Link]) -> int:
    """Return its number; there may be no such connection yet. One that drains keeps the streams that it has."""
    shared = {
        int(link.connection.id.rpartition("/")[2]): link
        for link in links
        if link.connection.endpoint is endpoint and link.connection.account is None
    }
    shards = {number: link.connection.feeds for number, link in shared.items()}
    drained = frozenset(number for number, link in shared.items() if link.draining)
    return shard_for(stream, shards, endpoint.max_streams, drained)
