"""The wishes of the configuration are open whether anybody listens or not; what cannot be is told."""

import asyncio

import pytest

from gateway.app.standing import API, CONFIGURATION, Standing, wishes
from gateway.config import SubscriptionSettings
from gateway.engine.hub import Hub
from gateway.engine.topics import Topic
from gateway.model.subscriptions import Subscription
from gateway.store import Added, TransientStore
from gateway.testing.virtual import virtually

KNOWN = "(it has: trades, quotes, book, ticker, raw, orders, balances)"


def tables(*subscriptions: dict) -> dict:
    return {"subscriptions": list(subscriptions)}


def test_each_symbol_stream_and_account_is_a_wish() -> None:
    several = SubscriptionSettings(exchange="mock", channel="book", symbols=("A", "B"), variant="5")
    assert [wish.topic for wish in wishes(several)] == ["mock:book:A:5", "mock:book:B:5"]
    account = SubscriptionSettings(exchange="mock", channel="orders", account="main")
    assert [wish.topic for wish in wishes(account)] == ["mock:orders:@main"]
    raw = SubscriptionSettings(exchange="mock", channel="raw", streams=("x", "y"))
    assert [wish.topic for wish in wishes(raw)] == ["mock:raw:x", "mock:raw:y"]


@virtually
async def test_what_stands_is_open_without_a_listener_and_never_swept(running) -> None:
    wanted = tables(
        {"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT", "ETH-USDT"]},
        {"exchange": "mock", "channel": "raw", "streams": ["quotes.sol_usdt"]},
        {"exchange": "mock", "channel": "orders", "account": "main"},
    )
    async with running(tables=wanted) as one:
        await asyncio.sleep(3600)
        assert {stream for _, stream in one.venue.streams()} == {
            "trades.btc_usdt",
            "trades.eth_usdt",
            "quotes.sol_usdt",
            "orders",
        }
        assert one.gateway.problems() == []


@virtually
async def test_one_that_cannot_be_had_is_told_and_keeps_none_of_the_others(running) -> None:
    wanted = tables(
        {"exchange": "mock", "channel": "trades", "symbols": ["NO-SUCH", "BTC-USDT"]},
        {"exchange": "mock", "channel": "nothing", "symbols": ["BTC-USDT"]},
    )
    async with running(tables=wanted) as one:
        await asyncio.sleep(10)
        assert one.gateway.problems() == [
            "mock:trades:NO-SUCH cannot be had: mock has no symbol NO-SUCH",
            f"mock:nothing:BTC-USDT cannot be had: mock has no channel nothing {KNOWN}",
        ]
        assert [stream for _, stream in one.venue.streams()] == ["trades.btc_usdt"]


# --- another configuration


def trades(*symbols: str) -> SubscriptionSettings:
    return SubscriptionSettings(exchange="mock", channel="trades", symbols=symbols)


def standing_of(one) -> Standing:
    return one.gateway._assembly.standing


@virtually
async def test_what_is_new_is_opened_and_what_is_gone_is_given_up_and_nothing_else_is_touched(running) -> None:
    wanted = tables({"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT", "eth_usdt"]})
    async with running(tables=wanted) as one:
        await asyncio.sleep(1)
        topics = dict(one.gateway.hub.topics)
        await standing_of(one).change([trades("eth_usdt"), trades("SOL-USDT")])
        await asyncio.sleep(60)
        assert one.venue.wanted() == {"trades.eth_usdt", "trades.sol_usdt"}
        assert one.gateway.hub.topics["mock:trades:ETH-USDT"] is topics["mock:trades:ETH-USDT"]
        assert [frame.streams for frame in one.venue.subscribes] == [
            ("trades.btc_usdt", "trades.eth_usdt"),
            ("trades.sol_usdt",),
        ]
        await standing_of(one).change([])
        await asyncio.sleep(60)
        assert (one.gateway.hub.topics, one.venue.wanted()) == ({}, set())


