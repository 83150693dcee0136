"""What all connections of one exchange stand on: handed in, never looked up."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.engine.absence import Names
from gateway.engine.budgets import Budgets
from gateway.engine.histogram import TRANSIT, Histogram
from gateway.engine.observer import REQUEST, Observer
from gateway.engine.registry import ConnectionRegistry
from gateway.errors import Reason
from gateway.model.instruments import Instruments
from gateway.net.transport import Network
from gateway.spi.contract import ExchangeInfo, Scope, Target

if TYPE_CHECKING:
    from gateway.host import Binding

SCHEMES: Final = {"ws": ("websocket", 80), "wss": ("websocket", 443), "http": ("http", 80), "https": ("http", 443)}
"""The protocol of a URL, and its usual port."""


@dataclass(slots=True, kw_only=True)
class Pace:
    """
    The operator's settings of one exchange, seconds; changeable while it runs.

    ``heartbeat_interval`` :obj:`None` leaves it to the session and the plugin.
    ``rollover_window`` is when connections are replaced, in seconds after
    midnight, UTC; :obj:`None` for whenever it is due.
    """

    heartbeat_interval: float | None = None
    ping_timeout: float = 60.0
    message_timeout: float = 120.0
    ack_timeout: float = 5.0
    rollover_window: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """An exchange wants to hear nothing of ``scope`` until ``until_us``, wall time in microseconds."""

    exchange: str
    scope: Scope
    account: str | None
    until_us: int
    reason: Reason


def forget(_: object) -> None:
    """Remember nothing."""


@dataclass(slots=True, kw_only=True)
class Ground:
    """
    One exchange's plugin, network, limits and clocks.

    ``now`` is monotonic seconds, ``wall_us`` wall time in microseconds.
    ``target`` makes the target of an endpoint and an account. ``instruments``
    is replaced when the list is refreshed. ``banned`` is told of whatever must
    be heeded after a restart too, ``departs`` of a connection's id in the step in
    which it is forgotten. ``names`` tells which hosts' names are found. ``round_trips``
    counts how long pongs took.
    """

    exchange: str
    environment: str
    info: ExchangeInfo
    binding: "Binding"
    network: Network
    budgets: Budgets
    registry: ConnectionRegistry
    observer: Observer
    target: Callable[[str, str | None], Target]
    now: Callable[[], float]
    wall_us: Callable[[], int]
    rng: Random
    pace: Pace = field(default_factory=Pace)
    instruments: Instruments = field(default_factory=Instruments)
    banned: Callable[[Quiet], None] = forget
    departs: Callable[[str], None] = forget
    names: Names = field(default_factory=Names)
    round_trips: Histogram = field(default_factory=lambda: Histogram(TRANSIT))

    def asked(self, url: str, status: int | None = None) -> None:
        """Tell traces of whom something was asked, and the HTTP status that came; of a URL they see no more."""
        with suppress(KeyError, ValueError):  # it is no URL, as whoever opens it will say
            parts = urlsplit(url)
            protocol, usual = SCHEMES[parts.scheme]
            where = {"host": parts.hostname or "", "port": parts.port or usual, "protocol": protocol}
            self.observer.noticed(self.exchange, 0, REQUEST, status=status, **where)
