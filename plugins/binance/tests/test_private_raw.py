"""An account's own frames: all of them, as they came, whether there is a record for them or not."""

import asyncio
import json
from typing import Any

import pytest
from trading import MARKETS, Ear, Trading, trading

from gateway.engine.messages import Message
from gateway.errors import SubscriptionError
from gateway.testing.virtual import virtually

EVERYWHERE = pytest.mark.parametrize("exchange", MARKETS)
ORDERS = ("executionReport", "ORDER_TRADE_UPDATE")


def topic(exchange: str, channel: str = "raw") -> str:
    return f"{exchange}:{channel}:@{MARKETS[exchange]}"


def story(ear: Ear) -> list[str]:
    """Return the kinds of events, and statuses, since the last time."""
    heard, ear.heard = ear.heard, []
    return [_kind(one.records) if isinstance(one, Message) else str(one.status) for one in heard]


def _kind(frame: Any) -> str:
    message = json.loads(frame)
    kind: str = message.get("event", message)["e"]
    return kind


async def traded(one: Trading, exchange: str) -> list[str]:
    """Have an order placed and filled, and return what an account is told of it, by the venue's word."""
    before, market = dict(one.venue.sent), MARKETS[exchange]
    one.fill(one.place("a", market), "1", market)
    await asyncio.sleep(1)
    return sorted(kind for kind, count in one.venue.sent.items() for _ in range(count - before.get(kind, 0)))


@EVERYWHERE
@virtually
async def test_all_that_an_account_is_sent_can_be_had(exchange: str) -> None:
    async with trading(exchange) as one:
        ear = await one.hear(topic(exchange))
        assert story(ear) == ["live"]
        sent = await traded(one, exchange)
        assert set(ORDERS) & set(sent)
        assert (exchange != "binance-usdm") or "TRADE_LITE" in sent, "for which there is no record"
        assert sorted(story(ear)) == sent
        assert not one.asked("GET", "openOrders"), "frames say nothing that would have to be fetched"


@EVERYWHERE
@pytest.mark.parametrize("first", ["raw", "orders"])
@virtually
async def test_frames_and_records_are_had_beside_each_other(exchange: str, first: str) -> None:
    async with trading(exchange) as one:
        market, second = MARKETS[exchange], "orders" if first == "raw" else "raw"
        one.place("old", market)
        ears = {name: await one.hear(topic(exchange, name)) for name in (first, second)}
        assert story(ears["raw"]) == (["live"] if first == "raw" else [])
        assert ears["orders"].take() == ["snapshot old new", "live"]
        sent = await traded(one, exchange)
        assert sorted(story(ears["raw"])) == sent
        assert ears["orders"].take() == ["a new", "a filled 1"]
        assert one.story(f"{exchange}/private@{market}") == ["CONNECTING subscribed", "CONNECTED handshake_done"]


@EVERYWHERE
@virtually
async def test_records_may_come_and_go_beside_frames(exchange: str) -> None:
    """What is known of an account is never older than what was said of it while nobody kept that."""
    async with trading(exchange) as one:
        market, orders = MARKETS[exchange], Ear()
        raw = await one.hear(topic(exchange))
        for number in range(2):
            leave = await one.gateway.listen(topic(exchange, "orders"), orders)
            await asyncio.sleep(1)
            leave()
            one.gateway.hub.sweep(asyncio.get_running_loop().time() + 100)
            one.place(f"{number}", market)
            await asyncio.sleep(1)
        await one.gateway.listen(topic(exchange, "orders"), orders)
        await asyncio.sleep(1)
        one.cancel(one.place("late", market), market)
        await asyncio.sleep(1)
        assert orders.take() == [
            *("snapshot", "live", "snapshot 0 new", "live"),
            *("snapshot 0 new, 1 new", "live", "late new", "late canceled"),
        ]
        assert sum(kind in ORDERS for kind in story(raw)) == 4


@EVERYWHERE
@virtually
async def test_after_a_cut_frames_have_a_gap_and_wait_for_nothing(exchange: str) -> None:
    async with trading(exchange) as one:
        raw, orders = await one.hear(topic(exchange)), await one.hear(topic(exchange, "orders"))
        story(raw)
        orders.take()
        one.venue.faults.reply_delay = 2.0
        one.venue.drop()
        async with asyncio.timeout(60):
            while "resyncing" not in [str(notice.status) for notice in orders.notices]:
                orders.news.clear()
                await orders.news.wait()
        await asyncio.sleep(0.1)
        one.place("a", MARKETS[exchange])
        await asyncio.sleep(0.1)
        told = story(raw)
        assert told[:4] == ["disconnected", "restored", "live", "gap"]
        assert told[4] in ORDERS
        assert "a new" not in orders.take(), "it waits for the account"


@EVERYWHERE
@virtually
async def test_a_frame_that_makes_no_sense_is_had_all_the_same(exchange: str) -> None:
    async with trading(exchange) as one:
        raw, orders = await one.hear(topic(exchange)), await one.hear(topic(exchange, "orders"))
        story(raw)
        orders.take()
        kind = "executionReport" if exchange == "binance" else "ORDER_TRADE_UPDATE"
        one.venue.delivery.tell(MARKETS[exchange], "main", {"e": kind, "E": "senseless"})
        await asyncio.sleep(1)
        assert (story(raw), orders.take()) == ([kind], [])
        assert one.story(f"{exchange}/private@{MARKETS[exchange]}")[2:] == []


@EVERYWHERE
@virtually
async def test_a_second_connection_takes_over_and_no_frame_is_told_twice(exchange: str) -> None:
    async with trading(exchange) as one:
        raw = await one.hear(topic(exchange))
        wanted = await traded(one, exchange)
        assert sorted(story(raw)[1:]) == wanted
        rolling = asyncio.ensure_future(_outcome(one.gateway.rollover(f"{exchange}/private@{MARKETS[exchange]}")))
        trades = 1
        async with asyncio.timeout(60):
            while not rolling.done():
                await traded(one, exchange)
                trades += 1
        assert await rolling
        await traded(one, exchange)
        told = [kind for kind in story(raw) if kind != "gap"]
        assert (sorted(told), one.venue.counts.upgrades) == (sorted(wanted * trades), 2)


async def _outcome(outcome: Any) -> Any:
    return await outcome


@virtually
async def test_what_a_session_ends_with_is_the_gateways_own_matter() -> None:
    async with trading("binance-usdm") as one:
        ear = await one.hear(topic("binance-usdm"))
        story(ear)
        for key in one.venue.keys.expire("main"):
            one.venue.key_expired(key)
        await asyncio.sleep(5)
        assert "listenKeyExpired" not in story(ear)
        sent = await traded(one, "binance-usdm")
        told = story(ear)
        assert (told[0], sorted(told[1:])) == ("gap", sent)


@virtually
async def test_an_account_that_there_is_not_has_no_frames() -> None:
    async with trading() as one:
        for wrong in ("binance:raw:@nobody", "binance:raw:@usdm"):
            with pytest.raises(SubscriptionError, match="no account"):
                await one.hear(wrong)
