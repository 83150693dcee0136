"""How accounts stand, having them up and down, and which plugins there are, as clients ask for it."""

import asyncio
from typing import Any

import pytest

from gateway import spi
from gateway.errors import ShuttingDown
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange

PRIVATE = "mock/private@main"


class Broken(MockExchange):
    """A plugin that cannot be used."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        raise KeyError


@virtually
async def test_an_account_is_told_as_it_stands(running) -> None:
    async with running() as one:
        roster = one.gateway.roster
        assert roster.accounts() == ("main",)
        down = {
            "id": "main",
            "exchange": "mock",
            "connection": PRIVATE,
            "connections": [],
            "state": "DISCONNECTED",
            "is_connected": False,
            "is_healthy": False,
            "held_down": False,
            "key": None,
            "problem": "",
        }
        assert roster.account("main") == down
        assert await roster.connect("main", retry=False)
        up = {"connections": [PRIVATE], "state": "CONNECTED", "is_connected": True, "is_healthy": True}
        assert roster.account("main") == {**down, **up}
        assert await roster.disconnect("main")
        assert roster.account("main") == {**down, "held_down": True}
        with pytest.raises(KeyError):
            roster.account("nobody")


@virtually
async def test_what_is_asked_for_is_recorded_before_anybody_waits(running) -> None:
    async with running() as one:
        hope = one.gateway.roster.connect("main", retry=True)
        await asyncio.sleep(1)
        assert one.state(PRIVATE) == "CONNECTED"
        assert await hope
        farewell = one.gateway.roster.disconnect("main")
        await asyncio.sleep(1)
        assert one.state(PRIVATE) == ""
        assert await farewell


@virtually
async def test_an_attempt_that_fails_is_told(running) -> None:
    async with running(environ={"KEY": "mock-key", "SECRET": "wrong"}) as one:
        assert not await one.gateway.roster.connect("main", retry=False)


@virtually
async def test_one_that_has_no_connection_says_why(running, accounts: dict[str, Any]) -> None:
    tables = {
        "exchanges": {"mock": {}, "other": {}},
        "accounts": {**accounts, "second": {**accounts["main"], "exchange": "other"}},
    }
    async with running(plugins={"mock": MockExchange(), "other": Broken()}, tables=tables) as one:
        told = one.gateway.roster.account("second")
        assert told["connection"] is None
        assert told["problem"] == "the exchange other of account second does not run"
        assert told["state"] == "DISCONNECTED"


@virtually
async def test_whoever_comes_too_late_is_told_so(running) -> None:
    async with running() as one:
        roster = one.gateway.roster
        waiting = asyncio.ensure_future(roster.connect("main", retry=True))
        await one.gateway.stop()
        for ask in (lambda: roster.connect("main", retry=True), lambda: roster.disconnect("main")):
            with pytest.raises(ShuttingDown):
                ask()
        assert not await waiting


async def test_plugins_are_told_whether_they_run_or_are_only_installed(running) -> None:
    tables = {"exchanges": {"mock": {}, "other": {}}}
    async with running(plugins={"mock": MockExchange(), "other": Broken()}, tables=tables) as one:
        told = {plugin["id"]: plugin for plugin in await one.gateway.roster.plugins()}
    assert sorted(told) == list(told)
    assert told["mock"]["distribution"] == "exchange-gateway"
    assert told["mock"]["is_loaded"]
    assert not told["binance"]["is_loaded"]
    assert told["binance"]["problem"] == ""
    assert (told["other"]["code"], told["other"]["is_loaded"]) == (None, False)
    assert "KeyError" in told["other"]["problem"]


@virtually
async def test_a_connection_is_drained_by_its_name_from_inside_a_program(running) -> None:
    async with running() as one:
        assert not await one.gateway.drain("mock")
        await one.gateway.listen("mock:trades:BTC-USDT", lambda _: None)
        assert await one.gateway.drain("mock")
        assert one.gateway.get_connection_details()["mock/stream/0"]["draining"]
        await one.gateway.roster.connect("main", retry=True)
        assert not await one.gateway.drain("main")
        assert not one.gateway.operations.drain(PRIVATE)
        with pytest.raises(KeyError):
            one.gateway.operations.drain("mock/stream/9")
