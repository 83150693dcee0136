"""A stream that is served and silent is told of, asked for anew, at last replaced; a quiet market is let be."""

import asyncio
from typing import Any

import pytest
from measured import happened
from silent import HOUR, QUOTES, TICKER, TRADES, Ear, Mixed, Sparse, scene

from gateway import spi
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Accept
from gateway.testing.virtual import virtually
from gateway.testing.ways import Refusal
from gateway_mock.plugin import MockDialect, _follows


@virtually
async def test_a_socket_that_answers_pings_and_sends_nothing_more_is_left() -> None:
    async with scene() as one:
        await one.hear(QUOTES)
        await asyncio.sleep(30)
        one.venue.faults.stall = True
        await asyncio.sleep(13)
        assert one.ears[QUOTES].told == ["live", "data", "stale data_stalled"]
        assert one.asked("quotes.btc_usdt") == 2
        await asyncio.sleep(12)
        assert one.history[2:5] == [
            ("ERROR", "data_stalled"),
            ("RECONNECTING", "retry_due"),
            ("CONNECTING", "retry_due"),
        ]
        one.venue.faults.clear()
        await asyncio.sleep(5)
        assert one.ears[QUOTES].told[3:] == [
            "disconnected data_stalled",
            "restored data_stalled",
            "live",
            "gap data_stalled",
            "data",
        ]
        assert one.venue.counts.pings > 0


@virtually
async def test_one_that_is_acknowledged_and_never_flows_has_a_name_of_its_own_and_costs_one_reconnect() -> None:
    async with scene(rate=None) as one:
        await one.hear(QUOTES)
        await asyncio.sleep(20)
        assert one.ears[QUOTES].told == ["live", "stale no_data"]
        await asyncio.sleep(HOUR)
        assert one.venue.counts.upgrades == 2, "the connection was replaced once, and not again in vain"
        assert one.gateway.connection("mock/stream/0").is_connected
        assert one.ears[QUOTES].told[-1] == "stale no_data"
        assert 3 < one.asked("quotes.btc_usdt") < 30


@virtually
async def test_where_none_of_several_streams_ever_flows_the_endpoint_is_named_and_what_to_look_at() -> None:
    async with scene(rate=None) as one:
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(40)
        assert one.venue.counts.upgrades == 2
        assert one.details["diagnosis"] is None, "the second connection has had no time yet"
        await asyncio.sleep(10)
        for topic in (QUOTES, TICKER):
            assert one.ears[topic].told == [
                *("live", "stale no_data"),
                *("disconnected no_data", "restored no_data", "live"),
                *("stale no_data", "stale endpoint_moved"),
            ]
        diagnosis = one.details["diagnosis"]
        assert diagnosis["reason"] == "endpoint_moved"
        assert "it was looked for at memory, as [exchanges.mock.endpoints] stream has it" in diagnosis["text"]
        assert one.gateway.operations.problems() == [f"mock/stream/0: {diagnosis['text']}"]
        assert one.noticed == [("endpoint_moved", diagnosis["text"])]
        await asyncio.sleep(HOUR)
        assert one.venue.counts.upgrades == 2
        assert len(one.noticed) == 1, "it is told once"
        one.venue.emit_ticker("BTC-USDT")
        await asyncio.sleep(2)
        assert one.details["diagnosis"] is None
        assert one.gateway.operations.problems() == []
        assert one.ears[TICKER].told[-3:] == ["live", "gap no_data", "data"]
        assert one.ears[QUOTES].told[-1] == "stale endpoint_moved"


@virtually
async def test_an_endpoint_that_falls_silent_later_is_named_too_and_stays_so_on_the_next_connection() -> None:
    async with scene() as one:
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(30)
        one.venue.faults.stall = True
        await asyncio.sleep(60)
        assert one.details["diagnosis"]["reason"] == "endpoint_moved"
        one.venue.drop(code=1001)
        await asyncio.sleep(20)
        assert one.details["diagnosis"]["reason"] == "endpoint_moved"
        assert one.ears[QUOTES].told[-1] == "stale endpoint_moved"
        assert len(one.noticed) == 1
        one.venue.faults.clear()
        await asyncio.sleep(3)
        assert one.details["diagnosis"] is None


@virtually
async def test_where_a_thin_stream_flows_the_endpoint_is_right() -> None:
    async with scene(Mixed(), rate=None) as one:
        await one.hear(QUOTES, TICKER, TRADES)
        for _ in range(30):
            one.venue.emit_trade("BTC-USDT")
            await asyncio.sleep(10)
        assert one.details["diagnosis"] is None
        assert one.ears[QUOTES].told[-1] == "stale no_data"
        assert {what for what, _ in one.noticed} == {"stream_silent"}


@virtually
async def test_whoever_leaves_an_endpoint_that_has_moved_leaves_no_diagnosis() -> None:
    async with scene(rate=None) as one:
        await one.gateway.connect_account("mock/stream/0", retry=True)
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(60)
        assert one.details["diagnosis"]["reason"] == "endpoint_moved"
        await one.leave()
        assert one.details["streams"] == 0
        assert one.details["diagnosis"] is None


