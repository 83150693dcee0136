"""Whoever comes and goes while a second connection takes over: both connections are asked for the same."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest
from msgspec import structs
from rolled import Rolled, Unlimited

from gateway.engine.messages import Message
from gateway.testing.virtual import run, virtually

POOL = [
    f"{kind}:{symbol}{depth}"
    for symbol in ("BTC-USDT", "ETH-USDT", "SOL-USDT")
    for kind, depth in (("trades", ""), ("quotes", ""), ("ticker", ""), ("book", ""), ("book", ":5"))
] + [f"raw:{channel}.{symbol}" for symbol in ("btc_usdt", "sol_usdt") for channel in ("trades", "quotes")]


@pytest.fixture
def rolled(stage) -> Callable[..., Rolled]:
    return partial(Rolled, stage)


async def come_and_go(one: Rolled, random: Random) -> None:
    """Listen to something else now and then, and no more to what was heard; check what was heard."""
    while True:
        name = random.choice(POOL)
        if name in one.ears:
            ear = one.ears.pop(name)
            ear.leave()
            check_visit(name, ear)
        else:
            one.ears[name] = await one.stage.hear(f"mock:{name}")
        await asyncio.sleep(random.choice([0.0, 0.01, 0.05, 0.2, 1.0]))


def check_visit(name: str, ear: Any) -> None:
    """Everything since it came is heard once, in order; frames that nobody can compare may have a gap between."""
    told = [word for word in ear.story if word not in {"update", "snapshot", "live", "pending"}]
    assert told == [] or (name.startswith("raw") and told == ["gap"]), (name, told)
    messages = [one for one in ear.heard if isinstance(one, Message)]
    numbers = [number_of(name, one) for one in messages if name.startswith("raw") or one.kind == "update"]
    assert numbers == sorted({*numbers}), name
    is_whole = not told and not name.startswith("ticker") and name.count(":") == 1
    if numbers and is_whole and [one.kind for one in messages].count("snapshot") < 2:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), name


def number_of(name: str, message: Message) -> int:
    if name.startswith("raw"):
        datum = json.loads(message.records)["data"][0]
    else:
        [record] = message.records
        datum = structs.asdict(record)
    key = next(key for key in ("id", "seq", "last" if name.startswith("raw") else "ts", "ts") if key in datum)
    number: int = datum[key]
    return number


@pytest.mark.parametrize("seed", range(10))
def test_wishes_that_change_meanwhile_reach_both_connections(stage, seed: int) -> None:
    async def main() -> None:
        async with Rolled(stage, plugin=Unlimited()) as one:
            await one.hear("trades:BTC-USDT", "quotes:BTC-USDT")
            kept = [one.ears.pop("trades:BTC-USDT"), one.ears.pop("quotes:BTC-USDT")]
            one.venue.faults.ack_delay = 0.1
            coming = asyncio.create_task(come_and_go(one, Random(seed)))
            for number in range(8):
                assert await one.roll(within=60) is True
                assert one.epoch == 2 + number
                await asyncio.sleep(10.2)
                assert one.stage.link().candidate is None
            coming.cancel()
            await asyncio.wait({coming})
            assert coming.cancelled() or coming.exception() is None, coming.exception()
            await asyncio.sleep(15)
            for name, ear in one.ears.items():
                assert ear.topic.status == "live"
                check_visit(name, ear)
            one.ears = {ear.topic.name.removeprefix("mock:"): ear for ear in kept}
            one.check()
            one.check_forgotten()
            asked = Counter(stream for _, stream in one.venue.streams())
            assert asked == dict.fromkeys(one.stage.link().connection.feeds, 1)
            assert one.failures == []

    run(main(), seed=seed)


@virtually
async def test_frames_that_are_wanted_meanwhile_are_compared_from_then_on(rolled) -> None:
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        asked = one.supervisor.roll("asked for")
        await one.until(one.is_restored)
        feed = one.stage.link().connection.feeds["trades.btc_usdt"]
        assert feed.raw_overlap is None
        ear = await one.stage.hear("mock:raw:trades.btc_usdt")
        assert feed.raw_overlap is not None
        ear.leave()
        assert feed.raw_overlap is None
        one.ears["raw:trades.btc_usdt"] = await one.stage.hear("mock:raw:trades.btc_usdt")
        assert await asked is True
        await asyncio.sleep(1)
        one.check()


@virtually
async def test_a_book_that_is_wanted_meanwhile_is_asked_for_on_both_and_shown_once(rolled) -> None:
    async with rolled() as one:
        await one.hear("trades:BTC-USDT")
        asked = one.supervisor.roll("asked for")
        await one.until(one.is_restored)
        one.ears["book:BTC-USDT"] = await one.stage.hear("mock:book:BTC-USDT")
        assert [number for number, stream in one.venue.streams() if stream == "book.btc_usdt"] == [1, 2]
        assert await asked is True
        await asyncio.sleep(1)
        one.check()


@virtually
async def test_a_stream_that_nobody_wants_any_more_is_given_up_on_both(rolled) -> None:
    async with rolled() as one:
        await one.hear("trades:BTC-USDT", "quotes:BTC-USDT")
        asked = one.supervisor.roll("asked for")
        await one.until(one.is_restored)
        one.ears.pop("quotes:BTC-USDT").leave()
        await one.stage.quiet()
        assert one.venue.streams() == [(1, "trades.btc_usdt"), (2, "trades.btc_usdt")]
        one.ears.pop("trades:BTC-USDT").leave()
        await asyncio.sleep(4)
        assert asked.result() is False
        assert (one.stage.links.all, one.network.held) == ({}, ())
