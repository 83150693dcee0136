"""A reload says key by key what takes effect at once and what needs a restart, and shows no value."""

from collections.abc import Callable

import pytest

from gateway.config import Settings
from gateway.config.changes import LIVE, Changed, changes

BEFORE = """
[exchanges.acme]
heartbeat_interval = 15
[exchanges.binance]
[accounts.main]
exchange = "acme"
api_key = "env:KEY"
secret = "env:SECRET"
[[subscriptions]]
exchange = "acme"
channel = "trades"
symbols = ["BTC-USDT"]
[log]
level = "info"
"""


def test_the_same_changes_nothing(read: Callable[..., Settings]) -> None:
    assert changes(read(BEFORE), read(BEFORE)) == ()


@pytest.mark.parametrize(
    ("old", "new", "key", "is_live"),
    [
        ("heartbeat_interval = 15", "heartbeat_interval = 7", "exchanges.acme.heartbeat_interval", True),
        ("heartbeat_interval = 15", "", "exchanges.acme.heartbeat_interval", True),
        (
            "heartbeat_interval = 15",
            "heartbeat_interval = 15\nping_timeout = 90",
            "exchanges.acme.ping_timeout",
            True,
        ),
        ("[exchanges.binance]", "", "exchanges.binance", False),
        (
            "[exchanges.binance]",
            "[exchanges.binance]\nenvironment = 'testnet'",
            "exchanges.binance.environment",
            False,
        ),
        (
            "[exchanges.binance]",
            "[exchanges.binance.endpoints]\nrest = 'https://x.example'",
            "exchanges.binance.endpoints",
            False,
        ),
        ("env:SECRET", "env:OTHER", "accounts.main.secret", True),
        ("[accounts.main]", "[accounts.other]", "accounts.main", True),
        ("BTC-USDT", "ETH-USDT", "subscriptions", True),
        ('level = "info"', 'level = "debug"', "log.level", True),
        ('level = "info"', 'format = "json"', "log.format", False),
        ("[log]", "[server]\nlisten = '127.0.0.1:1'\n[log]", "server.listen", False),
        ("[log]", "[server.tls]\ncert = 'c'\nkey = 'k'\n[log]", "server.tls", False),
    ],
)
def test_each_key_is_named_with_what_it_takes(
    read: Callable[..., Settings], old: str, new: str, key: str, *, is_live: bool
) -> None:
    found = changes(read(BEFORE), read(BEFORE.replace(old, new, 1)))
    assert Changed(key, is_live) in found
    assert {one.is_live for one in found} == {is_live}


def test_what_is_listed_exists() -> None:
    """A key that was renamed must not go on being promised here."""
    roots = Settings.model_fields
    assert all(pattern.partition(".")[0] in roots for pattern in LIVE)
