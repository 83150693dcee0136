"""A stream whose messages are fresh and whose data are not is treated as one that is silent."""

import asyncio
from typing import Any

import pytest
from silent import BOOK, HOUR, QUOTES, TICKER, TRADES, Scene, scene

from gateway import spi
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange

STREAMS = {QUOTES: "quotes.btc_usdt", TICKER: "ticker.btc_usdt", TRADES: "trades.btc_usdt", BOOK: "book.btc_usdt"}


@pytest.fixture(autouse=True)
def venues_may_be_quiet() -> None:
    """They may not: unlike elsewhere, what is silent is found here."""


def freeze(one: Scene, *topics: str) -> None:
    one.venue.faults.frozen_streams.update(STREAMS[topic] for topic in topics)


class Timeless(MockExchange):
    """The mock exchange without times and numbers in its quotes."""

    @spi.hookimpl
    def gateway_dialect(self, instruments: spi.Instruments) -> Any:
        dialect: Any = super().gateway_dialect(instruments)
        decode = dialect.decode

        def timeless(payload: bytes, binary: bool) -> Any:
            return [_timeless(event) for event in decode(payload, binary)]

        dialect.decode = timeless
        return dialect


def _timeless(event: Any) -> Any:
    if isinstance(event, spi.Data) and isinstance(event.records[0], spi.Quote):
        quote = event.records[0]
        return spi.Data(event.stream, (spi.Quote(quote.bid, quote.bid_size, quote.ask, quote.ask_size),))
    return event


@virtually
async def test_one_that_freezes_is_told_asked_for_anew_and_taken_over_and_costs_the_others_nothing() -> None:
    async with scene() as one:
        await one.hear(QUOTES, TICKER, TRADES)
        await asyncio.sleep(30)
        freeze(one, QUOTES)
        await asyncio.sleep(16)
        assert one.ears[QUOTES].told == ["live", "data", "stale data_frozen"]
        assert one.asked("quotes.btc_usdt") == 2
        heard = len(one.ears[QUOTES].heard)
        await asyncio.sleep(HOUR / 2)
        assert one.venue.counts.upgrades == 2, "another connection took over, once"
        assert [reason for _, reason in one.history[2:]] == ["rollover"]
        assert one.ears[TICKER].told == one.ears[TRADES].told == ["live", "data"]
        assert len(one.ears[QUOTES].heard) == heard, "no repetition is told, nor that it flows"
        assert {text for what, text in one.noticed if what == "stream_silent"} == {
            "quotes.btc_usdt: data_frozen; another connection is to take over",
            "quotes.btc_usdt: data_frozen; asked for anew",
        }
        one.venue.faults.clear()
        await asyncio.sleep(3)
        assert one.ears[QUOTES].told[3:] == ["live", "gap data_frozen", "data"]


@virtually
async def test_a_connection_on_which_all_freezes_is_replaced_once_and_never_called_another_endpoint() -> None:
    async with scene() as one:
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(30)
        freeze(one, QUOTES, TICKER)
        await asyncio.sleep(HOUR)
        assert one.venue.counts.upgrades == 2
        assert ("ERROR", "data_frozen") in one.history
        assert one.details["diagnosis"] is None
        assert [one.ears[topic].told[-1] for topic in (QUOTES, TICKER)] == ["stale data_frozen"] * 2
        one.venue.faults.clear()
        await asyncio.sleep(3)
        for topic in (QUOTES, TICKER):
            assert one.ears[topic].told[-3:] == ["live", "gap data_frozen", "data"]


@virtually
async def test_trades_and_books_that_freeze_are_told_too_and_miss_nothing_afterwards() -> None:
    async with scene() as one:
        await one.hear(QUOTES, TRADES, BOOK)
        await asyncio.sleep(30)
        freeze(one, TRADES, BOOK)
        await asyncio.sleep(16)
        assert one.ears[TRADES].told[-1] == "stale data_frozen"
        told = one.ears[BOOK].told
        assert told[told.index("stale data_frozen") + 1 :] == ["live", "data"], "asked for anew it is sent whole"
        await asyncio.sleep(60)
        assert one.ears[QUOTES].told == ["live", "data"]
        one.venue.faults.clear()
        await asyncio.sleep(30)
        assert one.ears[TRADES].told[-1] == one.ears[BOOK].told[-1] == "data"
        ids = one.ears[TRADES].ids
        assert ids == list(range(ids[0], ids[0] + len(ids)))


@virtually
async def test_data_without_times_and_numbers_are_never_called_frozen() -> None:
    async with scene(Timeless()) as one:
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(30)
        freeze(one, QUOTES)
        await asyncio.sleep(HOUR)
        assert one.ears[QUOTES].told == ["live", "data"]
        assert one.venue.counts.upgrades == 1


@virtually
async def test_one_that_was_silent_before_is_called_frozen_once_it_repeats_itself() -> None:
    async with scene() as one:
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(30)
        freeze(one, QUOTES)
        await asyncio.sleep(2)
        one.venue.faults.stalled_streams.add(STREAMS[QUOTES])
        await asyncio.sleep(15)
        assert one.ears[QUOTES].told[-1] == "stale data_stalled"
        one.venue.faults.stalled_streams.clear()
        await asyncio.sleep(60)
        assert one.ears[QUOTES].told[-1] == "stale data_frozen"


@virtually
async def test_one_that_only_says_the_same_once_more_whenever_it_is_asked_is_not_live_for_that() -> None:
    async with scene() as one:
        await one.hear(QUOTES, TICKER)
        await asyncio.sleep(30)
        freeze(one, QUOTES)
        await asyncio.sleep(1)
        silent, asked = one.venue.faults.stalled_streams, 1
        for _ in range(600):
            if one.asked("quotes.btc_usdt") == asked:
                silent.add(STREAMS[QUOTES])
            else:
                asked = one.asked("quotes.btc_usdt")
                silent.clear()  # until the next second
            await asyncio.sleep(1)
        assert one.ears[QUOTES].told == [
            *("live", "data", "stale data_stalled", "live", "gap data_stalled", "data", "stale data_frozen"),
        ]
        assert asked > 4