@virtually
async def test_one_stream_among_others_that_flow_has_a_second_connection_take_over_and_costs_them_nothing() -> (
    None
):
    async with scene() as one:
        await one.hear(QUOTES, TICKER, TRADES)
        await asyncio.sleep(30)
        one.venue.faults.stalled_streams.add("quotes.btc_usdt")
        await asyncio.sleep(300)
        assert one.venue.counts.upgrades == 2
        assert [reason for _, reason in one.history[2:]] == ["rollover"]
        assert one.details["history"][-1]["text"] == "quotes.btc_usdt is silent"
        assert one.ears[TICKER].told == one.ears[TRADES].told == ["live", "data"]
        ids = one.ears[TRADES].ids
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert len(ids) > 300
        assert one.ears[QUOTES].told == ["live", "data", "stale data_stalled"]
        silent = [text for what, text in one.noticed if what == "stream_silent"]
        assert silent[0] == "quotes.btc_usdt: data_stalled; another connection is to take over"
        assert silent[1] == "quotes.btc_usdt: no_data; asked for anew"
        one.venue.faults.clear()
        await asyncio.sleep(3)
        assert one.ears[QUOTES].told[3:] == ["live", "gap data_stalled", "data"]


@virtually
async def test_a_stream_that_the_second_connection_brings_is_live_with_the_takeover() -> None:
    async with scene() as one:
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(30)
        one.venue.faults.stalled_streams.add("quotes.btc_usdt")
        await asyncio.sleep(18)
        assert one.ears[QUOTES].told[-1] == "stale data_stalled"
        one.venue.faults.clear()
        one.venue.forget("quotes.btc_usdt")
        await asyncio.sleep(10)
        assert one.details["epoch"] == 2
        assert one.ears[QUOTES].told[3:] == ["live", "gap data_stalled", "data"]


@virtually
async def test_thin_markets_make_no_connection_restless() -> None:
    """Streams that fall silent one after the other have one takeover an hour, for all of them."""
    async with scene() as one:
        quotes = [f"mock:quotes:{symbol}" for symbol in ("BTC-USDT", "ETH-USDT", "SOL-USDT")]
        await one.hear(TICKER, *quotes)
        for minute in range(120):
            one.venue.faults.stalled_streams ^= {f"quotes.{('btc', 'eth', 'sol')[minute % 3]}_usdt"}
            await asyncio.sleep(60)
        assert 2 <= one.venue.counts.upgrades - 1 <= 3
        assert one.ears[TICKER].told == ["live", "data"]


@virtually
async def test_thin_streams_that_flow_keep_a_connection_from_being_left() -> None:
    async with scene(Mixed(), rate=None) as one:
        await one.hear(QUOTES, TRADES)
        for _ in range(60):
            one.venue.emit_trade("BTC-USDT")
            await asyncio.sleep(1)
        assert one.ears[TRADES].told == ["live", "data"]
        assert one.ears[QUOTES].told == ["live", "stale no_data"]
        assert [reason for _, reason in one.history[2:]] == ["rollover"]


@virtually
async def test_where_a_second_connection_fails_the_first_goes_on_and_the_stream_is_asked_for_anew() -> None:
    async with scene() as one:
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(30)
        one.venue.faults.stalled_streams.add("quotes.btc_usdt")
        one.venue.faults.refuse_upgrades.arm(Refusal(503))
        await asyncio.sleep(600)
        assert one.details["epoch"] == 1
        assert one.ears[TICKER].told == ["live", "data"]
        assert one.asked("quotes.btc_usdt") > 4
        one.venue.faults.refuse_upgrades.clear()
        await asyncio.sleep(120)
        assert one.details["epoch"] > 1
        assert one.ears[TICKER].told == ["live", "data"]


@virtually
async def test_of_trades_whose_ids_have_no_hole_none_is_told_after_a_silence() -> None:
    async with scene(rate=None) as one:
        await one.hear(TRADES, TICKER)
        for second in range(60):
            one.venue.emit_ticker("BTC-USDT")
            if second < 20 or second > 50:
                one.venue.emit_trade("BTC-USDT")
            await asyncio.sleep(1)
        assert one.ears[TRADES].told == ["live", "data", "stale data_stalled", "live", "data"]
        ids = one.ears[TRADES].ids
        assert ids == list(range(ids[0], 30))


@virtually
async def test_a_healthy_venue_that_is_quiet_for_an_hour_is_let_be() -> None:
    async with scene(Sparse(), rate=None) as one:
        await one.hear(QUOTES, TRADES, "mock:book:BTC-USDT")
        await asyncio.sleep(HOUR)
        happened("healthy connections that were quiet and were left", one.venue.counts.upgrades - 1, 1, "hours")
        assert one.venue.counts.upgrades == 1
        assert [ear.told for ear in one.ears.values()] == [["live"], ["live"], ["data", "live"]]
        assert one.gateway.get_stats()["healthy_connections"] == 1
        assert len(one.venue.subscribes) <= 2


