"""What an operator may set, where it is read from, and what is refused before anything starts."""

from gateway.config.addresses import is_loopback, parse_listen
from gateway.config.credentials import Secret, resolve
from gateway.config.durations import seconds
from gateway.config.effective import effective, pending
from gateway.config.loading import load
from gateway.config.settings import (
    AccountSettings,
    EndpointSettings,
    ExchangeSettings,
    LimitSettings,
    LogSettings,
    PluginSettings,
    RetentionSettings,
    RolloverSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    SubscriptionSettings,
    TelemetrySettings,
    TlsSettings,
)
from gateway.config.signing import AccountSigner
from gateway.config.source import Source
from gateway.engine.liveness import DEFAULT_HEARTBEAT

__all__ = [
    "DEFAULT_HEARTBEAT",
    "AccountSettings",
    "AccountSigner",
    "EndpointSettings",
    "ExchangeSettings",
    "LimitSettings",
    "LogSettings",
    "PluginSettings",
    "RetentionSettings",
    "RolloverSettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "Source",
    "StoreSettings",
    "SubscriptionSettings",
    "TelemetrySettings",
    "TlsSettings",
    "effective",
    "is_loopback",
    "load",
    "parse_listen",
    "pending",
    "resolve",
    "seconds",
]
