"""Topics inside a program: records and messages in order, bounded, and ended with the gateway."""

import asyncio
from contextlib import aclosing

import pytest

from gateway import Message, Notice, Subscription
from gateway.engine.topics import Topic
from gateway.errors import SlowConsumer, SubscriptionError
from gateway.testing.virtual import LeftBehindError, run, virtually

TRADES, BOOK, QUOTES = "mock:trades:BTC-USDT", "mock:book:BTC-USDT", "mock:quotes:BTC-USDT"


async def take(iterator, count: int) -> list:
    """Return the next ``count`` of an iterator, which is closed then."""
    taken = []
    async with aclosing(iterator), asyncio.timeout(60):
        while len(taken) < count:
            taken.append(await anext(iterator))
    return taken


def topic(one, name: str = TRADES) -> Topic:
    return one.gateway.hub.topics[name]


def trades(one, count: int) -> None:
    for _ in range(count):
        one.venue.emit_trade("BTC-USDT")


async def ready(one, *names: str) -> None:
    """Wait until these topics are live."""
    await asyncio.sleep(0.01)
    assert all(topic(one, name).status == "live" for name in names)


@virtually
async def test_records_come_in_their_order(running) -> None:
    async with running() as one:
        async with one.gateway.subscribe(TRADES) as listening:
            await ready(one, TRADES)
            trades(one, 3)
            records = await take(listening.__aiter__(), 3)
            assert [record.id for record in records] == [1, 2, 3]
        assert topic(one).listeners == 0


@virtually
async def test_several_topics_are_one_iteration_and_named_twice_one_topic(running) -> None:
    async with running() as one, one.gateway.subscribe(TRADES, "mock:trades:btc_usdt", QUOTES) as listening:
        await ready(one, TRADES, QUOTES)
        assert len(listening.topics) == 2
        trades(one, 1)
        one.venue.emit_quote("BTC-USDT")
        kinds = [type(record).__name__ for record in await take(listening.__aiter__(), 2)]
        assert kinds == ["Trade", "Quote"]


@virtually
async def test_messages_tell_statuses_too(running) -> None:
    async with running() as one, one.gateway.subscribe(TRADES) as listening:
        await ready(one, TRADES)
        trades(one, 1)
        await asyncio.sleep(0.1)
        one.venue.drop()
        await asyncio.sleep(2)
        trades(one, 2)
        told = await take(listening.messages(), 6)
        story = [one.status if isinstance(one, Notice) else one.kind for one in told]
        assert story == ["live", "update", "disconnected", "restored", "live", "update"]
        assert isinstance(told[1], Message)
        assert told[1].frame == b"", "nobody encoded anything"


@virtually
async def test_a_book_begins_with_a_snapshot_for_whoever_joins(running) -> None:
    async with running() as one, one.gateway.subscribe(BOOK):
        await ready(one, BOOK)
        one.venue.emit_book("BTC-USDT")
        await asyncio.sleep(0.1)
        [first] = await take(one.gateway.subscribe(BOOK).messages(), 1)
        assert (first.kind, first.offset) == ("snapshot", topic(one, BOOK).offset)
        assert len(first.records[0].bids) == 20


@virtually
async def test_an_exchanges_own_frame_is_one_record(running) -> None:
    async with running() as one, one.gateway.subscribe("mock:raw:trades.btc_usdt") as listening:
        await asyncio.sleep(0.01)
        trades(one, 1)
        [record] = await take(listening.__aiter__(), 1)
        assert record.startswith(b'{"stream":"trades.btc_usdt"')


@virtually
async def test_a_subscription_may_be_given_as_a_value(running) -> None:
    async with running() as one, one.gateway.subscribe(Subscription("mock", "trades", "BTC-USDT")) as listening:
        assert [topic.name for topic in listening.topics] == [TRADES]


@virtually
async def test_nothing_is_subscribed_to_before_the_iteration_begins(running) -> None:
    async with running() as one:
        listening = one.gateway.subscribe(TRADES)
        await asyncio.sleep(1)
        assert one.gateway.hub.topics == {}
        iteration = asyncio.create_task(anext(listening.__aiter__()))
        await ready(one, TRADES)
        trades(one, 1)
        assert (await iteration).id == 1


# --- what cannot be had


@pytest.mark.parametrize(
    ("topics", "problem"),
    [((), "need a topic"), (("mock",), "'mock' is no topic"), ((TRADES, "x:y"), "'x:y' is no topic")],
)
@virtually
async def test_what_is_no_topic_is_said_at_once(running, topics, problem) -> None:
    async with running() as one:
        with pytest.raises(ValueError, match=problem):
            one.gateway.subscribe(*topics)


@pytest.mark.parametrize("bad", ["mock:trades:XRP-USDT", "mock:nothing:BTC-USDT", "other:trades:BTC-USDT"])
@virtually
async def test_one_topic_that_cannot_be_had_means_none(running, bad: str) -> None:
    async with running() as one:
        with pytest.raises(SubscriptionError):
            async with one.gateway.subscribe(TRADES, bad):
                raise AssertionError("opened")
        with pytest.raises(SubscriptionError):
            await take(one.gateway.subscribe(TRADES, bad).__aiter__(), 1)
        assert all(one.listeners == 0 for one in one.gateway.hub.topics.values())


