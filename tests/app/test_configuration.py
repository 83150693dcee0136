"""A changed configuration takes effect with all that can, or not at all; nobody who has no part in it notices."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from gateway import Gateway, Reloaded, spi
from gateway.app import configuration as module
from gateway.app import signers
from gateway.config import Settings, Source, load
from gateway.errors import ConfigError, PluginError, ShuttingDown
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

TRADES, QUOTES, PRIVATE = "mock:trades:BTC-USDT", "mock:quotes:ETH-USDT", "mock/private@main"
STANDING = [{"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT"]}]


class Notices:
    """An observer that remembers what concerns the whole gateway."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def changed(self, change: object) -> None:
        pass

    def entered(self, *_: object) -> None:
        pass

    @contextmanager
    def during(self, *_: object) -> Iterator[None]:
        yield

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        if connection_id == "gateway":
            self.told.append((what, *facts.values()))


class Clients:
    """The topics of a gateway, with a witness each: offsets without a hole, and no status but the first."""

    def __init__(self, one: Any) -> None:
        self._one = one
        self.heard: dict[str, list[Any]] = {}

    async def listen(self, *topics: str) -> None:
        for topic in topics:
            self.heard[topic] = []
            await self._one.gateway.listen(topic, self.heard[topic].append)

    def check(self, *but: str) -> None:
        for topic, heard in self.heard.items():
            if topic not in but:
                assert [one.status for one in heard if hasattr(one, "status")] == ["live"], topic
                numbers = [one.records[0].id for one in heard if hasattr(one, "records")]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), topic
                assert len(numbers) > 10, topic


# --- what takes effect, and what does not


@virtually
async def test_keys_are_named_and_the_exchange_notices_nothing_but_the_pace(running) -> None:
    notices = Notices()
    async with running(observers=[notices]) as one:
        clients = Clients(one)
        await clients.listen(TRADES)
        ticking = asyncio.create_task(ticks(one))
        await asyncio.sleep(10)
        tables = one.changed(
            exchanges__mock__heartbeat_interval="500ms",
            exchanges__mock__message_timeout=50,
            exchanges__mock__environment="live",
            exchanges__mock__region="eu",
            store__path="x.db",
        )
        told = await one.gateway.reload(tables)
        assert told == Reloaded(
            ("exchanges.mock.heartbeat_interval", "exchanges.mock.message_timeout"),
            ("exchanges.mock.region", "store.path"),
        )
        assert notices.told == [
            ("reloaded", "exchanges.mock.heartbeat_interval, exchanges.mock.message_timeout"),
            ("restart_needed", "exchanges.mock.region, store.path"),
        ]
        await asyncio.sleep(10)
        ticking.cancel()
        assert (one.venue.counts.upgrades, one.venue.counts.pings) == (1, 1 + 20)
        clients.check()
        shown = one.gateway.configuration.shown()
        assert shown["needs_restart"] == ("exchanges.mock.region", "store.path")
        mock = shown["config"]["exchanges"]["mock"]
        assert mock["heartbeat_interval"] == {"value": 0.5, "from": "configuration"}
        assert (mock["region"], shown["config"]["store"]["path"]) == (None, ":memory:"), "what is in effect"
        assert one.gateway.settings.exchanges["mock"].message_timeout == 50


async def ticks(one: Any) -> None:
    while True:
        one.venue.emit_trade("BTC-USDT")
        await asyncio.sleep(0.1)


@virtually
async def test_nothing_changed_is_no_change(running) -> None:
    notices = Notices()
    async with running(tables={"subscriptions": STANDING}, observers=[notices]) as one:
        await one.gateway.connect_account("main")
        before = one.gateway.registry.snapshot.version, one.gateway.settings, len(one.venue.subscribes)
        for _ in range(3):
            assert await one.gateway.reload() == Reloaded((), ())
        await asyncio.sleep(2)
        assert (one.gateway.registry.snapshot.version, one.gateway.settings, len(one.venue.subscribes)) == before
        assert notices.told == [("reloaded", "none")] * 3


