"""What goes wrong while an account logs in: answers that are lost, late or refused, and clocks that stay wrong."""

import asyncio
import json
from typing import Any

import pytest
from trading import MARKETS, trading

from gateway.testing.faults import Refusal
from gateway.testing.virtual import virtually
from gateway.testing.ways import Ack
from gateway_binance.venue.hosts import Market

PRIVATE, ORDERS = "binance/private@spot", "binance:orders:@spot"


@virtually
async def test_f01_an_account_that_is_refused_harms_no_public_stream() -> None:
    async with trading(environ={"SECRET": "wrong"}) as one:
        trades = await one.hear("binance:trades:BTC-USDT")
        orders = await one.hear(ORDERS)
        assert (trades.take(), orders.take()[-1]) == (["live"], "closed")
        for _ in range(20):
            one.venue.tick()
            await asyncio.sleep(1)
        assert set(trades.take()) == {"Trade"}
        assert one.state("binance/stream/0") == "CONNECTED"


@virtually
async def test_f02_a_login_that_is_never_answered_is_tried_again_and_nothing_is_asked_before() -> None:
    async with trading() as one:
        one.venue.faults.lose_acks.arm(times=1)
        ear = await one.hear(ORDERS)
        await asyncio.sleep(15)
        assert ear.take() == ["snapshot", "live"]
        first, second = (frames_of(peer) for peer in one.network.peers)
        assert [frame["method"] for frame in first] == ["userDataStream.subscribe.signature"]
        assert second[0]["method"] == "userDataStream.subscribe.signature"
        assert first[0]["params"]["signature"] != second[0]["params"]["signature"], "signed anew"
        assert one.asked("GET", "/openOrders")[0].at > 5


def frames_of(peer: Any) -> list[Any]:
    return [json.loads(frame) for frame in peer.sent if isinstance(frame, str) and frame.startswith("{")]


@pytest.mark.parametrize("how", [Ack.ASTRAY, Ack.TEXT_ID, Ack.NULL_ID, Ack.TWICE, Ack.STRANGER])
@virtually
async def test_f03_an_answer_that_comes_otherwise_ends_no_more_than_an_attempt(how: Ack) -> None:
    async with trading() as one:
        one.venue.faults.bend_acks.arm(how, times=1)
        ear = await one.hear(ORDERS)
        await asyncio.sleep(20)
        assert ear.take() == ["snapshot", "live"]
        one.place("a")
        await asyncio.sleep(1)
        assert ear.take() == ["a new"]
        await asyncio.sleep(300)
        assert one.state(PRIVATE) == "CONNECTED"


@pytest.mark.parametrize("exchange", MARKETS)
@virtually
async def test_f17_a_stream_that_was_ended_flows_again_within_five_seconds(exchange: str) -> None:
    market = MARKETS[exchange]
    async with trading(exchange) as one:
        ear = await one.hear(f"{exchange}:orders:@{market}")
        ear.take()
        one.venue.end_subscriptions("main")
        for key in one.venue.keys.expire("main"):
            one.venue.key_expired(key)
        one.place("a", market)
        await asyncio.sleep(5)
        assert ear.take()[-3:] == ["snapshot a new", "synced", "live"]


@virtually
async def test_f19_each_token_is_used_once_whatever_happens_to_connections() -> None:
    async with trading(options={"binance": {"cross_margin": ["spot"]}}) as one:
        await one.hear(ORDERS)
        for pause in (0.0, 0.1, 3.0, 30.0):
            one.gateway.rollover(PRIVATE)
            await asyncio.sleep(pause)
            one.venue.drop()
            await asyncio.sleep(60)
        tokens = [
            frame["params"]["listenToken"]
            for peer in one.network.peers
            for frame in frames_of(peer)
            if frame["method"] == "userDataStream.subscribe.listenToken"
        ]
        assert len(tokens) >= 5
        assert len(tokens) == len(set(tokens))
        assert one.state(PRIVATE) == "CONNECTED"


@pytest.mark.parametrize("exchange", MARKETS)
@virtually
async def test_h04_a_clock_that_stays_wrong_is_no_loop(exchange: str) -> None:
    """The exchange refuses every time, and will not say what it is."""
    market = MARKETS[exchange]
    async with trading(exchange) as one:
        ear = await one.hear(f"{exchange}:orders:@{market}")
        wrong = Refusal(
            400, body=b'{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'
        )
        one.venue.clock.shift = 300.0
        one.venue.faults.refuse_requests.arm(wrong)
        one.venue.drop()
        before = one.tries
        await asyncio.sleep(600)
        dials, requests = (after - then for after, then in zip(one.tries, before, strict=True))
        assert dials + requests < 100
        assert one.gateway.problems() != [], "it is told"
        one.venue.faults.clear()
        await asyncio.sleep(60)
        assert one.state(f"{exchange}/private@{market}") == "CONNECTED"
        assert ear.take()[-1] == "live"


@virtually
async def test_g15_a_fill_that_was_lost_on_the_way_is_found_when_the_stream_flows_anew() -> None:
    """Not only a cut loses events: here the exchange does, and the next reconnect shows it."""
    async with trading() as one:
        ear = await one.hear(ORDERS)
        order = one.place("a")
        await asyncio.sleep(1)
        one.venue.faults.lose("executionReport", 1)
        one.fill(order, "1")
        await asyncio.sleep(1)
        assert ear.take()[-1] == "a new"
        one.venue.drop()
        await asyncio.sleep(5)
        assert ear.take()[-3:] == ["snapshot a filled 1", "synced", "live"]


@virtually
async def test_h05_a_clock_that_jumps_between_signing_and_sending_costs_one_try() -> None:
    async with trading("binance-usdm") as one:
        ear = await one.hear("binance-usdm:orders:@usdm")
        ear.take()
        one.venue.drop()
        one.venue.clock.shift = 120.0
        await asyncio.sleep(0.9)
        one.venue.clock.shift = -120.0
        await asyncio.sleep(30)
        assert ear.take()[-1] == "live"
        one.place("a", Market.USDM)
        await asyncio.sleep(1)
        assert ear.take() == ["a new"]
