"""Make before break: a second connection takes over, and nobody who listens can tell."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from rolled import ID, Rolled, Unlimited

import gateway_mock.plugin
from gateway import spi
from gateway.config.credentials import Secret
from gateway.config.signing import AccountSigner
from gateway.errors import Reason
from gateway.runtime.rollover import ROLLING, SPARED
from gateway.testing.memory import Refuse
from gateway.testing.virtual import run, virtually
from gateway.testing.ways import Cut, Refusal
from gateway_mock.plugin import INFO, MockDialect, MockExchange
from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
TIMES = 50 if FULL else 12
TOPICS = ("trades:BTC-USDT", "quotes:BTC-USDT", "ticker:BTC-USDT", "book:BTC-USDT", "book:BTC-USDT:5")
RAW = ("raw:trades.btc_usdt", "raw:quotes.eth_usdt", "raw:book.btc_usdt")


@pytest.fixture
def rolled(stage) -> Callable[..., Rolled]:
    return partial(Rolled, stage)


# --- what nobody notices


@virtually
async def test_another_connection_takes_over_and_nobody_can_tell(rolled) -> None:
    async with rolled() as one:
        await one.hear(*TOPICS, *RAW)
        before = one.stage.view()
        assert await one.roll() is True
        await asyncio.sleep(15)
        after = one.stage.view()
        one.check()
        one.check_forgotten()
        assert one.stage.story() == ["CONNECTING subscribed", "CONNECTED handshake_done", "CONNECTED rollover"]
        assert (after.epoch, after.state, after.reason, after.text) == (
            before.epoch + 1,
            "CONNECTED",
            "rollover",
            "asked for",
        )
        [*_, change] = one.stage.registry.history(ID)
        assert (change.epoch, change.before, change.after) == (after.epoch, "CONNECTED", "CONNECTED")


@virtually
async def test_it_is_live_at_every_instant(rolled) -> None:
    async with rolled() as one:
        await one.hear(*TOPICS)
        pictures = []
        registry = one.stage.registry
        swap = registry._swap
        registry._swap = lambda *maps: (swap(*maps), pictures.append(registry.snapshot))
        assert await one.roll() is True
        assert [(view.epoch, view.state) for picture in pictures for view in picture.live.values()] == [
            (2, "CONNECTED")
        ]


FAILURES: list[Callable[[Any], None]] = [
    lambda faults: faults.reset_dials.arm(times=1),
    lambda faults: faults.refuse_upgrades.arm(Refusal(503), times=1),
    lambda faults: faults.close_at_subscribe.arm(1008, times=1),
    lambda faults: None,
]


@pytest.mark.parametrize("fails", [False, True])
def test_a_hundred_streams_under_load_many_times_in_a_row(stage, fails: bool) -> None:
    """Twelve times; with ``GATEWAY_FULL_SIZE`` fifty times, and the venue is as loud between two rollovers."""

    async def main() -> None:
        async with Rolled(stage, symbols=25, plugin=Unlimited()) as one:
            symbols = [market.symbol for market in one.venue.markets.values()]
            await one.hear(*(f"{channel}:{symbol}" for symbol in symbols for channel in CHANNELS), *RAW)
            assert len(one.stage.link().connection.feeds) == 100
            for number in range(TIMES):
                one.rate = 20
                if fails:
                    FAILURES[number % len(FAILURES)](one.venue.faults)
                asked = one.supervisor.roll("asked for")
                await one.until(one.epoch_is_new)
                assert asked.result() is (not fails or number % len(FAILURES) == len(FAILURES) - 1)
                await asyncio.sleep(0.5)
                one.rate = 20 if FULL else 0.5
                await one.until(lambda: len(one.venue.sockets) == 1)
                await asyncio.sleep(10)
            one.rate = 20
            await asyncio.sleep(1)
            one.check()
            one.check_forgotten()
            assert one.stage.story()[2:] == ["CONNECTED rollover"] * TIMES
            assert len(one.failures) == (TIMES - TIMES // len(FAILURES) if fails else 0)

    run(main())


CHANNELS = ("trades", "quotes", "ticker", "book")


class Slow(MockExchange):
    """The mock exchange, to which a connection may say five things a second."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        limits = (replace(one, count=5) if one.name == "mock-messages" else one for one in INFO.limits)
        stream, *others = INFO.endpoints
        endpoints = (replace(stream, max_streams=None), *others)
        return replace(INFO, limits=tuple(limits), endpoints=endpoints)


