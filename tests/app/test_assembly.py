"""All that a gateway runs: a broken plugin harms no other, idle topics are given up, what is wrong is told."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import Gateway, spi
from gateway.app.plugins import PluginsObserver
from gateway.errors import ConfigError, Reason
from gateway.testing.faults import Refusal
from gateway.testing.memory import MemoryNetwork
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange
from gateway_mock.venue import MockVenue

TRADES = "mock:trades:BTC-USDT"


class Old(MockExchange):
    """Is written for another gateway."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        info = super().gateway_exchange_info()
        return spi.ExchangeInfo(
            spi_version=99, environments=info.environments, endpoints=info.endpoints, channels=info.channels
        )


class Misspelt(MockExchange):
    """Would silently ping at the default pace."""

    @spi.hookimpl
    def gateway_hearbeat_interval(self) -> float:
        return 1.0


class Deaf(MockExchange):
    """Loads well, and breaks at everything that it is asked later."""

    @spi.hookimpl
    def gateway_handshake(self) -> spi.Handshake:
        raise ZeroDivisionError

    @spi.hookimpl
    def gateway_instruments(self) -> None:
        raise ZeroDivisionError

    @spi.hookimpl
    def gateway_connection_changed(self) -> None:
        raise ZeroDivisionError


# --- broken plugins among good ones


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (Old(), "is written for version 99 of the plugin contract; this gateway speaks version 0"),
        (Misspelt(), "unknown hook 'gateway_hearbeat_interval'"),
        (object(), "plugin bad: "),
    ],
)
@virtually
async def test_a_plugin_that_cannot_be_used_is_told_by_name_and_harms_no_other(running, broken, problem) -> None:
    async with running(plugins={"bad": broken, "mock": MockExchange()}) as one:
        [told] = one.gateway.problems()
        assert told.startswith("bad does not run: plugin bad: ")
        assert problem in told
        assert set(one.gateway.operations.get_exchange_details()) == {"bad", "mock"}
        assert problem in one.gateway.operations.get_exchange_details()["bad"]["problem"]
        assert await one.gateway.connect_account("mock") is True
        with pytest.raises(KeyError, match="there are: main, mock"):
            one.gateway.connect_account("bad")


@virtually
async def test_a_plugin_that_breaks_while_it_runs_harms_no_other(running) -> None:
    async with running(plugins={"deaf": Deaf(), "mock": MockExchange()}) as one:
        assert await one.gateway.connect_account("deaf") is False
        assert await one.gateway.connect_account("mock") is True
        records = []
        await one.gateway.listen(TRADES, records.append)
        await asyncio.sleep(60)
        one.venue.emit_trade("BTC-USDT")
        await one.quiet()
        assert records
        [told] = one.gateway.problems()
        assert told.startswith("the instruments of deaf cannot be had: plugin deaf: gateway_instruments raised")


def test_if_no_plugin_can_be_used_the_first_is_named() -> None:
    async def main() -> None:
        async with Gateway(plugins={"first": Old(), "second": Misspelt()}, network=MemoryNetwork()):
            raise AssertionError("started")

    with pytest.raises(
        ConfigError, match=r"exchanges\.first: no plugin can be used; the first says: plugin first: is"
    ):
        asyncio.run(main())


def test_a_plugin_that_is_not_installed_is_named() -> None:
    async def main() -> None:
        async with Gateway({"exchanges": {"nowhere": {}}}, network=MemoryNetwork()):
            raise AssertionError("started")

    with pytest.raises(ConfigError, match=r"exchanges\.nowhere: no plugin can be used"):
        asyncio.run(main())


def test_a_start_that_fails_closes_what_was_opened() -> None:
    class Closing(MemoryNetwork):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    network = Closing()

    async def main() -> None:
        tables = {"exchanges": {"mock": {}, "binance": {"environment": "nowhere"}}}
        async with Gateway(tables, network=network):
            raise AssertionError("started")

    with pytest.raises(ConfigError, match=r"exchanges\.binance\.environment"):
        asyncio.run(main())
    assert network.closed == 2


# --- what it is given


def test_a_configuration_may_be_a_file_its_tables_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("[exchanges.mock]\nheartbeat_interval = '7s'\n")
    assert Gateway(path, environ={}).settings.exchanges["mock"].heartbeat_interval == 7.0
    environ = {"GATEWAY_EXCHANGES__MOCK__HEARTBEAT_INTERVAL": "3"}
    assert Gateway(str(path), environ=environ).settings.exchanges["mock"].heartbeat_interval == 3.0
    tables = {"exchanges": {"mock": {"heartbeat_interval": 8}}}
    loaded = Gateway(tables, environ=environ)
    assert loaded.settings.exchanges["mock"].heartbeat_interval == 8.0
    assert Gateway(loaded.settings).settings is loaded.settings
    assert Gateway().settings.exchanges == {}


# --- who is told of changes