@virtually
async def test_a_book_that_stops_changing_is_stale_and_right_again_without_a_gap_if_its_sequence_says_so() -> None:
    async with scene(rate=None) as one:
        await one.hear("mock:book:BTC-USDT", "mock:ticker:BTC-USDT")
        for second in range(60):
            one.venue.emit_ticker("BTC-USDT")
            if second < 20 or second > 50:
                one.venue.emit_book("BTC-USDT")
            await asyncio.sleep(1)
        told = one.ears["mock:book:BTC-USDT"].told
        assert told[:3] == ["data", "live", "data"]
        assert told[3] == "stale data_stalled"
        assert told[-2:] == ["live", "data"]
        assert not any(word.startswith("gap") for word in told)


@virtually
async def test_a_changed_bound_holds_at_once() -> None:
    """A stream whose rhythm is unknown yet may be silent for the longest bound, which is the operator's."""
    async with scene(rate=None) as one:
        await one.hear(QUOTES)
        await asyncio.sleep(5)
        one.venue.emit_quote("BTC-USDT")
        await asyncio.sleep(40)
        assert one.ears[QUOTES].told == ["live", "data"]
        exchange = one.gateway._assembly.exchanges["mock"]
        exchange.ground.pace.message_timeout = 30.0
        exchange.links.all["mock/stream/0"].pace_changed()
        await asyncio.sleep(1.1)
        assert one.ears[QUOTES].told == ["live", "data", "stale data_stalled"]


@virtually
async def test_a_stream_that_was_left_while_it_was_silent_begins_anew_when_it_is_wanted_again() -> None:
    """It has its whole time again, and nothing is missing before the first that its new listeners hear."""
    async with scene(rate=None) as one:
        await one.hear(TRADES)
        end = await one.gateway.listen(QUOTES, (ear := Ear()).take)
        for _ in range(120):
            one.venue.emit_trade("BTC-USDT")
            await asyncio.sleep(1)
        assert ear.told == ["live", "stale no_data"]
        end()
        for _ in range(600):
            one.venue.emit_trade("BTC-USDT")
            await asyncio.sleep(1)
        upgrades = one.venue.counts.upgrades
        await one.hear(QUOTES)
        await asyncio.sleep(5)
        one.venue.emit_quote("BTC-USDT")
        await asyncio.sleep(1)
        assert one.ears[QUOTES].told == ["live", "data"]
        assert one.venue.counts.upgrades == upgrades


# --- books that wait for a snapshot over REST


def fetch() -> spi.Conversation[spi.BookSnapshot]:
    reply = yield spi.Fetch("GET", "http://memory/depth")
    return spi.BookSnapshot(**reply.json())


class Rested(MockDialect):
    def book(self, stream, /):
        return spi.BookRule(follows=_follows, snapshot=fetch)


@pytest.fixture
def held_up(stage, variant) -> Any:
    """What makes a stage whose books wait for a hundred seconds, as if their exchange's limits were used up."""

    def made():
        one = stage(variant(Rested))
        one.network.on_dial = lambda _: Accept()
        replies = [HttpReply(429, {"retry-after": "100"})]
        book = HttpReply(200, body=b'{"bids":[["99","1"]],"asks":[["101","1"]],"last":5}')
        one.network.on_fetch = lambda _: replies.pop() if replies else book
        return one

    return made


@virtually
async def test_a_book_is_silent_from_when_it_is_live_and_not_while_its_snapshot_is_waited_for(held_up) -> None:
    async with held_up() as one:
        ear = await one.hear("mock:book:a")
        one.far.ack_all()
        await asyncio.sleep(99)
        assert ear.statuses == []
        assert one.far.asked() == ["book.a"]
        await asyncio.sleep(13)
        assert ear.statuses == ["live"]
        await asyncio.sleep(6)
        assert ear.statuses == ["live", "stale no_data"]
        assert one.far.asked() == ["book.a"] * 2


@virtually
async def test_one_whose_frames_somebody_hears_is_silent_all_the_same(held_up) -> None:
    async with held_up() as one:
        await one.hear("mock:book:a")
        await one.hear("mock:raw:book.a")
        one.far.ack_all()
        await asyncio.sleep(17)
        assert one.far.asked() == ["book.a"] * 2


@virtually
async def test_a_connection_is_not_left_again_for_books_that_were_waiting_when_it_was_left(stage, variant) -> None:
    """They were as silent as those for which it was left; another connection has not helped."""
    one = stage(variant(Rested))
    one.network.on_dial = lambda _: Accept()
    whole = HttpReply(200, body=b'{"bids":[["99","1"]],"asks":[["101","1"]],"last":5}')
    replies = [whole, HttpReply(429, {"retry-after": "100"})]
    one.network.on_fetch = lambda _: replies.pop(0) if replies else whole
    async with one:
        ears = await one.hear_all("mock:book:a", "mock:book:b")
        for _ in range(300):
            one.far.ack_all()
            await asyncio.sleep(1)
        assert len(one.network.dials) == 2
        assert {ear.statuses[-1] for ear in ears} == {"stale endpoint_moved"}