STREAMS = 1024 if FULL else 160


def test_a_connection_that_takes_minutes_to_restore_is_replaced_as_well(stage, monkeypatch) -> None:
    """Each stream in a request of its own: 160 take 40 s; with ``GATEWAY_FULL_SIZE`` 1,024 take four minutes."""
    monkeypatch.setattr(gateway_mock.plugin, "MOST_STREAMS", 1)

    async def main() -> None:
        async with Rolled(stage, symbols=STREAMS // 4, plugin=Slow(), rate=0.5) as one:
            symbols = [market.symbol for market in one.venue.markets.values()]
            topics = [f"{channel}:{symbol}" for symbol in symbols for channel in CHANNELS]
            for name, ear in zip(
                topics, await one.stage.hear_all(*(f"mock:{topic}" for topic in topics)), strict=True
            ):
                one.ears[name] = ear
            await one.until(lambda: one.stage.state() == "CONNECTED", within=STREAMS)
            await asyncio.sleep(30)
            began = asyncio.get_running_loop().time()
            assert await one.roll(within=STREAMS) is True
            took = asyncio.get_running_loop().time() - began
            assert STREAMS / 5 < took < STREAMS / 4 + 10, "at the exchange's pace, and no slower"
            assert took > ROLLING
            await asyncio.sleep(30)
            one.check()
            one.check_forgotten()
            assert one.failures == []

    run(main())


def test_what_took_long_to_restore_is_replaced_in_time_for_another_attempt(stage, monkeypatch) -> None:
    """It took 20 s, and ends after 600: 100 are left, not 60."""
    monkeypatch.setattr(gateway_mock.plugin, "MOST_STREAMS", 1)

    class Aged(Slow):
        @spi.hookimpl
        def gateway_exchange_info(self) -> spi.ExchangeInfo:
            info = super().gateway_exchange_info()
            stream, *others = info.endpoints
            return replace(info, endpoints=(replace(stream, max_age=600.0), *others))

    async def main() -> None:
        async with Rolled(stage, symbols=20, plugin=Aged(), rate=0.5) as one:
            symbols = [market.symbol for market in one.venue.markets.values()]
            await one.stage.hear_all(*(f"mock:{channel}:{symbol}" for symbol in symbols for channel in CHANNELS))
            await asyncio.sleep(430)
            assert one.epoch == 1
            await asyncio.sleep(500 + 25 - 430)
            assert one.epoch == 2

    run(main())


@virtually
async def test_no_wait_for_the_exchanges_limits_is_without_end(rolled, monkeypatch) -> None:
    async with rolled() as one:
        await one.hear(*TOPICS)
        rollover = one.supervisor._rollover
        monkeypatch.setattr(rollover, "due_in", lambda: None)
        second = SimpleNamespace(fault=None)
        rollover._candidate = second
        async with asyncio.timeout(ROLLING) as rollover._timer:  # noqa: ASYNC100  # its deadline is looked at
            began = rollover._timer.when()
            rollover.spare(SimpleNamespace(), 5.0)
            assert rollover._timer.when() == began, "another's wait"
            rollover.spare(second, 5.0)
            rollover.spare(second, -2.0)
            assert rollover._timer.when() == began + 3
            rollover.spare(second, 10_000.0)
            rollover.spare(second, 10.0)
            assert rollover._timer.when() == began + SPARED
        rollover._candidate = None


# --- a second connection that comes to nothing


def mute_the_newest(one: Rolled) -> None:
    """Nothing of what it has been granted is sent."""
    one.newest.streams.clear()


ENDS: dict[str, tuple[Callable[[Rolled], Any], Callable[[Rolled], Any] | None, str]] = {
    "refused": (lambda one: one.venue.faults.reset_dials.arm(), None, "refused"),
    "no answer": (lambda one: one.venue.faults.hang_upgrades.arm(), None, "no connection within 10 s"),
    "no upgrade": (lambda one: one.venue.faults.refuse_upgrades.arm(Refusal(503)), None, "HTTP status 503"),
    "closed at login": (lambda one: one.venue.faults.close_at_subscribe.arm(1008), None, "closed with 1008"),
    "nothing granted": (lambda one: one.venue.faults.refuse_subscribes.arm("full"), None, "ready within 27 s"),
    "one refused": (
        lambda one: one.venue.faults.refused_streams.add("quotes.btc_usdt"),
        None,
        "ready within 27 s",
    ),
    "mute": (lambda one: None, mute_the_newest, "ready within 27 s"),
    "one mute": (lambda one: None, lambda one: one.newest.streams.pop("ticker.btc_usdt"), "ready within 27 s"),
    "lost": (lambda one: None, lambda one: one.newest.drop(), "dropped"),
    "draining": (lambda one: None, lambda one: one.newest.text(b'{"op":"closing"}'), "about to close"),
}


@pytest.mark.parametrize("how", ENDS)
@virtually
async def test_one_that_comes_to_nothing_is_given_up_and_another_tried(rolled, how: str) -> None:
    arm, then, told = ENDS[how]
    async with rolled() as one:
        await one.hear(*TOPICS, *RAW)
        arm(one)
        asked = one.supervisor.roll("asked for")
        if then is not None:
            await one.until(one.is_restored)
            then(one)
        await one.until(lambda: bool(one.failures))
        assert asked.result() is False
        assert told in one.failures[0]
        assert one.stage.story() == ["CONNECTING subscribed", "CONNECTED handshake_done"]
        one.check()
        await one.until(lambda: len(one.venue.sockets) == 1)
        one.venue.faults.clear()
        await one.until(one.epoch_is_new, within=120)
        await asyncio.sleep(15)
        one.check()
        one.check_forgotten()


@virtually
async def test_one_whose_acks_are_lost_takes_over_once_data_show_that_it_is_served(rolled) -> None:
    async with rolled() as one:
        await one.hear(*TOPICS)
        one.venue.faults.lose_acks.arm()
        began = one.stage.ground.now()
        assert await one.roll() is True
        assert 10 < one.stage.ground.now() - began < 13
        one.check()


class Broken(MockDialect):
    """One that fails in one place, from the second connection on."""

    made = 0

    def __init__(self, instruments: spi.Instruments, where: str) -> None:
        super().__init__(instruments)
        type(self).made += 1
        self.where = where if self.made == 2 else ""
        if self.where == "dialect":
            raise RuntimeError

    def subscribe(self, streams, /):
        return () if self.where == "subscribe" else super().subscribe(streams)

    def decode(self, payload, binary, /):
        if self.where == "decode" and b"op" not in payload:
            raise RuntimeError
        return super().decode(payload, binary)

    def book(self, stream, /):
        rule = super().book(stream)
        if self.where == "book":
            return None
        return replace(rule, follows=self.follows) if self.where == "follows" else rule

    @staticmethod
    def follows(*_: object) -> spi.Continuity:
        raise RuntimeError


@pytest.mark.parametrize("where", ["dialect", "subscribe", "decode", "book", "follows"])
@virtually
async def test_a_plugin_that_fails_the_second_connection_harms_it_alone(rolled, where: str) -> None:
    kind = type("Broken", (Broken,), {})

    class Plugin(MockExchange):
        @spi.hookimpl
        def gateway_dialect(self, instruments: spi.Instruments) -> MockDialect:
            return kind(instruments, where)

    async with rolled(plugin=Plugin()) as one:
        await one.hear(*TOPICS)
        assert await one.roll(within=30) is False
        assert "plugin mock" in one.failures[0]
        await one.until(one.epoch_is_new)
        await asyncio.sleep(15)
        one.check()
        one.check_forgotten()
        assert one.stage.story()[2:] == ["CONNECTED rollover"]


@virtually
async def test_further_attempts_wait_longer_and_longer_but_nobody_who_asks_does(rolled) -> None:
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        one.venue.faults.reset_dials.arm()
        assert await one.roll() is False
        await asyncio.sleep(600)
        assert 15 < len(one.failures) < 60
        failed = len(one.failures)
        asked = one.supervisor.roll("once more")
        await asyncio.sleep(0.1)
        assert asked.result() is False
        assert len(one.failures) == failed + 1
        one.venue.faults.clear()
        assert await one.roll() is True
        await asyncio.sleep(10)
        one.venue.faults.reset_dials.arm()
        assert await one.roll() is False
        failed = len(one.failures)
        await asyncio.sleep(1.01)
        assert len(one.failures) > failed, "after a success the first wait is short again"
        one.check()


@virtually
async def test_another_one_waits_until_all_that_came_twice_is_past(rolled) -> None:
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        assert await one.roll() is True
        began = one.stage.ground.now()
        asked = [one.supervisor.roll("asked for") for _ in range(2)]
        assert await asyncio.gather(*asked) == [True, True], "one does for both"
        assert one.epoch == 3
        assert 11 <= one.stage.ground.now() - began < 12
        one.check()


@virtually
async def test_what_only_a_person_can_help_with_is_not_tried_again_until_somebody_asks(rolled) -> None:
    """A wrong key that is tried again and again can cost the account."""
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        one.venue.faults.refuse_upgrades.arm(Refusal(401))
        assert await one.roll() is False
        await asyncio.sleep(3600)
        assert one.failures == ["HTTP status 401; another is tried only when asked for"]
        assert one.stage.state() == "CONNECTED"
        one.venue.faults.clear()
        assert await one.roll() is True
        one.check()


@virtually
async def test_a_changed_pace_holds_for_both(rolled) -> None:
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        asked = one.supervisor.roll("asked for")
        await one.until(one.is_restored)
        one.stage.ground.pace.heartbeat_interval = 0.5
        one.stage.link().pace_changed()
        assert await asked is True
        before = one.venue.counts.pings
        await asyncio.sleep(5)
        assert one.venue.counts.pings - before in {9, 10, 11}


@virtually
async def test_an_exchange_that_wants_quiet_is_left_alone(rolled) -> None:
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        one.venue.faults.refuse_upgrades.arm(Refusal(429, {"retry-after": "300"}), times=1)
        assert await one.roll() is False
        await asyncio.sleep(299)
        assert one.venue.counts.upgrades == 1
        await one.until(one.epoch_is_new, within=100)


# --- the first connection ends meanwhile


def statuses(one: Rolled, name: str = "trades:BTC-USDT") -> list[str]:
    return [str(notice.split()[0]) for notice in one.ears[name].statuses]


def oldest(one: Rolled) -> Any:
    return one.venue.sockets[min(one.venue.sockets)]


@pytest.mark.parametrize("after", [0.1, 0.5, 1.0])
@virtually
async def test_if_the_first_is_lost_the_second_takes_over_in_that_step(rolled, after: float) -> None:
    """Whatever the first had not delivered yet the second has brought, or ids show what is missing."""
    async with rolled() as one:
        await one.hear(*TOPICS, *RAW)
        asked = one.supervisor.roll("asked for")
        await one.until(one.is_restored)
        await asyncio.sleep(after - 0.05)
        pictures = []
        swap = one.stage.registry._swap
        one.stage.registry._swap = lambda *maps: (swap(*maps), pictures.append(one.stage.registry.snapshot))
        oldest(one).drop()
        await asyncio.sleep(0.01)
        assert asked.result() is True
        assert [[*picture.live] for picture in pictures] == [[ID]]
        assert one.stage.story()[2:] == ["CONNECTED rollover"]
        assert one.stage.registry.history(ID)[-1].text == "closed_by_peer"
        assert len(one.venue.sockets) == 1
        await asyncio.sleep(15)
        one.check()
        one.check_forgotten()


@virtually
async def test_the_second_fills_what_a_mute_first_kept_back(rolled) -> None:
    """A half-open connection is left by the heartbeat; the other has what it did not bring, or it is fetched."""
    async with rolled() as one:
        await one.hear(*TOPICS, *RAW)
        one.venue.faults.upgrade_delay = 1.0
        one.supervisor.roll("asked for")
        first = oldest(one)
        first.publish = lambda _: None
        await one.until(one.is_restored)
        first.drop()
        await asyncio.sleep(15)
        assert one.epoch == 2
        assert statuses(one, "trades:BTC-USDT") == ["live"]
        ids = [record.id for record in one.ears["trades:BTC-USDT"].records]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert one.stage.link().connection.counters.filled > 10
        for name in ("quotes:BTC-USDT", *RAW):
            assert [word for word in statuses(one, name) if word != "live"] == ["gap"], name
        assert [word for word in one.ears["book:BTC-USDT"].story if word != "update"] == [
            "snapshot",
            "live",
            "snapshot",
        ]


@virtually
async def test_if_the_first_is_lost_before_the_second_is_restored_all_is_as_ever(rolled) -> None:
    async with rolled() as one:
        await one.hear(*TOPICS)
        one.venue.faults.ack_delay = 2.0
        asked = one.supervisor.roll("asked for")
        await asyncio.sleep(1)
        assert len(one.venue.sockets) == 2
        oldest(one).drop()
        await asyncio.sleep(0.1)
        assert asked.result() is False
        assert one.stage.story()[2:] == ["ERROR closed_by_peer", "RECONNECTING retry_due"]
        assert statuses(one) == ["live", "disconnected"]
        one.venue.faults.clear()
        await asyncio.sleep(5)
        assert one.stage.story()[4:] == ["CONNECTING retry_due", "CONNECTED handshake_done"]
        assert one.network.most_held <= 2
        await asyncio.sleep(60)
        assert one.failures == []
        assert one.stage.story()[6:] == [], "nobody wants it any more: there is another epoch"
        one.check_forgotten()


@pytest.mark.parametrize("how", ["reconnect", "disconnect", "cancel"])
@pytest.mark.parametrize("tenth", range(0, 18, 2))
@virtually
async def test_whatever_is_asked_for_meanwhile_is_done_and_nothing_is_left(rolled, how: str, tenth: int) -> None:
    async with rolled() as one:
        await one.hear(*TOPICS)
        one.venue.faults.ack_delay = 0.4
        one.supervisor.roll("asked for")
        await asyncio.sleep(tenth / 10 + 0.05)
        match how:
            case "reconnect":
                one.supervisor.reconnect(Reason.ASKED, "asked for")
                await asyncio.sleep(15)
                assert one.stage.state() == "CONNECTED"
                assert one.epoch > 1
                one.check_forgotten()
            case "disconnect":
                began = one.stage.ground.now()
                await one.supervisor.disconnect()
                assert one.stage.ground.now() - began < 3.5
                assert one.stage.state() == "DISCONNECTED"
                assert one.network.held == ()
            case "cancel":
                cancel_epochs()
                await asyncio.sleep(15)
                assert one.stage.state() == "CONNECTED"
                one.check_forgotten()
        assert one.network.most_held <= 2


def cancel_epochs() -> None:
    """Do what nobody may but their supervisor."""
    for task in asyncio.all_tasks():
        if task.get_name().startswith("gateway epoch"):
            task.cancel()


@virtually
async def test_an_operator_who_reconnects_meanwhile_gets_the_second(rolled) -> None:
    async with rolled() as one:
        await one.hear(*TOPICS)
        one.supervisor.roll("asked for")
        await asyncio.sleep(0.5)
        one.supervisor.reconnect(Reason.ASKED, "asked for")
        assert await one.supervisor.connect(lasting=True, anew=True) is True
        assert one.epoch == 2
        await asyncio.sleep(15)
        one.check()
        one.check_forgotten()


@virtually
async def test_a_session_is_given_back_once_and_not_by_the_connection_that_was_replaced(stage, variant) -> None:
    def handshake(target):
        yield spi.Open(target.urls[target.endpoint])
        return spi.Session(release=spi.Fetch("DELETE", "http://memory/key"))

    async with stage(variant(gateway_handshake=handshake)) as one:
        assert await one.connect(retry=True)
        for _ in range(2):
            assert await one.link().supervisor.roll("asked for") is True
            await asyncio.sleep(20)
        one.network.on_dial = lambda _: Refuse()
        assert await one.link().supervisor.roll("asked for") is False
        assert [*one.network.fetches] == []
        await one.link().supervisor.disconnect()
        assert len(one.network.fetches) == 1


# --- when it is not asked for


def aged(seconds: float) -> MockExchange:
    """Return an exchange whose connections may last so long."""

    class Aged(MockExchange):
        @spi.hookimpl
        def gateway_exchange_info(self) -> spi.ExchangeInfo:
            first, *others = INFO.endpoints
            return replace(INFO, endpoints=(replace(first, max_age=seconds), *others))

    return Aged()


@virtually
async def test_a_connection_is_replaced_before_its_age_ends(rolled) -> None:
    async with rolled(plugin=aged(10_000.0), rate=0) as one:
        one.venue.faults.age_limit = Cut(10_000.0)
        await one.hear("raw:trades.btc_usdt")
        await asyncio.sleep(50_000)
        changes = [change for change in one.stage.registry.history(ID) if change.reason == "rollover"]
        assert len(changes) == 5
        ages = [(later.at_us - earlier.at_us) / 1e6 for earlier, later in pairwise(changes)]
        assert all(9_500 < age < 9_905 for age in ages)
        assert len({*ages}) > 2, "jittered"
        assert {change.text for change in changes} == {"it is of age"}
        assert one.stage.story()[2:] == ["CONNECTED rollover"] * 5


@virtually
async def test_it_is_replaced_in_the_operators_window(rolled) -> None:
    async with rolled(plugin=aged(86_400.0), rate=0) as one:
        one.stage.ground.pace.rollover_window = (2 * 3600.0, 4 * 3600.0)
        await one.hear("raw:trades.btc_usdt")
        await asyncio.sleep(30 * 3600)
        changes = [change for change in one.stage.registry.history(ID) if change.reason == "rollover"]
        assert 1 <= len(changes) <= 3, "one that is replaced early in it has no other window in its life"
        hours = [change.at_us / 1e6 % 86_400 / 3600 for change in changes]
        assert all(2 <= hour <= 4.01 for hour in hours), hours


@virtually
async def test_one_that_cannot_be_replaced_in_time_ends_as_ever(rolled) -> None:
    async with rolled(plugin=aged(3600.0), rate=1) as one:
        one.venue.faults.age_limit = Cut(3600.0)
        await one.hear("trades:BTC-USDT")
        one.venue.faults.refuse_upgrades.arm(Refusal(503))
        await asyncio.sleep(3610)
        assert one.stage.story()[2] == "ERROR closed_by_peer"
        assert len(one.failures) > 3
        one.venue.faults.clear()
        await asyncio.sleep(100)
        assert one.stage.state() == "CONNECTED"
        assert one.epoch == one.stage.registry._epochs


@pytest.mark.parametrize("closes", [True, False])
@virtually
async def test_an_exchange_that_says_goodbye_is_left_without_a_gap_if_it_lets_us(rolled, closes: bool) -> None:
    async with rolled() as one:
        await one.hear(*TOPICS, *RAW)
        first = oldest(one)
        one.venue.announce_closing(3.0)
        await asyncio.sleep(0.5)
        if closes:
            first.close(1001)
        await asyncio.sleep(20)
        assert one.stage.story()[2:] == ["CONNECTED rollover"]
        assert first.id not in one.venue.sockets
        one.check()
        one.check_forgotten()


@virtually
async def test_every_link_of_a_chain_may_say_goodbye(rolled) -> None:
    """A second connection that is told so too is given up, and another tried."""
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        one.venue.announce_closing(30.0)
        await asyncio.sleep(0.5)
        one.venue.announce_closing(30.0)
        await one.until(lambda: bool(one.failures))
        assert one.failures == ["the exchange is about to close"]
        await one.until(one.epoch_is_new)
        await asyncio.sleep(5)
        one.check()


# --- accounts and limits


@virtually
async def test_an_accounts_connection_logs_in_a_second_time_and_every_order_is_told_once(rolled) -> None:
    signer = AccountSigner(Secret("mock-key"), Secret("mock-secret"))
    async with rolled(accounts={"main": signer}) as one:
        ears = await one.stage.hear_all("mock:orders:@main", "mock:balances:@main")
        orders = asyncio.create_task(trade_for_ever(one.venue))
        link = one.stage.link("mock/private@main")
        for number in range(5):
            assert await link.supervisor.roll("asked for") is True
            assert one.stage.view("mock/private@main").epoch == number + 2
            await asyncio.sleep(10.5)
        orders.cancel()
        await asyncio.sleep(0.1)
        for ear in ears:
            assert ear.statuses == ["live"]
        assert [record.order_id for record in ears[0].records] == list(range(len(ears[0].records)))
        assert [record.free for record in ears[1].records] == [
            str(number) for number in range(len(ears[1].records))
        ]
        assert len(ears[0].records) > 500


async def trade_for_ever(venue: MockVenue) -> None:
    for number in count():
        venue.emit_order(
            {"order_id": number, "symbol": "btc_usdt", "side": "buy", "status": "new", "ts": 1 + number // 3}
        )
        venue.emit_balance({"asset": "BTC", "free": str(number), "ts": 1 + number // 3})
        await asyncio.sleep(0.1)


def test_where_an_account_may_have_one_session_the_second_takes_over_unless_the_firsts_end_is_heard_before(
    rolled,
) -> None:
    """Both happen in one instant, and in which order they are heard is drawn."""
    assert True in {run(with_one_session(rolled), seed=seed) for seed in range(12)}


async def with_one_session(rolled) -> bool:
    signer = AccountSigner(Secret("mock-key"), Secret("mock-secret"))
    async with rolled(accounts={"main": signer}) as one:
        ear = await one.stage.hear("mock:orders:@main")
        one.venue.faults.one_session = 4000
        link = one.stage.link("mock/private@main")
        took_over = await link.supervisor.roll("asked for")
        await one.until(lambda: one.stage.view("mock/private@main").state == "CONNECTED")
        assert [
            notice for notice in one.stage.story("mock/private@main") if "ERROR" in notice
        ] == [] or not took_over
        one.venue.emit_order({"order_id": 1, "symbol": "btc_usdt", "side": "buy", "status": "new"})
        await one.stage.quiet()
        assert ear.story[-1] == "update"
        assert "gap" in ear.story, "nobody can tell what came in between"
        assert ear.story == ["live", "gap", "update"] or not took_over
        return took_over


@virtually
async def test_every_count_goes_on(rolled) -> None:
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        one.venue.faults.reset_dials.arm(times=1)
        assert await one.roll() is False
        await one.until(one.epoch_is_new)
        one.rate = 0
        await asyncio.sleep(12)
        link = one.stage.link()
        counted = link.connection.counted()
        heard = len(one.ears["trades:BTC-USDT"].records)
        assert counted.dials == one.venue.counts.dials == 3
        assert counted.messages_sent == 2
        assert heard + 2 < counted.messages_received < heard + 50, "also what came twice"
        assert counted.pongs_received == counted.pings_sent > 1
        assert link.connection.ages.streams["trades.btc_usdt"] < one.stage.ground.now() - 10
        earlier, ages = link.connection.earlier.streams, link.connection.ages.streams
        assert 0 < earlier["trades.btc_usdt"] <= ages["trades.btc_usdt"]
        assert link.connection.worked is False
        one.rate = 20
        await asyncio.sleep(1)
        oldest(one).drop()
        await asyncio.sleep(0.01)
        assert link.connection.worked is True