@virtually
async def test_a_dry_run_only_tells(running) -> None:
    notices = Notices()
    async with running(observers=[notices]) as one:
        await one.gateway.connect_account("main")
        before = one.gateway.settings, one.gateway.registry.snapshot.version
        tables = one.changed(exchanges__mock__ping_timeout=90, accounts__main=None, store__path="x.db")
        told = await one.gateway.reload(tables, dry_run=True)
        assert told == Reloaded(("exchanges.mock.ping_timeout", "accounts.main"), ("store.path",), dry_run=True)
        with pytest.raises(ConfigError):
            await one.gateway.reload({"exchange": {}}, dry_run=True)
        assert (one.gateway.settings, one.gateway.registry.snapshot.version) == before
        assert (notices.told, one.gateway.configuration.shown()["needs_restart"]) == ([], ())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"exchanges__mock__heartbeat_intervall": 5}, "unknown key; did you mean 'heartbeat_interval'?"),
        (
            {"exchanges__mock__ping_timeout": 2, "exchanges__mock__heartbeat_interval": 3},
            "need at least 1.5 times exchanges.mock.heartbeat_interval, which is 3 s, so 4.5 s; got 2 s",
        ),
        (
            {"exchanges__mock__ping_timeout": 7},
            "exchanges.mock.ping_timeout: need at least 1.5 times what is between two pings, which is 5 s unless",
        ),
        ({"exchanges__mock__environment": "paper"}, "the plugin has no environment 'paper'; known are live"),
        ({"exchanges__mock__ca_file": "/nowhere"}, "/nowhere cannot be used: No such file or directory"),
        ({"plugins": {"options": {"mock": {"x": 1}}}}, "plugins.options.mock: the plugin takes no options"),
        ({"plugins": {"options": {"moc": {}}}}, "names no exchange that is configured; did you mean 'mock'?"),
        (
            {"accounts__main__secret": "env:NO_SUCH"},
            "accounts.main.secret: env:NO_SUCH: this environment variable",
        ),
        (
            {"accounts__main__key_type": "rsa"},
            "accounts.main.secret: is an HMAC secret, and key_type says an RSA key",
        ),
        (
            {"subscriptions": [{"exchange": "mock", "channel": "trade", "symbols": ["A"]}]},
            "has no channel 'trade'",
        ),
        ({"subscriptions": [{"exchange": "mock", "channel": "orders", "account": "x"}]}, "names no account"),
    ],
)
@virtually
async def test_what_is_wrong_changes_nothing_and_is_a_sentence(
    running, wrong: dict[str, Any], sentence: str
) -> None:
    """Beside what is wrong something else has changed, which must not take effect either."""
    notices = Notices()
    async with running(tables={"subscriptions": STANDING}, observers=[notices]) as one:
        await one.gateway.connect_account("main")
        before = one.gateway.settings, one.gateway.registry.snapshot.version
        tables = one.changed(**{"exchanges__mock__message_timeout": 5, "subscriptions": STANDING, **wrong})
        with pytest.raises(ConfigError) as refused:
            await one.gateway.reload(tables)
        assert sentence in str(refused.value)
        assert "\n" not in str(refused.value)
        await asyncio.sleep(5)
        assert (one.gateway.settings, one.gateway.registry.snapshot.version) == before
        assert one.venue.wanted() == {"trades.btc_usdt"}
        assert notices.told == [("reload_refused", str(refused.value))]
        assert await one.gateway.reload() == Reloaded((), ()), "and the next is judged afresh"


@virtually
async def test_a_plugin_that_breaks_on_its_options_changes_nothing(running) -> None:
    class Breaking(MockExchange):
        @spi.hookimpl
        def gateway_exchange_info(self) -> spi.ExchangeInfo:
            return INFO

    async with running(plugins={"mock": Breaking()}) as one:

        def broken(*_: object) -> None:
            raise PluginError("mock", "its options' model raised KeyError")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.app.checking.options_of", broken)
            with pytest.raises(ConfigError) as refused:
                await one.gateway.reload(one.changed(exchanges__mock__message_timeout=5))
        assert (
            str(refused.value)
            == "exchanges.mock: its plugin could not be used: its options' model raised KeyError"
        )
        assert one.gateway.settings.exchanges["mock"].message_timeout == 120


# --- accounts