@virtually
async def test_plugins_and_observers_are_told_of_every_change(running) -> None:
    changes = []

    class Curious(MockExchange):
        @spi.hookimpl
        def gateway_connection_changed(self, change: spi.Change) -> None:
            changes.append(change)

    async with running(plugins={"mock": Curious()}) as one:
        await one.gateway.connect_account("mock")
    assert [(change.connection_id, change.after) for change in changes] == [
        ("mock/stream/0", "CONNECTING"),
        ("mock/stream/0", "CONNECTED"),
        ("mock/stream/0", "DISCONNECTING"),
        ("mock/stream/0", "DISCONNECTED"),
    ]


def test_phases_and_notices_are_not_the_plugins_business() -> None:
    class Host:
        def __getattr__(self, name: str) -> None:
            raise AssertionError(name)

    observer = PluginsObserver(Host())
    observer.entered("a", 1, "dial")
    observer.noticed("a", 1, "x")
    with observer.during("a", 1, "x"):
        pass


@virtually
async def test_a_plugin_that_holds_the_loop_is_told(running) -> None:
    noticed = []

    class Watching:
        def changed(self, change) -> None: ...

        def entered(self, *facts) -> None: ...

        def during(self, *facts):
            from contextlib import nullcontext

            return nullcontext()

        def noticed(self, connection_id, epoch, what, **facts) -> None:
            noticed.append((connection_id, what, facts))

    async with running(observers=[Watching()]) as one:
        one.gateway._assembly._slow("mock", "gateway_route", 1.23456)
    assert ("mock", "plugin_slow", {"hook": "gateway_route", "seconds": 1.235}) in noticed


@virtually
async def test_a_defect_of_ours_in_the_background_is_said_aloud(running) -> None:
    async with running() as one:
        noticed = []
        one.gateway._assembly._observer.noticed = lambda *facts, **more: noticed.append((facts, more))
        one.gateway.hub.sweep = lambda now: 1 / 0
        await asyncio.sleep(2)
        assert noticed == [(("gateway", 0, "internal_error"), {"error": "ZeroDivisionError('division by zero')"})]


# --- topics that nobody hears


@virtually
async def test_a_topic_outlives_its_last_listener_by_half_a_minute(running) -> None:
    async with running() as one:
        end = await one.gateway.listen(TRADES, lambda _: None)
        await asyncio.sleep(10)
        end()
        await asyncio.sleep(25)
        assert list(one.gateway.hub.topics) == [TRADES]
        assert one.state() == "CONNECTED"
        await asyncio.sleep(10)
        assert one.gateway.hub.topics == {}
        assert one.gateway.get_connection_details() == {}


@virtually
async def test_each_topic_has_an_epoch_of_its_own(running) -> None:
    async with running() as one:
        for topic in (TRADES, "mock:quotes:BTC-USDT"):
            await one.gateway.listen(topic, lambda _: None)
        epochs = {topic.epoch for topic in one.gateway.hub.topics.values()}
        assert len(epochs) == 2


# --- what it says of itself


@virtually
async def test_why_it_is_not_ready_is_told_a_sentence_each(running) -> None:
    async with running() as one:
        assert one.gateway.problems() == []
        one.faults.refuse_upgrades.arm(Refusal(503))
        await one.gateway.listen(TRADES, lambda _: None)
        await one.quiet()
        [problem] = one.gateway.problems()
        assert problem == "mock/stream/0 is RECONNECTING: HTTP status 503"
        one.faults.refuse_upgrades.arm(Refusal(401))
        await asyncio.sleep(60)
        assert one.gateway.problems() == ["mock/stream/0 is DISCONNECTED: HTTP status 401"]
        one.faults.clear()
        assert await one.gateway.connect_account("mock") is True
        assert one.gateway.problems() == []


@virtually
async def test_a_list_that_cannot_be_had_is_a_problem_until_it_can(running) -> None:
    async with running() as one:
        one.gateway._assembly.exchanges["mock"].reference.is_listed = False
        one.gateway._assembly.exchanges["mock"].reference.problem = "HTTP status 503"
        assert one.gateway.problems() == ["the instruments of mock cannot be had: HTTP status 503"]
        one.gateway._assembly.exchanges["mock"].reference.is_listed = True
        assert one.gateway.problems() == [], "an old list will do"


@virtually
async def test_a_list_that_has_not_come_yet_is_a_problem_until_it_has() -> None:
    async with MemoryVenue(MockVenue()) as network:
        network.venue.faults.hang_requests.arm(1)
        tables = {"exchanges": {"mock": {"endpoints": {**network.addresses, "allow_plaintext": True}}}}
        now = asyncio.get_running_loop().time
        async with Gateway(tables, plugins={"mock": MockExchange()}, network=network, now=now) as gateway:
            for _ in range(3):
                assert gateway.problems() == ["the instruments of mock are being fetched"]
                await asyncio.sleep(3)
            await asyncio.sleep(60)
            assert gateway.problems() == []
            assert gateway.operations.get_exchange_details()["mock"]["instruments"] == 3


