"""A stream that goes on coming after it was given up is told of and given up once more, without a storm."""

import asyncio

from gateway.engine.unasked import AGAIN, GRACE
from gateway.testing.virtual import virtually

A, B = "trades.a", "trades.b"


async def left(stage):
    """Return a stage with two live topics of which the first was left, as the exchange has granted."""
    one = stage()
    await one.__aenter__()
    ears = await one.hear_all("mock:trades:a", "mock:trades:b")
    one.far.ack_all()
    await one.quiet()
    ears[0].leave()
    await one.quiet()
    assert one.far.asked("unsubscribe") == [A]
    one.far.ack(A, op="unsubscribe")
    await one.quiet()
    return one


async def comes(one, symbol: str, seconds: float) -> None:
    """Have a trade a second, and answer whatever is asked."""
    for _ in range(round(seconds)):
        one.far.trade(symbol, 1)
        one.far.ack_all()
        await asyncio.sleep(1)


@virtually
async def test_what_comes_late_is_counted_and_nothing_more(stage) -> None:
    one = await left(stage)
    await comes(one, "a", GRACE - 2)
    await asyncio.sleep(60)
    connection = one.link().connection
    assert one.far.asked("unsubscribe") == [A]
    assert (connection.counted().unheard, connection.counted().given_up_again) == (GRACE - 2, 0)
    assert connection.unasked == {A: GRACE - 2}
    assert one.seen.noticed_of("stream_unasked") == []
    await asyncio.sleep(AGAIN)
    assert connection.unasked == {}
    await one.__aexit__()


@virtually
async def test_what_goes_on_coming_is_given_up_once_more_each_few_minutes(stage) -> None:
    one = await left(stage)
    await comes(one, "a", GRACE + 3)
    assert one.far.asked("unsubscribe") == [A, A]
    assert one.link().connection.counted().given_up_again == 1
    assert [facts["text"] for facts in one.seen.noticed_of("stream_unasked")] == [
        f"nobody wants {A}: given up once more"
    ]
    await comes(one, "a", AGAIN - 10)
    assert one.far.asked("unsubscribe") == [A, A]
    await comes(one, "a", 20)
    assert one.far.asked("unsubscribe") == [A, A, A]
    assert one.state() == "CONNECTED"
    await one.__aexit__()


@virtually
async def test_what_the_exchange_sends_by_itself_is_its_own_affair(stage) -> None:
    one = await left(stage)
    await comes(one, "z", 60)
    assert one.far.asked("unsubscribe") == [A]
    assert one.link().connection.unasked == {"trades.z": 60}
    await one.__aexit__()


@virtually
async def test_what_is_wanted_again_is_no_leftover(stage) -> None:
    one = await left(stage)
    await comes(one, "a", GRACE - 1)
    ear = await one.hear("mock:trades:a")
    await comes(one, "a", 30)
    assert one.far.asked("unsubscribe") == [A]
    assert one.link().connection.unasked == {}
    assert ear.statuses[-1] == "live"
    await one.__aexit__()


@virtually
async def test_of_many_a_few_are_named(stage) -> None:
    one = stage()
    await one.__aenter__()
    ears = await one.hear_all(*(f"mock:trades:{symbol}" for symbol in "abcde"))
    one.far.ack_all()
    await one.quiet()
    for ear in ears[:4]:
        ear.leave()
    await one.quiet()
    for _ in range(10):
        for symbol in "abcd":
            one.far.trade(symbol, 1)
        one.far.ack_all()
        await asyncio.sleep(1)
    assert [facts["text"] for facts in one.seen.noticed_of("stream_unasked")] == [
        "nobody wants trades.a, trades.b, trades.c, ...: given up once more"
    ]
    assert one.link().connection.counted().given_up_again == 4
    await one.__aexit__()
