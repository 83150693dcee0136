"""
Every key of the configuration, its type and its default.

What several keys must be together is decided in ``gateway.config.checks``.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from gateway.config.credentials import is_reference
from gateway.config.durations import seconds
from gateway.engine.hub import IDLE, LINGER
from gateway.engine.registry import HISTORY
from gateway.engine.ring import BYTES, MESSAGES
from gateway.spi.contract import KeyType

MOST: Final = 1_000_000_000
QUICKEST: Final = 0.05
"""Seconds between two pings: quicker ones tell nothing that these do not."""
LONGEST: Final = 1024
"""Changes that may be kept of each connection: all are in what is told of it."""

_ID = re.compile(r"[a-z][a-z0-9-]*")
_WINDOW = re.compile(r"((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9])")


def _id(text: str) -> str:
    if _ID.fullmatch(text) is None:
        raise ValueError("need an id of lower-case letters, digits and '-' that starts with a letter")
    return text


def _reference(text: str) -> str:
    if not is_reference(text):
        raise ValueError("must be a reference: env:NAME, file:PATH, systemd:NAME or keyring:SERVICE/NAME")
    return text


def _window(text: str) -> str:
    match = _WINDOW.fullmatch(text)
    if match is None or match[1] == match[2]:
        raise ValueError("need two different times of day in UTC, such as '02:00-04:00'")
    return text


def _pace(interval: float) -> float:
    if interval < QUICKEST:
        raise ValueError(f"need at least {QUICKEST:g} s between two pings")
    return interval


def _history(changes: int) -> int:
    if changes > LONGEST:
        raise ValueError(f"need a number from 1 to {LONGEST}")
    return changes


Id = Annotated[str, AfterValidator(_id)]
Reference = Annotated[str, AfterValidator(_reference)]
Window = Annotated[str, AfterValidator(_window)]
Duration = Annotated[float, BeforeValidator(seconds)]
Pace = Annotated[Duration, AfterValidator(_pace)]
Count = Annotated[int, Field(strict=True, ge=1, le=MOST)]
History = Annotated[Count, AfterValidator(_history)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]


class _Table(BaseModel):
    """A table of the configuration: cannot change, knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TlsSettings(_Table):
    """Paths of the PEM files with which the server proves who it is."""

    cert: str
    key: str


class LimitSettings(_Table):
    """What one token or address may have at once, and its commands: a rate and the burst above it."""

    topics: Count = 5000
    sockets: Count = 5000
    commands_per_second: Count = 20
    burst: Count = 50


class ServerSettings(_Table):
    """
    Where clients connect, and from where; an empty ``allowed_origins`` allows no browser's page.

    With ``auto``, a token must be shown once there is one, or where other machines can reach us.
    """

    listen: str = "127.0.0.1:8765"
    authentication: Literal["auto", "required"] = "auto"
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    tls: TlsSettings | None = None
    behind_tls_proxy: StrictBool = False
    limits: LimitSettings = Field(default_factory=LimitSettings)


class EndpointSettings(_Table):
    """Where the plugin is pointed instead: a URL under each of its endpoints' names."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str] = Field(init=False)

    allow_plaintext: StrictBool = False

    @property
    def urls(self) -> Mapping[str, str]:
        """Base URLs by endpoint; an endpoint that is absent keeps the plugin's own."""
        return MappingProxyType(self.__pydantic_extra__)


class RolloverSettings(_Table):
    """When planned replacements of connections happen, UTC."""

    window: Window

    @property
    def seconds(self) -> tuple[float, float]:
        """When the window begins and ends, in seconds after midnight; one over midnight ends before it begins."""
        begin, end = (int(time[:2]) * 3600.0 + int(time[3:]) * 60.0 for time in self.window.split("-"))
        return begin, end


class ExchangeSettings(_Table):
    """
    One exchange; naming it is what loads its plugin.

    Where ``heartbeat_interval`` is :obj:`None`, the session or the plugin
    chooses. The timeouts are the thresholds of ``is_healthy``. Where
    ``streams_per_connection`` is :obj:`None`, the plugin's numbers hold.
    """

    environment: str = "live"
    heartbeat_interval: Pace | None = None
    ping_timeout: Duration = 60.0
    message_timeout: Duration = 120.0
    streams_per_connection: Count | None = None
    endpoints: EndpointSettings = Field(default_factory=EndpointSettings)
    rollover: RolloverSettings | None = None
    region: str | None = None
    ca_file: str | None = None
    allow_private: StrictBool = False


class AccountSettings(_Table):
    """
    Credentials at one exchange, as references that :func:`gateway.config.resolve` follows.

    Where ``key_type`` is :obj:`None`, a secret in PEM is the private key that it is, and any other an HMAC secret.
    """

    exchange: str
    api_key: Reference
    secret: Reference
    key_type: KeyType | None = None


class SubscriptionSettings(_Table):
    """A standing wish; ``streams`` are the exchange's own names, for the channel ``raw``."""

    exchange: str
    channel: str
    symbols: tuple[str, ...] = ()
    variant: str | None = None
    account: str | None = None
    streams: tuple[str, ...] = ()


class PluginSettings(_Table):
    """Which plugins may be loaded, by default all that are named, and the options that each one's model checks."""

    allow: tuple[str, ...] | None = None
    options: Mapping[Id, Mapping[str, Any]] = Field(default_factory=dict)


class StoreSettings(_Table):
    """What survives a restart; ``:memory:`` keeps nothing, and no ``retention`` keeps everything."""

    path: str = ":memory:"
    retention: Duration | None = None


class RetentionSettings(_Table):
    """
    What is remembered of what is over, so long or so much of it; the oldest goes first.

    ``changes`` are a connection's, ``connections`` says for how long one that is
    over can still be asked about; without it, it is forgotten at once. ``topics`` is for
    how long one outlives its last listener, ``messages`` and ``bytes`` are what each
    keeps for clients that come back.
    """

    changes: History = HISTORY
    connections: Duration | None = None
    most_connections: Count = 100
    topics: Duration = LINGER
    most_topics: Count = IDLE
    messages: Count = MESSAGES
    bytes: Count = BYTES


class LogSettings(_Table):
    """How much is logged and how it looks; ``auto`` is for people on a terminal, JSON elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class TelemetrySettings(_Table):
    """
    Where traces go, and metrics beside ``GET /metrics``.

    ``memory_alarm`` is the share of the memory that the process may have from which it is told; 0 tells nobody.
    """

    traces: Literal["none", "console", "otlp"] = "none"
    metrics: Literal["none", "console", "otlp"] = "none"
    memory_alarm: Share = 0.8


class Settings(_Table):
    """The whole configuration. Only :func:`gateway.config.load` also checks what its keys must be together."""

    server: ServerSettings = Field(default_factory=ServerSettings)
    exchanges: Mapping[Id, ExchangeSettings] = Field(default_factory=dict)
    accounts: Mapping[Id, AccountSettings] = Field(default_factory=dict)
    subscriptions: tuple[SubscriptionSettings, ...] = ()
    plugins: PluginSettings = Field(default_factory=PluginSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