@virtually
async def test_accounts_come_change_and_go_and_public_data_do_not_notice(running) -> None:
    environ = {"KEY": "mock-key", "SECRET": "mock-secret", "NEW": "wrong"}
    async with running(environ=environ) as one:
        clients = Clients(one)
        await clients.listen(TRADES, "mock:orders:@main")
        ticking = asyncio.create_task(ticks(one))
        spare = {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}
        assert (await one.gateway.reload(one.changed(accounts__spare=spare))).applied == ("accounts.spare",)
        assert await one.gateway.connect_account("spare") is True
        with pytest.raises(KeyError):
            one.gateway.connect_account("nobody")
        told = await one.gateway.reload(one.changed(accounts__main=None))
        assert told.applied == ("accounts.main", "accounts.spare")
        assert [one.status for one in clients.heard["mock:orders:@main"]] == ["live", "closed"]
        for account in ("main", "spare"):
            with pytest.raises(KeyError, match="there is no account"):
                one.gateway.connect_account(account)
        await asyncio.sleep(5)
        assert list(one.gateway.get_connection_details()) == ["mock/stream/0"]
        ticking.cancel()
        clients.check("mock:orders:@main")


@virtually
async def test_a_secret_that_is_another_behind_the_same_reference_is_noticed_and_named(running) -> None:
    environ = {"KEY": "mock-key", "SECRET": "wrong"}
    async with running(environ=environ) as one:
        heard: list[Any] = []
        await one.gateway.listen("mock:orders:@main", heard.append)
        await asyncio.sleep(600)
        assert (one.state(PRIVATE), one.venue.counts.upgrades) == ("DISCONNECTED", 1)
        environ["SECRET"] = "mock-secret"
        assert (await one.gateway.reload()).applied == ("accounts.main.secret",)
        await asyncio.sleep(1)
        assert one.state(PRIVATE) == "CONNECTED"
        assert [notice.status for notice in heard] == ["closed", "pending", "live"]


@virtually
async def test_another_reference_to_the_same_secret_is_applied_and_costs_no_epoch(running) -> None:
    environ = {"KEY": "mock-key", "SECRET": "mock-secret", "AGAIN": "mock-secret"}
    async with running(environ=environ) as one:
        await one.gateway.connect_account("main")
        told = await one.gateway.reload(one.changed(accounts__main__secret="env:AGAIN"))
        assert told.applied == ("accounts.main.secret",)
        await asyncio.sleep(60)
        assert one.venue.counts.upgrades == 1


@virtually
async def test_what_had_stopped_for_good_is_tried_again_by_a_reload_and_not_by_one_that_is_refused(
    running,
) -> None:
    async with running() as one:
        one.faults.refuse_logins.arm("no such key", times=2)
        await one.gateway.listen("mock:orders:@main", lambda _: None)
        await asyncio.sleep(600)
        assert one.venue.counts.upgrades == 1
        with pytest.raises(ConfigError):
            await one.gateway.reload({"exchange": {}})
        await one.gateway.reload(dry_run=True)
        await asyncio.sleep(600)
        assert one.venue.counts.upgrades == 1
        for state in ("DISCONNECTED", "CONNECTED"):
            await one.gateway.reload()
            await asyncio.sleep(600)
            assert one.state(PRIVATE) == state
        assert one.venue.counts.upgrades == 3


# --- one after the other, and not too late


