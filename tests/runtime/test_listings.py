"""What changes from one list of instruments to the next is told, and whom it concerns; a broken one is doubted."""

import asyncio
import json

import pytest

from gateway.runtime.listings import DOUBTED, KEPT, NAMED
from gateway.runtime.reference import REFRESH
from gateway.spi.steps import HttpReply
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange

TRADES = "mock:trades:ETH-USDT"


def row(base: str, status: str = "trading") -> dict[str, str]:
    return {
        "symbol": f"{base}-USDT",
        "native": f"{base.lower()}_usdt",
        "base": base,
        "quote": "USDT",
        "status": status,
    }


class Lists:
    """What the exchange answers, which can be changed."""

    def __init__(self, one, *rows) -> None:
        self.rows = list(rows)
        one.network.on_fetch = lambda _: HttpReply(200, body=json.dumps(self.rows).encode())


def told(one) -> list[dict[str, str]]:
    return list(one.seen.noticed_of("instruments_changed"))


@virtually
async def test_the_first_list_is_no_change(stage) -> None:
    one = stage(MockExchange())
    lists = Lists(one, row("BTC"), row("ETH"))
    async with one:
        await asyncio.sleep(2.5 * REFRESH)
        assert told(one) == []
        assert one.exchange.reference.listings.recent == ()
        assert len(one.ground.instruments) == len(lists.rows)


@virtually
async def test_what_has_changed_is_told_once(stage) -> None:
    one = stage(MockExchange())
    lists = Lists(one, row("BTC"), row("ETH"), row("LTC"))
    async with one:
        await asyncio.sleep(1)
        lists.rows[:] = [row("BTC"), row("ETH", "halted"), row("SOL"), row("ADA")]
        await asyncio.sleep(2 * REFRESH)
        assert told(one) == [
            {"listed": "ADA-USDT, SOL-USDT", "delisted": "LTC-USDT", "changed": "ETH-USDT (trading to halted)"}
        ]
        recent = one.exchange.reference.listings.recent
        assert [(listing.change.what, listing.change.instrument.base) for listing in recent] == [
            ("changed", "ETH"),
            ("delisted", "LTC"),
            ("listed", "SOL"),
            ("listed", "ADA"),
        ]
        assert {listing.at_us for listing in recent} == {round(REFRESH * 1e6)}


@virtually
async def test_another_tick_is_a_change_too(stage) -> None:
    one = stage(MockExchange())
    lists = Lists(one, row("BTC"))
    async with one:
        lists.rows[0]["base"] = "XBT"
        await asyncio.sleep(REFRESH + 1)
        assert told(one) == [{"changed": "BTC-USDT"}]


@virtually
async def test_of_many_changes_a_line_names_some_and_the_last_are_remembered(stage) -> None:
    one = stage(MockExchange())
    lists = Lists(one, row("BTC"))
    async with one:
        lists.rows += [row(f"C{number:03}") for number in range(100)]
        await asyncio.sleep(REFRESH + 1)
        (facts,) = told(one)
        assert facts["listed"].startswith("C000-USDT, C001-USDT, ")
        assert facts["listed"].endswith(f"C{NAMED - 1:03}-USDT and {100 - NAMED} more")
        recent = one.exchange.reference.listings.recent
        assert len(recent) == KEPT
        assert recent[-1].change.instrument.base == "C099"


@virtually
async def test_a_list_that_has_lost_half_is_doubted_for_a_minute(stage) -> None:
    one = stage(MockExchange())
    lists = Lists(one, *[row(f"C{number}") for number in range(10)])
    async with one:
        await asyncio.sleep(1)
        whole, lists.rows = lists.rows, lists.rows[:4]
        await asyncio.sleep(REFRESH)
        assert len(one.ground.instruments) == 10
        assert "has 4 where it had 10" in one.exchange.reference.problem
        lists.rows = whole
        await asyncio.sleep(DOUBTED)
        assert (one.exchange.reference.problem, told(one)) == ("", [])


@virtually
async def test_what_the_exchange_insists_on_is_believed(stage) -> None:
    one = stage(MockExchange())
    lists = Lists(one, *[row(f"C{number}") for number in range(10)])
    async with one:
        await asyncio.sleep(1)
        lists.rows = []
        await asyncio.sleep(REFRESH + DOUBTED + 60)
        assert len(one.ground.instruments) == 0
        assert [len(facts["delisted"].split(", ")) for facts in told(one)] == [10]
        assert one.exchange.reference.problem == ""


SOON = 5.0


@pytest.fixture
def soon(monkeypatch) -> None:
    """Look at the list every few seconds, lest streams be found silent meanwhile."""
    monkeypatch.setattr("gateway.runtime.reference.REFRESH", SOON)


@virtually
async def test_a_topic_of_what_is_delisted_is_closed_and_goes_on_when_it_is_listed_again(stage, soon) -> None:
    one = stage(MockExchange())
    lists = Lists(one, row("BTC"), row("ETH"))
    async with one:
        gone, stays, raw = await one.hear_all(TRADES, "mock:trades:BTC-USDT", "mock:raw:quotes.eth_usdt")
        one.far.ack_all()
        one.far.trade("eth_usdt", 1)
        lists.rows[:] = [row("BTC")]
        await asyncio.sleep(SOON + 1)
        assert gone.story == ["live", "update", "closed"]
        assert gone.statuses == ["live", "closed delisted"]
        assert stays.statuses == raw.statuses == ["live"]
        assert one.far.asked("unsubscribe") == ["trades.eth_usdt"]
        lists.rows.append(row("ETH"))
        await asyncio.sleep(SOON)
        one.far.ack_all()
        one.far.trade("eth_usdt", 9)
        await one.quiet()
        assert gone.story[3:] == ["pending", "live", "gap", "update"]


@virtually
async def test_a_topic_that_nobody_wants_any_more_does_not_come_back(stage, soon) -> None:
    one = stage(MockExchange())
    lists = Lists(one, row("BTC"), row("ETH"))
    async with one:
        ear = await one.hear(TRADES)
        one.far.ack_all()
        lists.rows[:] = [row("BTC")]
        await asyncio.sleep(SOON + 1)
        ear.leave()
        lists.rows.append(row("ETH"))
        await asyncio.sleep(SOON)
        assert ear.statuses[-1] == "closed delisted"
        assert not one.links.all


@virtually
async def test_a_topic_follows_a_symbol_that_the_exchange_calls_otherwise_now(stage, soon) -> None:
    one = stage(MockExchange())
    lists = Lists(one, row("BTC"), row("ETH"))
    async with one:
        ear = await one.hear(TRADES)
        one.far.ack_all()
        lists.rows[1]["native"] = "xeth_usdt"
        await asyncio.sleep(SOON + 1)
        assert one.far.asked()[-1] == "trades.xeth_usdt"
        one.far.ack_all()
        await one.quiet()
        assert ear.statuses == ["live", "closed delisted", "pending", "live"]