@virtually
async def test_instruments_are_told_with_what_is_known_of_each(running) -> None:
    class Listed(MockExchange):
        more: Sequence[spi.Instrument] = ()

        @spi.hookimpl
        def gateway_instruments(self, target: spi.Target) -> spi.Conversation[spi.Instruments]:
            yield spi.Fetch("GET", f"{target.urls['rest']}/symbols", cost={"mock-weight": 10})
            return spi.Instruments([BTC, *self.more])

    plugin = Listed()
    async with running(plugins={"mock": plugin}) as one:
        operations = one.gateway.operations
        bare = {"symbol": "BTC-USDT", "native": "btc", "base": "BTC", "quote": "USDT", "status": ""}
        assert operations.get_instruments("mock") == [{**bare, "tick_size": "0.1"}]
        with pytest.raises(KeyError):
            operations.get_instruments("acme")
        plugin.more = [replace(BTC, symbol="ETH-USDT", native="eth", base="ETH")]
        await asyncio.sleep(3601)
        (listing,) = operations.get_exchange_details()["mock"]["listings"]
        assert (listing["what"], listing["symbol"], listing["tick_size"]) == ("listed", "ETH-USDT", "0.1")
        assert listing["at_us"] > 0
        json.dumps(listing)


BTC = spi.Instrument(symbol="BTC-USDT", native="btc", base="BTC", quote="USDT", tick_size="0.1")


@virtually
async def test_an_exchange_without_a_list_waits_for_none(running) -> None:
    class Listless(MockExchange):
        @spi.hookimpl
        def gateway_instruments(self) -> None:
            return None

    async with running(plugins={"mock": Listless()}) as one:
        assert one.gateway.problems() == []


@virtually
async def test_the_cause_of_a_failure_is_told_while_the_next_attempt_is_under_way(running) -> None:
    async with running() as one:
        one.faults.refuse_upgrades.arm(Refusal(503), 1)
        await one.gateway.listen(TRADES, lambda _: None)
        await one.quiet()
        one.faults.hang_upgrades.arm()
        await asyncio.sleep(3)
        view = one.gateway.registry.snapshot.supervised["mock/stream/0"]
        assert view.reason is Reason.RETRY_DUE
        assert one.gateway.problems() == ["mock/stream/0 is CONNECTING: HTTP status 503"]


@virtually
async def test_an_exchange_tells_its_limits_and_connections(running) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock")
        await asyncio.sleep(2)
        details = one.gateway.operations.get_exchange_details()["mock"]
        assert details == {
            "environment": "live",
            "heartbeat_interval": None,
            "channels": ["trades", "quotes", "book", "ticker", "raw", "orders", "balances"],
            "instruments": 3,
            "listings": [],
            "connections": ["mock/stream/0"],
            "limits": {"mock-dials": {"used": 1, "allowed": 300}, "mock-weight": {"used": 10, "allowed": 1200}},
            "problem": "",
        }
        json.dumps({"x": one.gateway.get_connection_details(), "y": details})


@virtually
async def test_ages_are_seconds_and_none_where_nothing_came_and_go_on_while_it_is_lost(running) -> None:
    async with running() as one:
        await one.gateway.listen(TRADES, lambda _: None)
        await one.quiet()
        handle = one.gateway.connection("mock")
        assert handle.get_connection_info()["ages"]["pong"] is None
        assert handle.get_connection_info()["ages"]["streams"] == {"trades.btc_usdt": None}
        one.venue.emit_trade("BTC-USDT")
        await asyncio.sleep(6.5)
        ages = handle.get_connection_info()["ages"]
        assert ages["streams"]["trades.btc_usdt"] == pytest.approx(6.5, abs=1.01)
        assert ages["pong"] == pytest.approx(1.5, abs=0.01)
        assert ages["round_trip"] >= 0
        await one.venue.stop()
        await asyncio.sleep(10)
        info = handle.get_connection_info()
        assert info["epoch"] > 1
        assert info["ages"]["streams"]["trades.btc_usdt"] == pytest.approx(16.5, abs=1.01)
        assert info["ages"]["message"] == pytest.approx(16.5, abs=1.01)
        assert info["ages"]["pong"] == pytest.approx(11.5, abs=0.01)
        assert info["ages"]["round_trip"] is None


@virtually
async def test_a_picture_is_of_one_moment_though_its_history_goes_on(running) -> None:
    """Between the picture of the states and the look at a history, the connection may have moved."""
    async with running() as one:
        await one.gateway.connect_account("mock")
        observatory = one.gateway.operations
        link = one.gateway._assembly.exchanges["mock"].links.all["mock/stream/0"]
        before = one.gateway.registry.snapshot.supervised["mock/stream/0"]
        await one.gateway.disconnect_account("mock")
        info = observatory._portrait(before, link)
        assert (info["state"], info["history"]) == ("CONNECTED", []), "it is forgotten by now"
        await one.gateway.connect_account("mock")
        before = one.gateway.registry.snapshot.supervised["mock/stream/0"]
        one.gateway.disconnect_account("mock")
        await one.quiet()
        info = observatory._portrait(before, link)
        assert info["history"] == [] or info["history"][-1]["after"] == info["state"]
