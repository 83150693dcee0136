"""
What the running gateway tells of itself, field by field: plain dicts, fit for JSON, and described by their types.

REST answers with these as they are, and its description is made of them. ``_us`` are microseconds
since 1970.
"""

from typing import Any, Literal, NotRequired, TypedDict


class ChangeDetails(TypedDict):
    """One step of a connection's life."""

    epoch: int
    before: str
    after: str
    reason: str
    text: str
    at_us: int


class AgeDetails(TypedDict):
    """
    Seconds since something last came, in whichever epoch; null where nothing did.

    ``streams`` since each one's last datum, ``round_trip`` of this epoch's last ping.
    """

    message: float | None
    pong: float | None
    round_trip: float | None
    streams: dict[str, float | None]


class Diagnosis(TypedDict):
    """What is probably wrong with a connection though it is up."""

    reason: str
    text: str


class ConnectionDetails(TypedDict):
    """One connection; ``history`` has its last changes, newest last."""

    id: str
    exchange: str
    endpoint: str
    account: str | None
    state: Literal["DISCONNECTED", "CONNECTING", "CONNECTED", "DISCONNECTING", "ERROR", "RECONNECTING"]
    phase: str | None
    epoch: int
    since_us: int
    reason: str | None
    text: str
    fatal: bool
    retry_at_us: int | None
    is_connected: bool
    is_healthy: bool
    unhealthy_because: str
    draining: bool
    diagnosis: Diagnosis | None
    heartbeat_interval: float | None
    ages: AgeDetails
    streams: int
    unasked: dict[str, int]
    counters: dict[str, int]
    history: list[ChangeDetails]


class InstrumentDetails(TypedDict):
    """One thing that is traded; ``native`` is the exchange's own spelling of ``symbol``."""

    symbol: str
    native: str
    base: str
    quote: str
    status: NotRequired[str]
    tick_size: NotRequired[str]
    lot_size: NotRequired[str]


class ListingDetails(InstrumentDetails):
    """What became of one instrument, as it is now or was last."""

    what: Literal["listed", "delisted", "changed"]
    at_us: int


class LimitDetails(TypedDict):
    """How much of a limit of this address is used, and allowed."""

    used: int
    allowed: int


class ExchangeDetails(TypedDict):
    """One exchange; one that could not be started has ``id`` and ``problem`` alone."""

    id: NotRequired[str]
    environment: NotRequired[str]
    heartbeat_interval: NotRequired[float | None]
    channels: NotRequired[list[str]]
    instruments: NotRequired[int]
    listings: NotRequired[list[ListingDetails]]
    connections: NotRequired[list[str]]
    limits: NotRequired[dict[str, LimitDetails]]
    problem: str


class StandingDetails(TypedDict):
    """A subscription that stands; ``is_new`` only where it was just made."""

    topic: str
    origin: Literal["configuration", "api"]
    created_us: int | None
    status: str | None
    problem: str
    is_new: NotRequired[bool]


class ConfigurationShown(TypedDict):
    """What is in effect, and the keys whose new values wait for a restart."""

    config: dict[str, Any]
    needs_restart: list[str]


class ConfigurationRead(TypedDict):
    """What came of reading the configuration anew, or would."""

    dry_run: bool
    applied: list[str]
    needs_restart: list[str]


class KeyDetails(TypedDict):
    """
    What an account's key may do, where the exchange says.

    ``withdrawal`` is whatever takes assets out of the account; one that is ``address_bound`` works
    from some addresses alone. ``excess`` has what it may do without need.
    """

    trading: bool | None
    withdrawal: bool | None
    address_bound: bool | None
    excess: list[str]


class AccountDetails(TypedDict):
    """
    One account; ``connection`` is the one that is meant by asking for the account.

    ``connections`` are all that there are now. Without a ``problem`` it can be asked for.
    ``key`` is null until the exchange has told what it may do.
    """

    id: str
    exchange: str
    connection: str | None
    connections: list[str]
    state: str
    is_connected: bool
    is_healthy: bool
    held_down: bool
    key: KeyDetails | None
    problem: str


class PluginDetails(TypedDict):
    """One plugin; one that was handed over by a program has no ``distribution``, ``version`` or ``code``."""

    id: str
    distribution: str | None
    version: str | None
    code: str | None
    is_loaded: bool
    problem: str