@virtually
async def test_what_is_spelled_otherwise_is_the_same(running) -> None:
    wanted = tables({"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT", "btc_usdt"]})
    async with running(tables=wanted) as one:
        for symbols in (["btc_usdt"], ["BTC-USDT"]):
            await standing_of(one).change([trades(*symbols)])
            await asyncio.sleep(60)
            assert [each["topic"] for each in standing_of(one).standing()] == ["mock:trades:BTC-USDT"]
        assert len(one.venue.subscribes) == 1


@virtually
async def test_what_the_api_made_stands_though_the_configuration_has_it_no_more(running) -> None:
    async with running(tables=tables({"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT"]})) as one:
        await standing_of(one).stand([Subscription("mock", "trades", "BTC-USDT")])
        await standing_of(one).change([])
        await asyncio.sleep(60)
        assert one.venue.wanted() == {"trades.btc_usdt"}
        assert [each["origin"] for each in standing_of(one).standing()] == ["api"]


@virtually
async def test_what_cannot_be_had_is_tried_again_and_forgotten_with_its_wish(running) -> None:
    async with running(
        tables=tables({"exchange": "mock", "channel": "trades", "symbols": ["NO-SUCH", "X"]})
    ) as one:
        await asyncio.sleep(1)
        assert len(one.gateway.problems()) == 2
        await standing_of(one).change([trades("NO-SUCH")])
        assert one.gateway.problems() == ["mock:trades:NO-SUCH cannot be had: mock has no symbol NO-SUCH"]
        found = one.gateway._assembly.exchanges["mock"].ground.instruments.find("mock", "BTC-USDT")
        one.gateway._assembly.exchanges["mock"].ground.instruments = Listed(found)
        await standing_of(one).change([trades("NO-SUCH")])
        await asyncio.sleep(1)
        assert one.gateway.problems() == []
        assert [each["topic"] for each in standing_of(one).standing()] == ["mock:trades:BTC-USDT"]


class Listed:
    """Finds the same instrument under every name."""

    def __init__(self, found: object) -> None:
        self._found = found

    def find(self, exchange: str, symbol: str) -> object:
        return self._found

    def __len__(self) -> int:
        return 1


class Slow(Hub):
    """A hub whose exchange takes a second to say what a wish is called."""

    async def resolve(self, wish: Subscription) -> Subscription:
        await asyncio.sleep(1)
        return wish

    def attach(self, subscription: Subscription, listener: object) -> Topic:
        return Topic(subscription, "e")

    def detach(self, topic: Topic, listener: object, now: float) -> None:
        pass


@virtually
async def test_a_change_waits_for_the_start() -> None:
    """Else what the start opens later would stand though the configuration has it no more."""
    standing = Standing(Slow(lambda: "e"), TransientStore(), lambda *_: None, lambda: 0.0, lambda: 0)
    starting = asyncio.create_task(standing.restore([trades("A", "B", "C")]))
    await asyncio.sleep(1.5)
    await standing.change([trades("C")])
    assert starting.done()
    assert [each["topic"] for each in standing.standing()] == ["mock:trades:C"]


class SlowStore(TransientStore):
    """A disk that takes a second to say that it has written."""

    async def add_subscription(self, wish: Subscription, created_us: int) -> Added:
        added = await super().add_subscription(wish, created_us)
        await asyncio.sleep(1)
        return added

    async def remove_subscription(self, wish: Subscription) -> bool:
        removed = await super().remove_subscription(wish)
        await asyncio.sleep(1)
        return removed


class Anything:
    """An exchange that offers everything, and takes a second to say so."""

    async def resolve(self, wish: Subscription, /) -> Subscription:
        await asyncio.sleep(1)
        return wish

    def open(self, topic: Topic, /) -> None:
        pass

    def close(self, topic: Topic, /) -> None:
        pass


