"""The values that plugins and core exchange; what each field promises is decided here."""

import enum
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol

from gateway.errors import Reason
from gateway.spi.steps import Fetch, Frame, HttpReply, Step

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Rhythm(enum.StrEnum):
    """How a healthy stream sounds: always, with heartbeats, or only when something happens."""

    CONTINUOUS = "continuous"
    HEARTBEATED = "heartbeated"
    SPARSE = "sparse"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    A class of connections, or a REST host.

    ``urls`` has one base URL for each environment; its scheme (``wss``,
    ``https``) says which of the two it is. ``max_age`` and
    ``first_subscribe_within`` are seconds, ``max_frame`` bytes.
    """

    name: str
    urls: Mapping[str, str]
    max_age: float | None = None
    max_streams: int | None = None
    first_subscribe_within: float | None = None
    needs_subscription: bool = False
    max_frame: int = 4 * 1024 * 1024
    compress: bool = False
    private: bool = False


class Scope(enum.StrEnum):
    """Who shares a limit, or whom a verdict concerns."""

    REQUEST = "request"
    STREAM = "stream"
    SESSION = "session"
    CONNECTION = "connection"
    ENDPOINT = "endpoint"
    ACCOUNT = "account"
    IP = "ip"


@dataclass(frozen=True, slots=True)
class Limit:
    """
    At most ``count`` units in any ``per`` seconds, shared by everything within ``scope``.

    Names are global: two endpoints, or two plugins, may share a pool. Where
    ``counts_control_frames`` is set, pings and pongs take a unit each.
    ``usage_header`` names the reply header in which the exchange tells the
    units used, lower-case.
    """

    name: str
    count: int
    per: float
    scope: Literal[Scope.CONNECTION, Scope.ACCOUNT, Scope.IP] = Scope.IP
    counts_control_frames: bool = False
    usage_header: str | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """
    A kind of data that the exchange offers.

    ``variants`` lists the allowed ones; :obj:`None` among them allows leaving
    it out. ``contiguous`` promises that the records' integer ids have no holes,
    so that a hole is a loss.
    """

    name: str
    variants: frozenset[str | None] = frozenset({None})
    rhythm: Rhythm = Rhythm.SPARSE
    contiguous: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeInfo:
    """
    What a plugin declares of its exchange when it is loaded.

    ``spi_version`` must be written as a literal. ``options`` is the pydantic
    model of ``[plugins.options.<id>]``; :obj:`None` allows no options.
    """

    spi_version: int
    environments: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    channels: tuple[Channel, ...]
    limits: tuple[Limit, ...] = ()
    options: type[Any] | None = None


KeyType = Literal["hmac", "rsa", "ed25519"]
"""What an account's secret is: a text, or a private key."""


class Signer(Protocol):
    """
    Signs for one account without showing its secret.

    A method that needs a secret of another type raises ``LoginRefused``: only
    the operator can help.
    """

    @property
    def api_key(self) -> str:
        """The public half of the credentials."""

    @property
    def key_type(self) -> KeyType:
        """What the secret is."""

    def hmac_sha256(self, payload: bytes) -> bytes:
        """Return the digest of ``payload`` under the account's secret."""

    def hmac_sha512(self, payload: bytes) -> bytes:
        """Return the digest of ``payload`` under the account's secret."""

    def rsa_sha256(self, payload: bytes) -> bytes:
        """Return the signature of ``payload`` under the account's RSA key: PKCS#1 v1.5 over SHA-256."""

    def ed25519(self, payload: bytes) -> bytes:
        """Return the signature of ``payload`` under the account's Ed25519 key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    What is to be reached: handed to every hook.

    ``urls`` maps endpoint names to base URLs, the operator's overrides
    included. ``now`` tells the exchange's time in microseconds, ``nonce`` a
    number that strictly grows. ``options`` is an instance of the plugin's own
    model, or :obj:`None`.
    """

    exchange: str
    environment: str
    endpoint: str
    urls: Mapping[str, str]
    now: Callable[[], int] = field(repr=False)
    nonce: Callable[[], int] = field(repr=False)
    account: str | None = None
    options: Any = None
    signer: Signer | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """The native stream that serves a subscription: the unit that is asked for, acked and restored."""

    endpoint: str
    stream: str
    account: str | None = None


Settles = Literal["ack", "data", "sent"]
Op = Literal["subscribe", "unsubscribe", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    A frame to send on an open connection and what it settles.

    ``streams`` are those that it asks for or gives up; ``settles`` says what
    proves it done: the ack with the same ``id``, each stream's first datum, or
    the sending itself. ``cost`` names limits.
    """

    frame: Frame = field(repr=False)
    streams: tuple[str, ...] = ()
    op: Op = "other"
    id: int | str | None = None
    settles: Settles = "ack"
    cost: Mapping[str, int] = field(default_factory=dict)


class Action(enum.StrEnum):
    """What a verdict asks for."""

    RETRY = "retry"
    RESUBSCRIBE = "resubscribe"
    RECONNECT = "reconnect"
    RESYNC_CLOCK = "resync_clock"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    What an error means.

    ``after`` is seconds from now, ``until_us`` a wall time; the later of both
    holds. ``text`` is the exchange's own words, free of secrets.
    """

    action: Action
    scope: Scope = Scope.CONNECTION
    after: float | None = None
    until_us: int | None = None
    reason: Reason | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepalive:
    """
    Something to do every ``every`` seconds while the session lives; made at send time, judged on its reply.

    ``lasts`` is for how many seconds the session lives after it was done; while
    it does, what fails, or is answered with a verdict to retry, is done again
    soon. Without it a request that came to nothing ends the connection.
    """

    every: float
    make: Callable[[], Fetch | Request]
    judge: Callable[[HttpReply], Verdict | None] | None = None
    lasts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    What a handshake established; everything is optional.

    Seconds throughout. ``release`` is sent when the connection is given up.
    ``early`` holds frames that the handshake read but that belong to the data.
    ``details`` is the plugin's own and reaches its dialect.
    """

    heartbeat_interval: float | None = None
    heartbeat_timeout: float | None = None
    keepalives: tuple[Keepalive, ...] = ()
    expires_in: float | None = None
    release: Fetch | None = None
    early: tuple[bytes, ...] = ()
    details: Mapping[str, Any] = field(default_factory=lambda: NOTHING, repr=False)


Handshake = Generator[Step, Any, Session]
"""Yields steps, is sent their results, returns the session. Raises ``LoginRefused`` where the exchange says no."""


class Ping(enum.Enum):
    """The two pings that are no frame of the exchange's own."""

    WEBSOCKET = "websocket"
    NONE = "none"