class Slow:
    """Stands for a disk: what is read comes when it is let."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.waiting = 0
        self.let = asyncio.Event()
        patch.setattr(module, "aside", self.aside)

    async def aside(self, work: Any, *, within: float) -> Any:
        self.waiting += 1
        async with asyncio.timeout(within):
            await self.let.wait()
        return work()


def tables_of(one: Any, **values: Any) -> Any:
    return Source(None, {}, one.changed(**values))


@virtually
async def test_one_change_follows_the_other(running) -> None:
    with pytest.MonkeyPatch.context() as patch:
        slow = Slow(patch)
        async with running() as one:
            first = one.gateway.reload(tables_of(one, exchanges__mock__message_timeout=1))
            second = one.gateway.reload(tables_of(one, exchanges__mock__message_timeout=2))
            third = one.gateway.reload(one.changed(exchanges__mock__message_timeout=3))
            await asyncio.sleep(1)
            assert slow.waiting == 1
            assert one.gateway.settings.exchanges["mock"].message_timeout == 120
            slow.let.set()
            key = ("exchanges.mock.message_timeout",)
            assert [(await each).applied for each in (third, first, second)] == [key] * 3
            assert one.gateway.settings.exchanges["mock"].message_timeout == 3


@virtually
async def test_many_who_ask_at_once_are_answered_by_one_reading(running) -> None:
    with pytest.MonkeyPatch.context() as patch:
        slow = Slow(patch)
        async with running() as one:
            configuration = one.gateway.configuration
            configuration.source = tables_of(one, exchanges__mock__message_timeout=1)
            first = asyncio.create_task(configuration.read_anew())
            await asyncio.sleep(1)
            others = [asyncio.create_task(configuration.read_anew(dry_run=not n % 3)) for n in range(30)]
            await asyncio.sleep(1)
            slow.let.set()
            assert (await first)["applied"] == ("exchanges.mock.message_timeout",)
            assert [told["applied"] for told in await asyncio.gather(*others)] == [()] * 30
            assert slow.waiting == 3, "the one that was being read, the next, and one for show"
            await configuration.read_anew()
            assert slow.waiting == 4, "what was begun does not do for who comes later"


@virtually
async def test_whoever_asked_may_leave_and_what_was_begun_is_finished(running) -> None:
    with pytest.MonkeyPatch.context() as patch:
        slow = Slow(patch)
        async with running() as one:
            one.gateway.configuration.source = tables_of(one, exchanges__mock__message_timeout=1)
            asking = asyncio.create_task(one.gateway.configuration.read_anew())
            await asyncio.sleep(1)
            asking.cancel()
            slow.let.set()
            await asyncio.sleep(1)
            assert one.gateway.settings.exchanges["mock"].message_timeout == 1


@virtually
async def test_a_disk_that_never_answers_is_told_and_the_next_is_not_kept_waiting(running) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Slow(patch)
        async with running() as one:
            with pytest.raises(ConfigError, match="neither file nor secrets came within 10 s"):
                await one.gateway.reload(tables_of(one))
            assert await one.gateway.reload() == Reloaded((), ())


@virtually
async def test_what_comes_too_late_is_refused_and_changes_nothing(running) -> None:
    notices = Notices()
    with pytest.MonkeyPatch.context() as patch:
        slow = Slow(patch)
        async with running(observers=[notices]) as one:
            reading = one.gateway.reload(tables_of(one, exchanges__mock__message_timeout=1))
            waiting = one.gateway.reload(one.changed(exchanges__mock__message_timeout=2))
            await asyncio.sleep(1)
            one.gateway.configuration.refuse()
            slow.let.set()
            for each in (reading, waiting, one.gateway.reload()):
                with pytest.raises(ShuttingDown, match="the gateway is shutting down"):
                    await each
            assert one.gateway.settings.exchanges["mock"].message_timeout == 120
            assert notices.told == [("reload_refused", "the gateway is shutting down")] * 3


@virtually
async def test_a_stop_waits_for_nobody_who_reads(running) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Slow(patch)
        async with running() as one:
            asked = [one.gateway.reload(tables_of(one)), one.gateway.reload()]
            await asyncio.sleep(1)
            begun = asyncio.get_running_loop().time()
            await one.gateway.stop()
            assert asyncio.get_running_loop().time() - begun < 1
            for each in asked:
                with pytest.raises(RuntimeError, match="the gateway was stopped"):
                    await each
            with pytest.raises(RuntimeError, match="the gateway was stopped"):
                one.gateway.reload()


# --- what is read anew


def written(path: Path, venue: MockVenue, *lines: str) -> Path:
    endpoints = "\n".join(f'{name} = "{url}"' for name, url in venue.addresses.items())
    head = "[exchanges.mock]\n" + "\n".join(lines)
    path.write_text(f"{head}\n[exchanges.mock.endpoints]\nallow_plaintext = true\n{endpoints}\n")
    return path


async def test_a_file_is_read_anew_and_the_environment_laid_over_it_as_at_the_start(tmp_path: Path) -> None:
    environ = {"GATEWAY_EXCHANGES__MOCK__PING_TIMEOUT": "70"}
    async with MockVenue() as venue:
        path = written(tmp_path / "gateway.toml", venue, "message_timeout = 100")
        async with Gateway(path, environ=environ) as gateway:
            written(path, venue, "message_timeout = 101", "ping_timeout = 71")
            assert (await gateway.reload()).applied == ("exchanges.mock.message_timeout",)
            mock = gateway.settings.exchanges["mock"]
            assert (mock.message_timeout, mock.ping_timeout) == (101, 70)
            environ["GATEWAY_EXCHANGES__MOCK__PING_TIMEOUT"] = "72"
            assert (await gateway.reload()).applied == ("exchanges.mock.ping_timeout",)
            path.write_text("[exchanges.mock")
            with pytest.raises(ConfigError, match="is not TOML"):
                await gateway.reload()
            path.unlink()
            with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
                await gateway.reload()
            assert gateway.settings.exchanges["mock"].ping_timeout == 72


async def test_secrets_in_files_are_looked_up_beside_the_event_loop(tmp_path: Path) -> None:
    """Else a key ring that asks a person for a password would hold up every connection."""
    async with MockVenue() as venue:
        for name, secret in (("key", "mock-key"), ("secret", "mock-secret")):
            (tmp_path / name).touch(mode=0o600)
            (tmp_path / name).write_text(secret)
        account = {"exchange": "mock", "api_key": f"file:{tmp_path}/key", "secret": f"file:{tmp_path}/secret"}
        endpoints = {**venue.addresses, "allow_plaintext": True}
        async with Gateway(
            {"exchanges": {"mock": {"endpoints": endpoints}}, "accounts": {"main": account}}
        ) as gateway:
            let = Event()
            with pytest.MonkeyPatch.context() as patch:
                resolve = signers.resolve
                patch.setattr(signers, "resolve", lambda *args, **more: let.wait(5) and resolve(*args, **more))
                (tmp_path / "secret").write_text("another")
                reloading = gateway.reload()
                assert await gateway.connect_account("main") is True
                let.set()
                assert (await reloading).applied == ("accounts.main.secret",)


async def test_a_program_may_hand_over_another_configuration() -> None:
    async with Gateway(plugins={"mock": MockExchange()}) as gateway:
        assert list(gateway.settings.exchanges) == ["mock"]
        tables: Mapping[str, Any] = {"exchanges": {"mock": {"ping_timeout": 90}}, "log": {"level": "debug"}}
        assert (await gateway.reload(tables)).applied == ("exchanges.mock.ping_timeout",), "its log is its own"
        assert (await gateway.reload(load(None, {}, tables))).applied == ()
        assert (await gateway.reload(Settings())).applied == ("exchanges.mock.ping_timeout",)
        assert (await gateway.reload()).applied == ()


def test_a_program_without_an_event_loop_waits_for_what_came_of_it() -> None:
    with Gateway.in_thread(plugins={"mock": MockExchange()}) as gateway:
        tables = {"exchanges": {"mock": {"ping_timeout": 90}}}
        assert gateway.reload(tables, dry_run=True) == Reloaded(("exchanges.mock.ping_timeout",), (), dry_run=True)
        assert gateway.reload(tables) == Reloaded(("exchanges.mock.ping_timeout",), ())
        with pytest.raises(ConfigError, match="unknown key"):
            gateway.reload({"exchange": {}})
        assert gateway.gateway.settings.exchanges["mock"].ping_timeout == 90


# --- what is shown


@virtually
async def test_a_plugin_that_cannot_say_its_pace_is_shown_without_one_and_asked_once(running) -> None:
    class Silent(MockExchange):
        asked = 0

        @spi.hookimpl
        def gateway_heartbeat_interval(self) -> float:
            self.asked += 1
            raise KeyError

    plugin = Silent()
    async with running(plugins={"mock": plugin}) as one:
        for _ in range(2):
            shown = one.gateway.configuration.shown()["config"]["exchanges"]["mock"]["heartbeat_interval"]
            assert shown == {"value": 15.0, "from": "default"}
        assert plugin.asked == 1


@virtually
async def test_no_secret_is_shown(running) -> None:
    async with running() as one:
        shown = str(one.gateway.configuration.shown())
        assert "env:SECRET" in shown
        assert "mock-secret" not in shown