@pytest.fixture
def slow() -> tuple[Standing, Hub, SlowStore]:
    hub, store = Hub(lambda: "e"), SlowStore()
    hub.connect("mock", Anything())
    return Standing(hub, store, lambda *_: None, lambda: 0.0, lambda: 0), hub, store


@virtually
async def test_what_is_made_while_the_configuration_gives_it_up_is_open(slow) -> None:
    standing, hub, _ = slow
    await standing.change([trades("A")])
    making = asyncio.create_task(standing.stand([Subscription("mock", "trades", "A")]))
    await asyncio.sleep(1.5)
    await standing.change([])
    [made] = await making
    assert made["status"] == "pending"
    assert hub.topics["mock:trades:A"].listeners == 1


@virtually
async def test_what_falls_during_the_start_does_not_stand(slow) -> None:
    standing, hub, store = slow
    wish = Subscription("mock", "trades", "A")
    await store.add_subscription(wish, 1)
    await standing.load([])
    starting = asyncio.create_task(standing.restore([]))
    await asyncio.sleep(0.5)
    assert await standing.fall(wish.topic) is True
    await starting
    assert standing.standing() == []
    assert hub.topics["mock:trades:A"].listeners == 0


@virtually
async def test_all_that_stands_is_listed_before_it_is_open(slow) -> None:
    standing, _, store = slow
    await store.add_subscription(Subscription("mock", "trades", "A"), 1)
    await store.add_subscription(Subscription("mock", "trades", "B"), 2)
    await standing.load([trades("C")])
    starting = asyncio.create_task(standing.restore([trades("C")]))
    await asyncio.sleep(0.5)
    listed = [(each["topic"], each["origin"], each["status"]) for each in standing.standing()]
    assert listed == [
        ("mock:trades:C", CONFIGURATION, None),
        ("mock:trades:A", API, None),
        ("mock:trades:B", API, None),
    ]
    assert await standing.fall("mock:trades:B") is True, "at once"
    await starting
    assert [(each["topic"], each["status"]) for each in standing.standing()] == [
        ("mock:trades:C", "pending"),
        ("mock:trades:A", "pending"),
    ]


class Spelling(Anything):
    """An exchange that has its list by now, in which names are in capitals."""

    async def resolve(self, wish: Subscription, /) -> Subscription:
        return Subscription(wish.exchange, wish.channel, wish.symbol.upper())


@virtually
async def test_what_was_made_without_a_list_keeps_the_name_under_which_it_was_acknowledged() -> None:
    hub, store = Hub(lambda: "e"), SlowStore()
    hub.connect("mock", Spelling())
    standing = Standing(hub, store, lambda *_: None, lambda: 0.0, lambda: 0)
    for symbol in ("a", "A"):
        await store.add_subscription(Subscription("mock", "trades", symbol), 1)
    await standing.load([])
    await standing.restore([])
    assert [(each["topic"], each["status"]) for each in standing.standing()] == [
        ("mock:trades:a", "pending"),
        ("mock:trades:A", "pending"),
    ]
    assert await standing.fall("mock:trades:A") is True
    assert hub.topics["mock:trades:A"].listeners == 1, "the other is the same"
    assert await standing.fall("mock:trades:a") is True
    assert (standing.standing(), hub.topics["mock:trades:A"].listeners) == ([], 0)
    assert await store.subscriptions() == ()


@pytest.mark.parametrize("turns", range(12))
@virtually
async def test_whoever_leaves_while_he_is_answered_leaves_no_difference_between_disk_and_memory(
    slow, turns: int
) -> None:
    standing, _, store = slow
    wish = Subscription("mock", "trades", "A")
    for change in (standing.stand([wish]), standing.fall(wish.topic)):
        asking = asyncio.create_task(change)
        await asyncio.sleep(turns / 4)
        asking.cancel()
        await asyncio.wait({asking})
        await asyncio.sleep(3)
        kept = [one.subscription.topic for one in await store.subscriptions()]
        assert [each["topic"] for each in standing.standing()] == kept
