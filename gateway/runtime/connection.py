"""What lasts of a connection while epochs come and go: its streams, their wishes and its counters."""

from dataclasses import dataclass, field

from gateway.engine.feeds import Feed
from gateway.engine.ledger import StreamLedger
from gateway.engine.liveness import Ages
from gateway.spi.contract import Endpoint, Target


@dataclass(slots=True)
class Counters:
    """Plain numbers since the connection was first wanted; read whenever somebody asks."""

    dials: int = 0
    messages_received: int = 0
    bytes_received: int = 0
    messages_sent: int = 0
    bytes_sent: int = 0
    pings_sent: int = 0
    pings_received: int = 0
    pongs_received: int = 0
    undecodable: int = 0
    unheard: int = 0
    late: int = 0
    gaps: int = 0
    resyncs: int = 0


@dataclass(slots=True)
class Connection:
    """
    One lasting link. Owned by its supervisor's task; others read ``counters`` and ``ages``.

    ``feeds`` holds the listeners' side of every wanted stream, ``ledger`` what
    the exchange was asked and answered.
    """

    id: str
    endpoint: Endpoint
    account: str | None
    target: Target
    ledger: StreamLedger = field(default_factory=StreamLedger)
    feeds: dict[str, Feed] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    ages: Ages = field(default_factory=Ages)
    heartbeat_interval: float | None = None
    serving: int = 0
    """The epoch that is heard; 0 while there is none."""

    @property
    def is_full(self) -> bool:
        """Whether the exchange allows no further stream on it."""
        limit = self.endpoint.max_streams
        return limit is not None and len(self.feeds) >= limit