@virtually
async def test_one_that_only_the_route_refuses_means_none_either(running) -> None:
    async with running() as one:
        hub = one.gateway.hub
        attach = hub.attach

        def refuse_quotes(subscription, listener):
            if subscription.channel == "quotes":
                raise SubscriptionError("not_offered", "not today")
            return attach(subscription, listener)

        hub.attach = refuse_quotes
        with pytest.raises(SubscriptionError, match="not today"):
            async with one.gateway.subscribe(TRADES, QUOTES):
                raise AssertionError("opened")
        assert topic(one).listeners == 0


@virtually
async def test_whoever_joins_a_topic_that_is_closed_is_told_why(running) -> None:
    """Else he would wait for ever without a word."""
    async with running() as one:
        one.faults.refuse_logins.arm("no such account")
        await one.gateway.connect_account("main")
        [notice] = await take(one.gateway.subscribe("mock:orders:@main").messages(), 1)
        assert (notice.status, notice.reason) == ("closed", "no such account")
        heard = []
        await one.gateway.listen("mock:orders:@main", heard.append)
        assert [(notice.status, notice.reason) for notice in heard] == [("closed", "no such account")]


# --- slow programs


@virtually
async def test_a_program_that_does_not_keep_up_is_ended_and_costs_the_others_nothing(running) -> None:
    async with running() as one:
        heard = []
        await one.gateway.listen(TRADES, heard.append)
        async with one.gateway.subscribe(TRADES, queue=5) as listening:
            await ready(one, TRADES)
            trades(one, 50)
            await asyncio.sleep(1)
            with pytest.raises(SlowConsumer, match="more than 5 messages waited to be read"):
                await take(listening.messages(), 100)
            assert listening.topics == ()
        assert len([one for one in heard if isinstance(one, Message)]) == 50
        assert one.state() == "CONNECTED"


@virtually
async def test_a_queue_that_is_just_full_is_read_to_its_end(running) -> None:
    async with running() as one, one.gateway.subscribe(TRADES, queue=5) as listening:
        await ready(one, TRADES)
        trades(one, 4)  # and the status
        await asyncio.sleep(1)
        told = await take(listening.messages(), 5)
        assert [message.offset for message in told[1:]] == [1, 2, 3, 4]
    async with running() as one, one.gateway.subscribe(TRADES, queue=5) as listening:
        await ready(one, TRADES)
        trades(one, 5)
        await asyncio.sleep(1)
        with pytest.raises(SlowConsumer):
            await take(listening.messages(), 5)


# --- how it ends


@virtually
async def test_leaving_the_iteration_ends_the_subscription(running) -> None:
    async with running() as one:
        async with one.gateway.subscribe(TRADES) as listening:
            await ready(one, TRADES)
            trades(one, 2)
            async for record in listening:
                assert record.id == 1
                break
        assert topic(one).listeners == 0


@virtually
async def test_closing_ends_an_iteration_that_waits(running) -> None:
    async with running() as one:
        listening = one.gateway.subscribe(TRADES)
        iteration = asyncio.create_task(take(listening.messages(), 100))
        await ready(one, TRADES)
        listening.close()
        listening.close()
        with pytest.raises(StopAsyncIteration):
            await iteration
        assert topic(one).listeners == 0


@virtually
async def test_closing_while_it_is_being_opened_leaves_nobody_listening(running) -> None:
    async with running() as one:
        reference = one.gateway._assembly.exchanges["mock"].reference
        reference._answered.clear()
        listening = one.gateway.subscribe(TRADES)
        iteration = asyncio.create_task(take(listening.messages(), 1))
        await one.quiet()
        listening.close()
        reference._answered.set()
        with pytest.raises(StopAsyncIteration):
            await iteration
        assert one.gateway.hub.topics == {}


@virtually
async def test_the_end_of_the_gateway_is_the_end_of_the_iteration(running) -> None:
    """What was heard before is still read, the last word too."""
    async with running() as one:
        listening = one.gateway.subscribe(TRADES)
        told = []

        async def listen() -> None:
            async for message in listening.messages():
                told.append(message)  # noqa: PERF401  # what was told before the end counts

        task = asyncio.create_task(listen())
        await ready(one, TRADES)
        trades(one, 1)
        await asyncio.sleep(1)
        await one.gateway.stop()
        async with asyncio.timeout(1):
            await task
        story = [one.status if isinstance(one, Notice) else one.kind for one in told]
        assert story == ["live", "update", "disconnected"]


# --- in the data's path


@virtually
async def test_a_callback_hears_a_snapshot_and_then_everything_until_it_is_ended(running) -> None:
    async with running() as one:
        first, second = [], []
        await one.gateway.listen(BOOK, first.append)
        await ready(one, BOOK)
        end = await one.gateway.listen(BOOK, second.append)
        assert [message.kind for message in second] == ["snapshot"]
        one.venue.emit_book("BTC-USDT")
        await asyncio.sleep(0.1)
        end()
        end()
        one.venue.emit_book("BTC-USDT")
        await asyncio.sleep(0.1)
        assert (len(second), len(first)) == (2, 4)


def test_a_callback_that_raises_is_reported_and_harms_nobody_else(running) -> None:
    good = []

    async def main() -> None:
        async with running() as one:
            await one.gateway.listen(TRADES, lambda _: {}["x"])
            await one.gateway.listen(TRADES, good.append)
            await ready(one, TRADES)
            trades(one, 2)
            await asyncio.sleep(1)
            assert one.state() == "CONNECTED"
            assert one.venue.counts.upgrades == 1

    with pytest.raises(LeftBehindError, match="a listener of topics raised an exception") as caught:
        run(main())
    assert isinstance(caught.value.__cause__, KeyError)
    assert len([one for one in good if isinstance(one, Message)]) == 2
