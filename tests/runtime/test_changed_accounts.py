"""Accounts come and go and change their credentials while the exchange runs; nobody else notices."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

import pytest

from gateway import spi
from gateway.config import AccountSigner, Secret
from gateway.errors import SubscriptionError
from gateway.testing.faults import Refusal
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange
from gateway_mock.venue import MockVenue

ID, ORDERS, BALANCES = "mock/private@main", "mock:orders:@main", "mock:balances:@main"
SECRETS = {"old": "one", "new": "two"}


def signer(key: str, secret: str | None = None) -> AccountSigner:
    return AccountSigner(Secret(key), Secret(secret or SECRETS[key]))


class Office:
    """An exchange at which one account has two keys, and what the configuration makes of it."""

    def __init__(self, stage: Callable[..., Any], key: str = "old", **more: Any) -> None:
        loop = asyncio.get_running_loop()
        self.venue = MockVenue(now=lambda: round(loop.time() * 1e6), accounts=SECRETS)
        self.network = MemoryVenue(self.venue)
        self.faults = self.venue.faults
        self.stage = stage(
            more.get("plugin") or MockExchange(),
            network=self.network,
            urls=self.network.addresses,
            accounts={"main": signer(key, more.get("secret"))},
        )
        self._numbers = 0

    async def __aenter__(self) -> Self:
        await self.network.__aenter__()
        await self.stage.__aenter__()
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        await self.stage.__aexit__()
        await self.network.__aexit__(kind, error, trace)  # type: ignore[arg-type]

    def renew(self, key: str, secret: str | None = None) -> None:
        """Have other credentials in the configuration."""
        self.stage.accounts["main"] = signer(key, secret)
        self.stage.exchange.change_accounts(frozenset({"main"}), frozenset({"main"}))

    def remove(self) -> None:
        self.stage.accounts.clear()
        self.stage.exchange.change_accounts(frozenset(), frozenset())

    def add(self, key: str = "new") -> None:
        self.stage.accounts["main"] = signer(key)
        self.stage.exchange.change_accounts(frozenset({"main"}), frozenset())

    def order(self) -> None:
        """Tell the account of its next order, whichever key it logged in with."""
        self._numbers += 1
        order = {"order_id": str(self._numbers), "symbol": "btc_usdt", "side": "buy", "status": "new"}
        for key in SECRETS:
            self.venue.emit_order({**order, "ts": self._numbers}, key=key)

    async def orders_while(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.order()
            await asyncio.sleep(0.1)

    @property
    def logged_in(self) -> list[str | None]:
        """Whose sockets are open, oldest first."""
        return [self.venue.sockets[number].account for number in sorted(self.venue.sockets)]

    @property
    def told(self) -> int:
        return self._numbers


@pytest.fixture
def office(stage) -> Callable[..., Office]:
    return lambda *key, **more: Office(stage, *key, **more)


def ids(ear: Any) -> list[int]:
    return [int(record.order_id) for record in ear.records]


# --- other credentials


@virtually
async def test_a_connection_takes_up_changed_credentials_without_a_gap(office) -> None:
    async with office() as one:
        ear = await one.stage.hear(ORDERS)
        await one.orders_while(1)
        one.renew("new")
        await one.orders_while(10)
        assert one.logged_in == ["new"]
        assert one.stage.story(ID) == ["CONNECTING subscribed", "CONNECTED handshake_done", "CONNECTED rollover"]
        assert one.stage.registry.history(ID)[-1].text == "its account's credentials are others"
        assert ids(ear) == [*range(1, one.told + 1)]
        assert ear.statuses == ["live"]
        assert one.network.most_held == 2
        await asyncio.sleep(60)
        assert one.venue.counts.upgrades == 2, "and that was all"


@virtually
async def test_the_next_epoch_has_them_too(office) -> None:
    async with office() as one:
        await one.stage.hear(ORDERS)
        one.renew("new")
        await asyncio.sleep(20)
        one.venue.drop()
        await asyncio.sleep(5)
        assert one.logged_in == ["new"]


@virtually
async def test_an_attempt_with_the_former_ones_is_given_up(office) -> None:
    async with office() as one:
        one.faults.ack_delay = 5.0
        await one.stage.hear(ORDERS)
        await asyncio.sleep(1)
        assert one.stage.state(ID) == "CONNECTING"
        one.faults.ack_delay = 0.0
        one.renew("new")
        await asyncio.sleep(3)
        assert (one.stage.state(ID), one.logged_in) == ("CONNECTED", ["new"])
        assert one.stage.story(ID)[:2] == ["CONNECTING subscribed", "ERROR asked"]


@virtually
async def test_the_next_attempt_of_one_that_waits_has_them(office) -> None:
    async with office() as one:
        one.faults.refuse_upgrades.arm(Refusal(503))
        await one.stage.hear(ORDERS)
        await asyncio.sleep(5)
        one.renew("new")
        one.faults.clear()
        await asyncio.sleep(40)
        assert one.logged_in == ["new"]


@virtually
async def test_one_that_had_stopped_on_bad_credentials_is_tried_again(office) -> None:
    async with office(secret="wrong") as one:
        ear = await one.stage.hear(ORDERS)
        await asyncio.sleep(600)
        assert (one.stage.view(ID).fatal, one.venue.counts.upgrades) == (True, 1)
        one.renew("new")
        await asyncio.sleep(1)
        assert (one.stage.state(ID), one.logged_in) == ("CONNECTED", ["new"])
        assert ear.statuses == ["closed bad key or signature", "pending", "live"]
        one.order()
        await asyncio.sleep(1)
        assert ids(ear) == [1]


@virtually
async def test_one_that_stopped_and_was_forgotten_may_be_wanted_again(office) -> None:
    async with office(secret="wrong") as one:
        ear = await one.stage.hear(ORDERS)
        ear.leave()
        await asyncio.sleep(60)
        assert one.stage.links.all == {}
        one.renew("new")
        await asyncio.sleep(60)
        assert one.venue.counts.upgrades == 1, "nobody wants it"
        again = await one.stage.hear(ORDERS)
        await asyncio.sleep(1)
        assert again.statuses == ["live"]


@virtually
async def test_one_that_is_refused_while_the_credentials_change_is_tried_with_the_new_ones(office) -> None:
    """It is in ERROR then, and being closed: not yet known as one that only a person can help."""
    async with office(secret="wrong") as one:
        await one.stage.hear_now(ORDERS)
        await one.network.wait_for(lambda: bool(one.network.peers))
        one.network.peers[0].close_takes = 2.0
        await asyncio.sleep(1)
        assert one.stage.state(ID) == "ERROR"
        one.renew("new")
        await asyncio.sleep(10)
        assert (one.stage.state(ID), one.logged_in) == ("CONNECTED", ["new"])


@virtually
async def test_new_credentials_that_are_refused_cost_nothing_until_somebody_acts(
    office,
) -> None:
    async with office() as one:
        ear = await one.stage.hear(ORDERS)
        one.renew("new", "wrong")
        await one.orders_while(120)
        assert one.logged_in == ["old"]
        (failure,) = one.stage.seen.noticed_of("rollover_failed")
        assert failure["text"] == "bad key or signature; another is tried only when asked for"
        one.stage.links.forgive()
        await one.orders_while(30)
        assert len(one.stage.seen.noticed_of("rollover_failed")) == 2
        one.renew("new")
        await one.orders_while(30)
        assert one.logged_in == ["new"]
        assert (ear.statuses, ids(ear)) == (["live"], [*range(1, one.told + 1)])


@virtually
async def test_a_takeover_under_way_with_the_former_ones_is_followed_by_another(office) -> None:
    async with office() as one:
        ear = await one.stage.hear(ORDERS)
        one.faults.ack_delay = 2.0
        first = one.stage.links.roll(ID)
        await one.orders_while(1)
        one.renew("new")
        one.faults.ack_delay = 0.0
        await one.orders_while(30)
        assert first.result() is True
        assert one.logged_in == ["new"]
        assert one.stage.story(ID)[2:] == ["CONNECTED rollover", "CONNECTED rollover"]
        assert (ear.statuses, ids(ear)) == (["live"], [*range(1, one.told + 1)])


@virtually
async def test_a_takeover_that_is_refused_with_the_former_ones_is_tried_with_the_new_ones(office) -> None:
    async with office() as one:
        ear = await one.stage.hear(ORDERS)
        one.faults.ack_delay = 2.0
        one.faults.refuse_logins.arm("revoked", times=1)
        first = one.stage.links.roll(ID)
        await one.orders_while(1)
        one.renew("new")
        one.faults.ack_delay = 0.0
        await one.orders_while(30)
        assert first.result() is False
        assert one.logged_in == ["new"]
        assert (ear.statuses, ids(ear)) == (["live"], [*range(1, one.told + 1)])


# --- what only a person can help with


@virtually
async def test_what_was_fatal_is_tried_again_once_when_a_person_has_acted(office) -> None:
    async with office(secret="wrong") as one:
        ear = await one.stage.hear(ORDERS)
        for upgrades in (2, 3):
            one.stage.links.forgive()
            await asyncio.sleep(600)
            assert one.venue.counts.upgrades == upgrades
        assert ear.statuses == ["closed bad key or signature", *(["pending", "closed bad key or signature"] * 2)]


@virtually
async def test_what_was_fatal_and_nobody_wants_is_not_dialled(office) -> None:
    async with office(secret="wrong") as one:
        ear = await one.stage.hear(ORDERS)
        ear.leave()
        await asyncio.sleep(10)
        one.stage.links.forgive()
        await asyncio.sleep(600)
        assert one.venue.counts.upgrades == 1


@virtually
async def test_what_an_operator_holds_down_stays_down(office) -> None:
    async with office(secret="wrong") as one:
        await one.stage.hear(ORDERS)
        one.stage.links.hold_down(ID)
        one.stage.links.forgive()
        one.renew("new")
        await asyncio.sleep(600)
        assert (one.stage.state(ID), one.venue.counts.upgrades) == ("DISCONNECTED", 1)


# --- accounts that go and come


@virtually
async def test_an_account_that_goes_takes_its_connection_with_it_and_nothing_else(office) -> None:
    async with office() as one:
        ears = [await one.stage.hear(topic) for topic in (ORDERS, BALANCES)]
        other = await one.stage.hear("mock:trades:BTC-USDT")
        one.order()
        await one.stage.quiet()
        one.remove()
        assert [ear.statuses for ear in ears] == [["live", "closed unknown_account"]] * 2
        assert ids(ears[0]) == [1], "what had come was told"
        with pytest.raises(SubscriptionError, match="no account main at mock"):
            await one.stage.hear(ORDERS)
        await asyncio.sleep(5)
        assert [*one.stage.links.all] == ["mock/stream/0"]
        assert (one.logged_in, other.statuses) == ([None], ["live"])
        assert one.network.peers[0].close_code == 1000, "politely"


@virtually
async def test_an_account_that_comes_back_brings_its_topics_back_with_a_gap(office) -> None:
    async with office() as one:
        orders, balances = [await one.stage.hear(topic) for topic in (ORDERS, BALANCES)]
        await one.orders_while(1)
        one.remove()
        await one.orders_while(20)
        one.add()
        await one.stage.quiet()
        assert one.logged_in == ["new"]
        one.order()
        await one.stage.quiet()
        assert orders.statuses == ["live", "closed unknown_account", "pending", "gap stopped", "live"]
        assert balances.statuses == ["live", "closed unknown_account", "pending", "live"]
        assert ids(orders) == [*range(1, 11), one.told]


@virtually
async def test_it_may_come_back_before_it_is_gone(office) -> None:
    async with office() as one:
        ear = await one.stage.hear(ORDERS)
        one.network.peers[0].close_takes = 2.0
        one.remove()
        await asyncio.sleep(1)
        assert one.stage.state(ID) == "DISCONNECTING"
        one.add("new")
        await asyncio.sleep(5)
        assert (one.logged_in, ear.statuses[-1]) == (["new"], "live")


@virtually
async def test_a_topic_that_nobody_hears_any_more_does_not_wait_for_its_account(office) -> None:
    async with office() as one:
        ear = await one.stage.hear(ORDERS)
        one.remove()
        ear.leave()
        assert one.stage.exchange._orphans == {}
        one.add()
        await asyncio.sleep(60)
        assert one.venue.counts.upgrades == 1


@virtually
async def test_what_an_operator_wanted_of_an_account_goes_with_it(office) -> None:
    async with office() as one:
        links = one.stage.links
        private = one.stage.ground.info.endpoints[1]
        assert await links.connect(links.get(private, 0, "main"), retry=True, anew=False)
        links.set_auto(ID, enabled=False)
        one.remove()
        await asyncio.sleep(5)
        assert links.all == {}
        links.hold_down(ID)
        one.remove()
        one.add()
        one.remove()
        assert (links.held_down, links._manual, links._fatal) == (frozenset(), frozenset(), {})


@virtually
async def test_a_fault_that_was_fatal_goes_with_its_account(office) -> None:
    async with office(secret="wrong") as one:
        ear = await one.stage.hear(ORDERS)
        one.remove()
        await asyncio.sleep(5)
        one.add("new")
        await asyncio.sleep(1)
        assert ear.statuses[-2:] == ["pending", "live"]


@virtually
async def test_a_topic_that_the_plugin_has_no_route_for_any_more_stays_closed(office) -> None:
    class Forgetful(MockExchange):
        routes = True

        @spi.hookimpl
        def gateway_route(self, subscription: spi.Subscription) -> spi.Route | None:
            return spi.Route("private", "orders", "main") if self.routes else None

    plugin = Forgetful()
    async with office(plugin=plugin) as one:
        ear = await one.stage.hear(ORDERS)
        one.remove()
        plugin.routes = False
        one.add()
        await asyncio.sleep(5)
        assert ear.statuses == ["live", "closed unknown_account", "pending", "closed not_offered"]


@virtually
async def test_faults_are_judged_with_the_credentials_that_hold(office) -> None:
    class Judging(MockExchange):
        keys: list[str]

        @spi.hookimpl
        def gateway_classify(self, target: spi.Target) -> None:
            if target.signer is not None:
                self.keys.append(target.signer.api_key)

    plugin = Judging()
    plugin.keys = []
    async with office(plugin=plugin) as one:
        await one.stage.hear(ORDERS)
        one.venue.drop()
        await asyncio.sleep(5)
        one.renew("new")
        await asyncio.sleep(20)
        one.venue.drop()
        await asyncio.sleep(5)
        assert plugin.keys == ["old", "new"]
