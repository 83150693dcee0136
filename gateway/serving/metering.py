"""Which numbers of a server make which metrics."""

from collections.abc import Iterator

from gateway.serving.figures import Figures
from gateway.telemetry.metrics import catalogue as m
from gateway.telemetry.metrics.model import Sample


def read(figures: Figures) -> Iterator[Sample]:
    """Tell what is counted of all clients."""
    present, sent = figures.present(), figures.sent()
    yield m.CLIENTS, (), present.clients
    yield m.LAGGING, (), present.lagging
    yield m.UNSENT, (), present.unsent
    yield m.MOST_UNSENT, (), present.most_unsent
    yield m.CAME, (), figures.came
    for why, clients in figures.ended.items():
        yield m.ENDED, (why,), clients
    yield m.CLIENT_MESSAGES, (), sent.messages
    yield m.CLIENT_BYTES, (), sent.bytes
    yield m.CLIENT_WRITES, (), sent.writes
    yield m.CONFLATED, (), sent.conflated
    yield m.DROPPED, (), sent.dropped
    yield m.DELIVERY, (), figures.delivery
