"""What check-config refuses that only plugins, files and addresses can tell: one sentence that names the key."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import spi
from gateway.app import Gateway, check
from gateway.cli import run
from gateway.config import effective, load
from gateway.errors import ConfigError, UnsafeError
from gateway.testing.memory import MemoryNetwork
from gateway_binance.spot import plugin as binance
from gateway_mock.plugin import MockExchange

ACCOUNT = {"exchange": "binance", "api_key": "env:KEY", "secret": "env:SECRET"}
BOTH: Mapping[str, Any] = {"mock": {}, "binance": {}}


def refusal(**tables: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        check(load(None, {}, {"exchanges": BOTH, **tables}))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def wish(exchange: str = "mock", channel: str = "trades", **more: Any) -> dict[str, Any]:
    return {"subscriptions": [{"exchange": exchange, "channel": channel, **more}]}


QUICK = (
    "exchanges.binance.heartbeat_interval: need at least 0.4 s: a ping each 0.399 s would use more than half of "
    "the limit binance-spot-messages, which is 5 in 1 s"
)


def test_pings_that_use_up_an_exchanges_limit_are_refused() -> None:
    assert refusal(exchanges={"binance": {"heartbeat_interval": "399ms"}}) == QUICK
    check(load(None, {}, {"exchanges": {"binance": {"heartbeat_interval": "400ms"}}}))
    check(load(None, {}, {"exchanges": {"mock": {"heartbeat_interval": "50ms"}}}))


async def test_they_are_refused_without_a_check_too() -> None:
    tables = {"exchanges": {"binance": {"heartbeat_interval": 0.399}}}
    with pytest.raises(ConfigError) as caught:
        async with Gateway(tables, plugins={"binance": binance}, network=MemoryNetwork()):
            raise AssertionError("started")
    assert str(caught.value) == QUICK


LATE = (
    "exchanges.mock.ping_timeout: need at least 1.5 times what is between two pings, which is 5 s unless "
    "exchanges.mock.heartbeat_interval says otherwise, so 7.5 s; got 7 s"
)


def test_a_ping_timeout_is_compared_with_the_plugins_own_pace() -> None:
    assert refusal(exchanges={"mock": {"ping_timeout": 7}}) == LATE
    check(load(None, {}, {"exchanges": {"mock": {"ping_timeout": 7.5}}}))
    check(load(None, {}, {"exchanges": {"mock": {"ping_timeout": 3, "heartbeat_interval": 2}}}))


class Seldom(MockExchange):
    """Pings once in ten minutes, if it can say so."""

    broken = False

    @spi.hookimpl
    def gateway_heartbeat_interval(self) -> float:
        if self.broken:
            raise KeyError("pace")
        return 600.0


async def test_it_is_so_without_a_check_too_and_one_that_is_left_out_gives_way() -> None:
    async def started(plugin: MockExchange, **settings: Any) -> None:
        async with Gateway({"exchanges": {"mock": settings}}, plugins={"mock": plugin}, network=MemoryNetwork()):
            pass

    with pytest.raises(ConfigError) as caught:
        await started(MockExchange(), ping_timeout=7)
    assert str(caught.value) == LATE
    with pytest.raises(ConfigError, match="which is 600 s"):
        await started(Seldom(), ping_timeout=60)
    await started(Seldom())
    silent = Seldom()
    silent.broken = True
    await started(silent, ping_timeout=60)


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        (wish(channel="trade", symbols=["A"]), "channel: mock has no channel 'trade'; did you mean 'trades'?"),
        (
            wish(channel="book", symbols=["A"], variant="7"),
            "variant: channel book of mock has no '7'; known are 10, 100, 20, 5, 50",
        ),
        (wish(symbols=["A"], variant="x"), "variant: channel trades of mock has no 'x'; it has none"),
        (
            wish("binance", "candles", symbols=["A"]),
            "variant: channel candles of binance needs one; known are ",
        ),
        (wish(channel="orders", symbols=["A"]), "account: channel orders of mock needs an account"),
    ],
)
def test_a_subscription_that_the_exchange_does_not_offer_is_refused(tables: Any, sentence: str) -> None:
    assert refusal(**tables).startswith(f"subscriptions[0].{sentence}")


@pytest.mark.parametrize(
    ("channel", "more", "sentence"),
    [
        ("trades", {}, "account: channel trades of mock has no account"),
        ("orders", {"symbols": ["A"]}, "symbols: channel orders of mock takes no symbols"),
    ],
)
def test_an_account_goes_with_an_accounts_channel(channel: str, more: Any, sentence: str) -> None:
    accounts = {"main": {**ACCOUNT, "exchange": "mock"}}
    told = refusal(accounts=accounts, **wish(channel=channel, account="main", **more))
    assert told == f"subscriptions[0].{sentence}"


def test_what_the_exchanges_offer_is_accepted() -> None:
    wishes = [
        *wish(symbols=["A", "B"])["subscriptions"],
        *wish(channel="book", symbols=["A"], variant="5")["subscriptions"],
        *wish(channel="raw", streams=["trades.a"])["subscriptions"],
        *wish(channel="orders", account="main")["subscriptions"],
        *wish(channel="raw", account="main")["subscriptions"],
        *wish("binance", symbols=["A"], variant="agg")["subscriptions"],
    ]
    accounts = {"main": {**ACCOUNT, "exchange": "mock"}}
    check(load(None, {}, {"exchanges": BOTH, "accounts": accounts, "subscriptions": wishes}))


def test_an_account_where_nobody_logs_in_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    info = binance.gateway_exchange_info()
    endpoints = tuple(endpoint for endpoint in info.endpoints if not endpoint.private)
    channels = tuple(channel for channel in info.channels if not channel.private)
    public = replace(binance._market, info=replace(info, endpoints=endpoints, channels=channels))
    monkeypatch.setattr(binance, "_market", public)
    assert refusal(accounts={"main": ACCOUNT}) == "accounts.main.exchange: the plugin of binance knows no accounts"


def test_options_of_what_is_not_configured_are_refused() -> None:
    assert refusal(plugins={"options": {"binanc": {}}}) == (
        "plugins.options.binanc: names no exchange that is configured; did you mean 'binance'?"
    )


@pytest.mark.parametrize(("content", "why"), [(None, "No such file or directory"), ("x", "holds no certificate")])
def test_a_file_of_authorities_that_is_none_is_refused(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    told = refusal(exchanges={"mock": {"ca_file": str(path)}})
    assert told == f"exchanges.mock.ca_file: {path} cannot be used: {why}"


def test_an_address_that_others_could_reach_is_refused_as_serving_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnsafeError, match=r"0\.0\.0\.0"):
        check(load(None, {}, {"server": {"listen": "0.0.0.0:80"}}))
    path = tmp_path / "gateway.toml"
    path.write_text("[server]\nlisten = '0.0.0.0:80'")
    assert run(["check-config", "--config", str(path)]) == 78
    assert "0.0.0.0" in capsys.readouterr().err


def test_a_broken_plugin_is_refused_unless_others_may_go_on() -> None:
    settings = load(None, {}, {"exchanges": {"nothing": {}, "mock": {}}})
    with pytest.raises(ConfigError, match=r"exchanges\.nothing: its plugin cannot be used: is not installed"):
        check(settings)
    assert check(settings, despite_broken=True) == {"mock": 5.0}


def test_a_plugins_pace_is_shown_as_the_plugins() -> None:
    settings = load(None, {}, {"exchanges": BOTH})
    shown = effective(settings, check(settings))["exchanges"]
    assert shown["mock"]["heartbeat_interval"] == {"value": 5.0, "from": "plugin"}
    assert shown["binance"]["heartbeat_interval"] == {"value": 15.0, "from": "default"}
