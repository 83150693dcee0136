"""The keys: all that are documented are accepted, have their defaults, and cannot change afterwards."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from gateway.config import AccountSettings, EndpointSettings, Settings

EVERYTHING = """
[server]
listen = "127.0.0.1:8765"
allowed_origins = ["https://ui.example"]
allowed_hosts = ["gateway.example"]
behind_tls_proxy = true
tls = { cert = "c.pem", key = "k.pem" }
limits = { topics = 1, sockets = 2, commands_per_second = 3, burst = 4 }
[exchanges.acme]
environment = "testnet"
heartbeat_interval = "15s"
ping_timeout = "1m"
message_timeout = 120
region = "eu"
ca_file = "ca.pem"
allow_private = true
[exchanges.acme.endpoints]
stream = "ws://127.0.0.1:9443"
rest = "http://127.0.0.1:9080"
allow_plaintext = true
[exchanges.acme.rollover]
window = "22:00-04:00"
[accounts.main]
exchange = "acme"
api_key = "env:ACME_KEY"
secret = "file:/run/secrets/acme"
[[subscriptions]]
exchange = "acme"
channel = "trades"
symbols = ["BTC-USDT", "ETH-USDT"]
variant = "agg"
[[subscriptions]]
exchange = "acme"
channel = "orders"
account = "main"
[[subscriptions]]
exchange = "acme"
channel = "raw"
streams = ["btcusdt@trade"]
[plugins]
allow = ["acme"]
[plugins.options.acme]
region = "eu"
[store]
path = "gateway.db"
retention = "30d"
[retention]
changes = 100
connections = "1h"
most_connections = 10
topics = "1m"
most_topics = 20
messages = 30
bytes = 40
[log]
level = "debug"
format = "json"
[telemetry]
traces = "otlp"
"""


def test_every_documented_key_is_accepted(read: Callable[..., Settings]) -> None:
    settings = read(EVERYTHING)
    exchange = settings.exchanges["acme"]
    assert (exchange.heartbeat_interval, exchange.ping_timeout, exchange.message_timeout) == (15.0, 60.0, 120.0)
    assert dict(exchange.endpoints.urls) == {"stream": "ws://127.0.0.1:9443", "rest": "http://127.0.0.1:9080"}
    assert exchange.endpoints.allow_plaintext is True
    assert exchange.rollover is not None
    assert exchange.rollover.window == "22:00-04:00"
    assert exchange.rollover.seconds == (79_200.0, 14_400.0)
    assert settings.server.tls is not None
    assert settings.server.tls.key == "k.pem"
    assert settings.server.limits.burst == 4
    assert settings.accounts["main"].secret == "file:/run/secrets/acme"
    assert settings.subscriptions[0].symbols == ("BTC-USDT", "ETH-USDT")
    assert settings.subscriptions[2].streams == ("btcusdt@trade",)
    assert settings.plugins.allow == ("acme",)
    assert settings.plugins.options == {"acme": {"region": "eu"}}
    assert settings.store.retention == 30 * 86400.0
    assert settings.retention.model_dump() == {
        "changes": 100,
        "connections": 3600.0,
        "most_connections": 10,
        "topics": 60.0,
        "most_topics": 20,
        "messages": 30,
        "bytes": 40,
    }


def test_without_any_key_the_documented_defaults_hold(read: Callable[..., Settings]) -> None:
    settings = read("[exchanges.acme]")
    exchange, limits = settings.exchanges["acme"], settings.server.limits
    assert settings.server.listen == "127.0.0.1:8765"
    assert (limits.topics, limits.sockets, limits.commands_per_second, limits.burst) == (5000, 5000, 20, 50)
    assert settings.server.allowed_origins == settings.server.allowed_hosts == ()
    assert (exchange.environment, exchange.heartbeat_interval) == ("live", None)
    assert (exchange.ping_timeout, exchange.message_timeout) == (60.0, 120.0)
    assert (exchange.endpoints.urls, exchange.endpoints.allow_plaintext) == ({}, False)
    assert settings.plugins.allow is None
    assert (settings.log.level, settings.log.format, settings.telemetry.traces) == ("info", "auto", "none")
    assert (settings.retention.changes, settings.retention.connections) == (64, None)
    assert (settings.retention.topics, settings.retention.messages) == (30.0, 1024)


def test_settings_do_not_change(read: Callable[..., Settings]) -> None:
    settings = read(EVERYTHING)
    for table in (settings, settings.server, settings.exchanges["acme"], settings.exchanges["acme"].endpoints):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(table, next(iter(type(table).model_fields)), None)
    with pytest.raises(TypeError):
        settings.exchanges["acme"].endpoints.urls["stream"] = "ws://else"  # type: ignore[index]  # that is the point


def test_an_endpoint_may_have_any_name(read: Callable[..., Settings]) -> None:
    settings = read('[exchanges.acme.endpoints]\nurls = "wss://a.example"\nmodel_fields = "wss://b.example"')
    assert settings.exchanges["acme"].endpoints.urls == {
        "urls": "wss://a.example",
        "model_fields": "wss://b.example",
    }
    assert isinstance(settings.exchanges["acme"].endpoints, EndpointSettings)


def test_pydantics_own_words_do_not_hold_a_literal_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        AccountSettings(exchange="acme", api_key="env:KEY", secret="canary-4711")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "window", ["02:00-02:00", "2:00-4:00", "24:00-02:00", "02:60-03:00", "02:00", "02:00-04:00Z"]
)
def test_a_rollover_window_is_two_times_of_day(refused: Callable[..., str], window: str) -> None:
    assert refused(f'[exchanges.acme.rollover]\nwindow = "{window}"') == (
        "exchanges.acme.rollover.window: need two different times of day in UTC, such as '02:00-04:00', "
        f"got '{window}'"
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("changes = 1025", "changes: need a number from 1 to 1024, got 1025"),
        ("changes = 0", "changes: need a whole number from 1 to 1000000000, got 0"),
        ("connections = 0", "connections: need seconds above 0"),
        ("topics = -1", "topics: need seconds above 0"),
        ("messages = 1.5", "messages: need a whole number"),
        ("most_connections = 0", "most_connections: need a whole number"),
        ("bytes = true", "bytes: need a whole number"),
    ],
)
def test_what_is_remembered_is_bounded(refused: Callable[..., str], written: str, told: str) -> None:
    assert refused(f"[retention]\n{written}").startswith(f"retention.{told}")
