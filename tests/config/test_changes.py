"""A reload says key by key what takes effect at once and what needs a restart, and shows no value."""

from collections.abc import Callable, Collection

import pytest

from gateway.config import Settings
from gateway.config.changes import LIVE, changed, difference
from gateway.config.complaints import _known

BEFORE = """
[server]
listen = "127.0.0.1:8765"
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
[plugins.options.acme]
depth = 5
token = "env:TOKEN"
[log]
level = "info"
"""
RUNNING = frozenset({"acme", "binance"})
MORE = '[[subscriptions]]\nexchange = "acme"\nchannel = "quotes"\nsymbols = ["BTC-USDT"]\n[plugins.options.acme]'
FAR = MORE.replace('"acme"\n', '"far"\n', 1)

Read = Callable[..., Settings]


def test_the_same_changes_nothing(read: Read) -> None:
    same = difference(read(BEFORE), read(BEFORE), RUNNING)
    assert (same.live, same.restart, same.settings) == ((), (), read(BEFORE))


@pytest.mark.parametrize(
    ("old", "new", "live", "restart"),
    [
        ("heartbeat_interval = 15", "heartbeat_interval = 7", ["exchanges.acme.heartbeat_interval"], []),
        ("heartbeat_interval = 15", "", ["exchanges.acme.heartbeat_interval"], []),
        (
            "heartbeat_interval = 15",
            "heartbeat_interval = 15\nping_timeout = 90\nmessage_timeout = 9",
            ["exchanges.acme.ping_timeout", "exchanges.acme.message_timeout"],
            [],
        ),
        (
            "[exchanges.binance]",
            "[exchanges.binance.rollover]\nwindow='02:00-04:00'",
            ["exchanges.binance.rollover"],
            [],
        ),
        ("[exchanges.binance]", "", [], ["exchanges.binance"]),
        ("[exchanges.binance]", "[exchanges.binance]\n[exchanges.far]", [], ["exchanges.far"]),
        ("[exchanges.binance]", "[exchanges.binance]\nca_file = 'x'", [], ["exchanges.binance.ca_file"]),
        (
            "[exchanges.binance]",
            "[exchanges.binance]\nenvironment = 'testnet'\nheartbeat_interval = 5",
            ["exchanges.binance.heartbeat_interval"],
            ["exchanges.binance.environment"],
        ),
        (
            "[exchanges.binance]",
            "[exchanges.binance.endpoints]\nrest = 'https://x.example'",
            [],
            ["exchanges.binance.endpoints.rest"],
        ),
        ("env:SECRET", "env:OTHER", ["accounts.main.secret"], []),
        ("[accounts.main]", "[accounts.other]", ["accounts.main", "accounts.other"], []),
        ('exchange = "acme"', 'exchange = "binance"', ["accounts.main.exchange"], []),
        ("BTC-USDT", "ETH-USDT", ["subscriptions[0]", "subscriptions"], []),
        ("[plugins.options.acme]", MORE, ["subscriptions[1]"], []),
        ("depth = 5", "depth = 6", [], ["plugins.options.acme.depth"]),
        ("depth = 5", "deep = [5]", [], ["plugins.options.acme.depth", "plugins.options.acme.deep"]),
        ("options.acme", "options.binance", [], ["plugins.options.acme", "plugins.options.binance"]),
        ('level = "info"', 'level = "debug"\nformat = "json"', ["log.level", "log.format"], []),
        ('"127.0.0.1:8765"', '"127.0.0.1:1"', [], ["server.listen"]),
        (
            "[log]",
            "[server.limits]\ntopics = 5\n[server.tls]\ncert = 'c'\nkey = 'k'\n[log]",
            ["server.limits.topics"],
            ["server.tls"],
        ),
        ("[log]", "[store]\npath = 'x'\nretention = 9\n[log]", ["store.retention"], ["store.path"]),
    ],
)
def test_each_key_is_named_with_what_it_takes(
    read: Read, old: str, new: str, live: Collection[str], restart: Collection[str]
) -> None:
    after = read(BEFORE.replace(old, new, 1))
    found = difference(read(BEFORE), after, RUNNING)
    assert (list(found.live), list(found.restart)) == (live, restart)
    assert changed(found.settings, after) == found.restart, "what is said to hold is what holds"


def test_what_needs_a_restart_is_said_each_time_until_it_comes(read: Read) -> None:
    after = read(BEFORE.replace("127.0.0.1:8765", "127.0.0.1:1"))
    first = difference(read(BEFORE), after, RUNNING)
    assert first.settings == read(BEFORE)
    assert difference(first.settings, after, RUNNING).restart == ("server.listen",)
    back = difference(first.settings, read(BEFORE), RUNNING)
    assert (back.live, back.restart) == ((), ())


@pytest.mark.parametrize(
    ("old", "new", "restart"),
    [
        ("heartbeat_interval = 15", "heartbeat_interval = 7", ["exchanges.acme.heartbeat_interval"]),
        ("env:SECRET", "env:OTHER", ["accounts.main.secret"]),
        ("[accounts.main]", "[accounts.more]", ["accounts.more"]),
        ("[plugins.options.acme]", MORE, ["subscriptions[1]"]),
    ],
)
def test_what_concerns_an_exchange_that_does_not_run_waits_for_it(
    read: Read, old: str, new: str, restart: list[str]
) -> None:
    """Its plugin could not be used, for one."""
    found = difference(read(BEFORE), read(BEFORE.replace(old, new, 1)), {"binance"})
    assert list(found.restart) == restart
    assert found.live == (("accounts.main",) if "more" in new else ())


def test_what_belongs_to_an_exchange_that_is_new_waits_for_it(read: Read) -> None:
    with_far = BEFORE.replace("[exchanges.binance]", "[exchanges.binance]\n[exchanges.far]")
    after = read(
        with_far.replace('exchange = "acme"', 'exchange = "far"', 1).replace("[plugins.options.acme]", FAR)
    )
    found = difference(read(BEFORE), after, RUNNING)
    assert found.live == ()
    assert found.restart == ("exchanges.far", "accounts.main.exchange", "subscriptions[1]")
    assert found.settings == read(BEFORE)


def test_an_exchange_that_goes_stays_until_the_restart_and_its_accounts_and_wishes_go(read: Read) -> None:
    head, _, tail = BEFORE.partition("[exchanges.acme]")
    after = read(f"{head}[exchanges.binance]\n[log]{tail.partition('[log]')[2]}")
    found = difference(read(BEFORE), after, RUNNING)
    assert found.live == ("accounts.main", "subscriptions")
    assert found.restart == ("exchanges.acme", "plugins.options.acme")
    assert (found.settings.accounts, found.settings.subscriptions) == ({}, ())
    assert set(found.settings.exchanges) == {"acme", "binance"}


def test_another_order_and_what_stands_twice_are_no_change(read: Read) -> None:
    one, other = (f'[[subscriptions]]\nexchange = "acme"\nchannel = "{name}"\n' for name in ("raw", "quotes"))
    wishes = [text + 'symbols = ["A"]\n' for text in (one, other)]
    exchange = "[exchanges.acme]\n"
    forth, back = read(exchange + "".join(wishes)), read(exchange + "".join([*reversed(wishes), wishes[0]]))
    assert changed(forth, back) == ()


def test_what_is_listed_exists() -> None:
    """A key that was renamed must not go on being promised here."""
    for pattern in LIVE - {"accounts.*"}:
        assert pattern.rpartition(".")[2] in _known((*pattern.split("."),)), pattern
