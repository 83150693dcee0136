"""Holes are asked for over REST, in time, within the limits and outside the path of frames; or they are told."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import pytest

from gateway import spi
from gateway.engine.messages import Message
from gateway.runtime.backfill import AT_ONCE, PAGE, PATIENCE, TRIES, Backfill
from gateway.spi.steps import Fetch, HttpReply
from gateway.testing.memory import Hang, Later, Refuse
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO, RECORDS, MockExchange

SYMBOLS = b'[{"symbol":"BTC-USDT","native":"btc_usdt","base":"BTC","quote":"USDT"}]'


def trade(number: int) -> dict[str, Any]:
    return {"id": number, "price": "100", "size": "1", "side": "buy", "ts": number}


def history(*lost: int, most: int = 10_000, upto: float = float("inf")) -> Callable[[Fetch], HttpReply]:
    """What answers as an exchange does that has all trades but those lost, and tells ``most`` at a time."""

    def answer(request: Fetch) -> HttpReply:
        after, before = between(request)
        ids = [number for number in range(after + 1, before) if number not in lost and number < upto]
        return HttpReply(200, body=json.dumps([trade(number) for number in ids[:most]]).encode())

    return answer


def between(request: Fetch) -> tuple[int, int]:
    """Return the ids that are asked for, both exclusive."""
    query = dict(part.split("=") for part in request.url.partition("?")[2].split("&"))
    return int(query["after"]), int(query["before"])


class Filled:
    """A stage with one stream of trades, and what is heard of it."""

    def __init__(self, stage: Callable[..., Any], plugin: object | None = None) -> None:
        self.stage = stage(plugin)
        self.network = self.stage.network
        self.network.on_fetch = history()

    async def __aenter__(self) -> Self:
        await self.stage.__aenter__()
        self.ear = await self.stage.hear("mock:trades:a")
        self.stage.far.ack_all()
        await self.take(5)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stage.__aexit__()

    async def take(self, *numbers: int) -> None:
        for number in numbers:
            self.stage.far.trade("a", number)
        await self.stage.quiet()

    @property
    def heard(self) -> list[Any]:
        """What was heard since it was live: the ids of each message, gaps with their bounds, or a status."""
        told = [
            [record.id for record in one.records]
            if isinstance(one, Message)
            else (one.first, one.last)
            if one.status == "gap"
            else str(one.status)
            for one in self.ear.heard
        ]
        assert told[:2] == ["live", [5]]
        return told[2:]

    @property
    def recoverable(self) -> list[bool]:
        return [one.recoverable for one in self.ear.heard if not isinstance(one, Message) and one.status == "gap"]

    @property
    def asked(self) -> list[tuple[int, int]]:
        return [between(one.step) for one in self.network.fetches]

    @property
    def counted(self) -> tuple[int, int]:
        counters = self.stage.link().connection.counted()
        return counters.filled, counters.unfilled

    @property
    def tasks(self) -> list[str]:
        return [name for task in asyncio.all_tasks() if (name := task.get_name()).startswith("gateway backfill")]


@pytest.fixture
def filled(stage) -> Callable[..., Filled]:
    return lambda *plugin: Filled(stage, *plugin)


# --- what is filled


@virtually
async def test_nothing_is_asked_while_nothing_is_missing(filled) -> None:
    async with filled() as one:
        await one.take(6, 7, 7, 8)
        assert one.heard == [[6], [7], [8]]
        assert (one.asked, one.tasks) == ([], [])


@virtually
async def test_a_hole_is_fetched_and_comes_first(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda request: Later(1.0, history()(request))
        await one.take(8, 9)
        assert one.heard == []
        await asyncio.sleep(1)
        await one.take(10)
        assert one.heard == [[6, 7], [8], [9], [10]]
        assert one.asked == [(5, 8)]
        assert one.counted == (2, 0)
        assert one.stage.seen.steps.count("backfill") == 1
        assert one.tasks == []


@virtually
async def test_what_a_break_has_cost_is_fetched_when_the_stream_is_back(filled) -> None:
    async with filled() as one:
        one.stage.far.peer.drop()
        await asyncio.sleep(2)
        one.stage.far.ack_all()
        await one.take(8)
        assert one.heard == ["disconnected", "restored", "live", [6, 7], [8]]


@virtually
async def test_what_is_being_fetched_when_the_connection_breaks_comes_when_it_is_back(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda request: Later(1.0, history()(request))
        await one.take(8)
        one.stage.far.peer.drop()
        await asyncio.sleep(3)
        one.stage.far.ack_all()
        await one.take(11)
        await asyncio.sleep(1)
        assert one.heard == ["disconnected", "restored", "live", [6, 7], [8], [9, 10], [11]]


@virtually
async def test_a_long_hole_is_fetched_page_by_page_and_published_as_it_comes(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda request: Later(1.0, history()(request))
        end = 5 + 2 * PAGE + 10
        await one.take(end)
        await asyncio.sleep(1.5)
        assert sum(map(len, one.heard)) == PAGE
        await asyncio.sleep(2)
        assert [number for ids in one.heard for number in ids] == list(range(6, end + 1))
        assert one.asked == [(5, 6 + PAGE), (5 + PAGE, 6 + 2 * PAGE), (5 + 2 * PAGE, end)]
        assert one.stage.seen.steps.count("backfill") == 1


@virtually
async def test_an_exchange_that_tells_less_at_a_time_is_asked_for_the_rest(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = history(most=2)
        await one.take(11)
        assert one.heard == [[6, 7], [8, 9], [10], [11]]
        assert one.asked == [(5, 11), (7, 11), (9, 11)]


@virtually
async def test_an_exchange_whose_history_lags_is_asked_again(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = history(upto=7)
        await one.take(9)
        assert one.heard == [[6]]
        one.network.on_fetch = history()
        await asyncio.sleep(1)
        assert one.heard == [[6], [7, 8], [9]]
        assert one.counted == (3, 0)


@virtually
async def test_a_fault_that_passes_costs_nothing_but_time(filled) -> None:
    async with filled() as one:
        answers: list[Any] = [Refuse(), HttpReply(500), HttpReply(200, body=b"nonsense")]
        one.network.on_fetch = lambda request: answers.pop(0) if answers else history()(request)
        await one.take(8)
        await asyncio.sleep(3)
        assert one.heard == [[6, 7], [8]]
        assert len(one.asked) == 4
        assert one.stage.seen.noticed_of("backfill_failed") == []


@virtually
async def test_holes_that_follow_closely_are_fetched_together(filled) -> None:
    """Else a stream that loses now and then would lose for good whatever its holes' turns come too late for."""
    async with filled() as one:
        one.network.on_fetch = lambda request: Later(1.0, history()(request))
        await one.take(7)
        await one.take(*range(9, 60, 2))
        await asyncio.sleep(2.5)
        assert [number for numbers in one.heard for number in numbers] == [*range(6, 60)]
        assert one.asked == [(5, 7), (7, 59)]
        assert one.counted == (27, 0)


@virtually
async def test_holes_that_are_far_apart_are_fetched_in_their_turn(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda request: Later(1.0, history()(request))
        await one.take(*range(7, 108), 109, 110)
        await asyncio.sleep(2.5)
        assert one.asked == [(5, 7), (107, 109)]
        assert [number for numbers in one.heard for number in numbers] == [*range(6, 111)]


# --- what is not


@virtually
async def test_what_the_exchange_does_not_have_is_told_and_what_waited_comes(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = history(7, 8)
        await one.take(11)
        assert one.heard == [[6]]
        await asyncio.sleep(PATIENCE / 2)
        await one.take(12)
        assert one.heard == [[6], (7, 8), [9, 10], [11], [12]]
        assert one.recoverable == [False], "it has told all that it has"
        assert one.counted == (3, 2)
        assert len(one.asked) == TRIES + 1


@virtually
async def test_what_lies_beyond_is_fetched_though_the_beginning_is_gone(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = history(*range(5 + PAGE + 50))
        end = 5 + 2 * PAGE
        await one.take(end)
        await asyncio.sleep(PATIENCE / 2)
        assert one.heard[0] == (6, 4 + PAGE + 50)
        assert [number for ids in one.heard[1:] for number in ids] == list(range(5 + PAGE + 50, end + 1))
        assert len(one.asked) == TRIES + 1


@virtually
async def test_a_hole_that_is_filled_too_late_is_told_in_time(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Hang()
        await one.take(8)
        await asyncio.sleep(PATIENCE - 0.1)
        assert one.heard == []
        await one.take(9)
        await asyncio.sleep(0.2)
        assert one.heard == [(6, 7), [8], [9]]
        assert one.recoverable == [True]
        assert one.counted == (0, 2)
        [failed] = one.stage.seen.noticed_of("backfill_failed")
        assert failed["text"] == "trades.a: no whole answer within 5 s"


@virtually
async def test_each_hole_has_its_own_time(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Hang()
        await one.take(7)
        await asyncio.sleep(PATIENCE / 2)
        await one.take(9)
        await asyncio.sleep(PATIENCE / 2 + 0.1)
        assert one.heard == [(6, 6), [7]]
        await asyncio.sleep(PATIENCE / 2)
        assert one.heard == [(6, 6), [7], (8, 8), [9]]


@virtually
async def test_an_exchange_that_wants_quiet_is_given_it_and_nothing_waits_for_that(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: HttpReply(429, {"retry-after": "30"})
        await one.take(7)
        assert one.heard == [(6, 6), [7]]
        one.network.on_fetch = history()
        await one.take(9)
        assert one.heard[2:] == [(8, 8), [9]]
        assert len(one.asked) == 1, "the address is quiet"
        assert one.recoverable == [True, True]
        await asyncio.sleep(31)
        await one.take(11)
        assert one.heard[4:] == [[10], [11]]


@virtually
async def test_faults_that_stay_are_not_put_up_with_for_long(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Refuse()
        await one.take(7)
        await asyncio.sleep(PATIENCE / 2)
        assert one.heard == [(6, 6), [7]]
        assert len(one.asked) == TRIES
        assert one.recoverable == [True]


@virtually
async def test_a_verdict_to_stop_is_obeyed(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: HttpReply(451)
        await one.take(7)
        assert one.heard == [(6, 6), [7]]
        assert len(one.asked) == 1


@virtually
async def test_a_plugin_that_has_no_history_is_not_asked_twice(filled, variant) -> None:
    calls = []

    def gateway_backfill(after, before):
        calls.append((after, before))

    async with filled(variant(gateway_backfill=gateway_backfill)) as one:
        await one.take(7)
        assert one.heard == [(6, 6), [7]]
        one.stage.far.trade("a", 9)
        await one.stage.quiet()
        assert one.heard == [(6, 6), [7], (8, 8), [9]]
        assert one.recoverable == [False, False]
        assert (calls, one.tasks) == ([(5, 7)], [])


def broken_page(page: list[Any]) -> Callable[..., Any]:
    def gateway_backfill():
        yield Fetch("GET", "http://memory/x?after=1&before=3")
        return page

    return gateway_backfill


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        (lambda: 1 / 0, "gateway_backfill raised ZeroDivisionError"),
        (lambda: (), "gateway_backfill must return a generator, not tuple"),
        (broken_page([spi.Quote("1", "1", "2", "1")]), "gateway_backfill must return records with numbers as ids"),
        (
            broken_page([spi.Trade("6", "1", "1", "buy", 1)]),
            "gateway_backfill must return records with numbers as",
        ),
        (
            broken_page([spi.Trade(6, "1", "1", "buy", "1")]),  # type: ignore[arg-type]
            "gateway_backfill must return records with numbers as ids and times",
        ),
    ],
)
@virtually
async def test_a_plugin_that_breaks_the_contract_is_named_and_the_hole_is_told(
    filled, variant, hook, problem
) -> None:
    async with filled(variant(gateway_backfill=hook)) as one:
        await one.take(7)
        assert one.heard == [(6, 6), [7]]
        assert problem in str(one.stage.seen.noticed_of("plugin_error"))


@virtually
async def test_what_is_fetched_and_cannot_be_sent_is_noticed_and_told_to_be_missing(filled, variant) -> None:
    async with filled(variant(gateway_backfill=broken_page([spi.Trade(6, "\ud800", "1", "buy", 1)]))) as one:
        one.stage.link().connection.feeds["trades.a"].topics[0].attach(Framed())
        await one.take(7)
        assert "UnicodeEncodeError" in str(one.stage.seen.noticed_of("internal_error"))
        await one.take(8)
        assert one.heard == [(None, None), [8]]
        assert one.tasks == []


class Framed:
    """A client, for whom everything is written."""

    wants_frames = True

    def put(self, message: object, /) -> None:
        pass

    def notify(self, notice: object, frame: bytes, /) -> None:
        pass


@virtually
async def test_what_else_is_told_than_was_asked_for_is_left_out(filled, variant) -> None:
    trades = [spi.Trade(number, "1", "1", "buy", 1) for number in (9, 6, 4, 7, 6, 8)]
    async with filled(variant(gateway_backfill=broken_page(trades))) as one:
        await one.take(8, 9)
        assert one.heard == [[6, 7], [8], [9]]
        assert one.counted == (2, 0)


@virtually
async def test_a_plugin_that_tells_only_of_before_does_not_hold_anybody_up(filled, variant) -> None:
    async with filled(variant(gateway_backfill=broken_page([spi.Trade(2, "1", "1", "buy", 1)]))) as one:
        await one.take(9)
        await asyncio.sleep(PATIENCE)
        assert one.heard == [(6, 8), [9]]


@virtually
async def test_a_defect_of_ours_is_said_aloud_and_nobody_waits_for_it(filled, monkeypatch) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("a defect")

    async with filled() as one:
        with monkeypatch.context() as patched:
            patched.setattr(Backfill, "page", fails)
            await one.take(7)
        await one.take(9)
        assert one.heard == [(6, 6), [7], [8], [9]]
        [told] = one.stage.seen.noticed_of("internal_error")
        assert "a defect" in str(told)


@virtually
async def test_a_cancellation_that_nobody_asked_for_holds_nobody_up(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Hang()
        await one.take(7)
        for task in asyncio.all_tasks():
            if task.get_name() in one.tasks:
                task.cancel()
        await one.stage.quiet()
        assert one.heard == [(6, 6), [7]]
        assert (one.recoverable, one.tasks) == ([True], [])


# --- what becomes of it


@virtually
async def test_whoever_leaves_meanwhile_leaves_nothing_behind(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda request: Later(1.0, history()(request))
        await one.take(7)
        assert one.tasks == ["gateway backfill trades.a"]
        one.ear.leave()
        await one.stage.quiet()
        assert one.tasks == []
        again = await one.stage.hear("mock:trades:a")
        await asyncio.sleep(2)
        one.stage.far.ack_all()
        await one.take(9, 11)
        await asyncio.sleep(1)
        assert [record.id for record in again.records] == [9, 10, 11]
        assert one.heard == []


@virtually
async def test_a_gateway_that_stops_meanwhile_leaves_nothing_behind(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Hang()
        await one.take(7)
    assert one.tasks == []
    assert one.heard == ["disconnected", (6, 6), [7]], "what had come is not kept back"
    assert one.recoverable == [True]


@virtually
async def test_a_stream_that_is_refused_meanwhile_waits_for_nothing(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Hang()
        await one.take(7)
        one.stage.far.say(op="ended", stream="trades.a", reason="delisted")
        await one.stage.quiet()
        one.stage.far.nack("trades.a")
        await one.stage.quiet()
        assert one.heard == ["disconnected", (6, 6), [7], "closed"]
        assert one.tasks == []


@pytest.mark.parametrize("reconnecting", [False, True])
@virtually
async def test_for_a_connection_that_is_held_down_meanwhile_nothing_is_fetched_any_more(
    filled, reconnecting
) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Hang()
        await one.take(7)
        if reconnecting:
            one.network.on_dial = lambda _: Refuse()
            one.stage.far.peer.drop()
            await one.stage.quiet()
            assert one.heard == ["disconnected"], "it is soon there again"
        await one.stage.links.hold_down("mock/stream/0")
        await one.stage.quiet()
        assert one.heard == ["disconnected", (6, 6), [7]]
        assert one.tasks == []


@virtually
async def test_a_second_connection_that_takes_over_meanwhile_goes_on_behind_what_waits(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda request: Later(4.0, history()(request))
        first = one.stage.far
        rolled = one.stage.link().supervisor.roll("asked for")
        await asyncio.sleep(0.1)
        second = one.stage.far
        second.ack_all()
        for number in (8, 9):
            for far in (first, second):
                far.trade("a", number)
        await asyncio.sleep(2)
        assert (rolled.done(), one.heard) == (True, [])
        second.trade("a", 10)
        await asyncio.sleep(3)
        assert one.heard == [[6, 7], [8], [9], [10]]


@virtually
async def test_what_only_the_second_connection_has_fills_the_first_ones_holes(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Hang()
        first = one.stage.far
        one.stage.link().supervisor.roll("asked for")
        await asyncio.sleep(0.1)
        second = one.stage.far
        second.ack_all()
        for number in (6, 7, 8):
            second.trade("a", number)
        first.trade("a", 8)
        await asyncio.sleep(2)
        assert one.heard == [[6], [7], [8]]
        assert one.tasks == []
        one.network.on_fetch = history()
        second.trade("a", 10)
        await one.stage.quiet()
        assert one.heard[3:] == [[9], [10]]


@virtually
async def test_a_hole_that_others_have_filled_does_not_hold_up_the_next(filled) -> None:
    async with filled() as one:
        one.network.on_fetch = lambda _: Hang()
        await one.take(7, 9)
        one.network.on_fetch = history()
        await one.take(6)
        assert one.heard == [[6], [7], [8], [9]]
        assert one.asked == [(5, 9), (7, 9)]


@virtually
async def test_each_variant_is_a_stream_of_its_own_and_asked_for_by_its_own_name(stage, monkeypatch) -> None:
    monkeypatch.setitem(RECORDS, ("agg", "update"), RECORDS["trades", "update"])
    asked = []

    class Aggregating(MockExchange):
        @spi.hookimpl
        def gateway_exchange_info(self) -> spi.ExchangeInfo:
            trades = spi.Channel("trades", frozenset({None, "agg"}), contiguous=True)
            return replace(INFO, channels=(trades, *INFO.channels[1:]))

        @spi.hookimpl
        def gateway_route(self, subscription: spi.Subscription) -> spi.Route:
            name = "agg" if subscription.variant else "trades"
            return spi.Route("stream", f"{name}.{subscription.symbol}")

        @spi.hookimpl
        def gateway_backfill(self, target, subscription, after, before):
            asked.append((subscription.symbol, subscription.variant, after, before))
            return super().gateway_backfill(target, subscription, after, before)

    one = stage(Aggregating())
    one.network.on_fetch = lambda _: HttpReply(200, body=SYMBOLS)
    async with one:
        ears = await one.hear_all("mock:trades:BTC-USDT", "mock:trades:BTC-USDT:agg")
        one.network.on_fetch = history()
        one.far.ack_all()
        for stream, numbers in (("trades", (5, 7)), ("agg", (1, 4))):
            for number in numbers:
                one.far.say(stream=f"{stream}.btc_usdt", ts=number, data=[trade(number)])
        await one.quiet()
        assert [[record.id for record in ear.records] for ear in ears] == [[5, 6, 7], [1, 2, 3, 4]]
        assert sorted(asked, key=str) == [("btc_usdt", "agg", 1, 4), ("btc_usdt", None, 5, 7)]


@virtually
async def test_only_so_many_pages_are_fetched_at_a_time(stage) -> None:
    async with stage() as one:
        one.network.on_fetch = lambda request: Later(1.0, history()(request))
        names = [f"s{number}" for number in range(AT_ONCE + 2)]
        ears = await one.hear_all(*(f"mock:trades:{name}" for name in names))
        one.far.ack_all()
        for name in names:
            one.far.trade(name, 5)
            one.far.trade(name, 7)
        await one.quiet()
        assert len(one.network.fetches) == AT_ONCE
        await asyncio.sleep(2.1)
        assert [[record.id for record in ear.records] for ear in ears] == [[5, 6, 7]] * len(names)


@virtually
async def test_what_is_fetched_is_paid_for(filled) -> None:
    async with filled() as one:
        one.stage.exchange.look_at_limits(asyncio.get_running_loop().time())
        before = one.stage.exchange.used["mock-weight"][0]
        await one.take(7)
        one.stage.exchange.look_at_limits(asyncio.get_running_loop().time())
        assert one.stage.exchange.used["mock-weight"][0] == before + 5


@virtually
async def test_the_limits_may_be_waited_for_if_that_is_in_time(filled) -> None:
    async with filled() as one:
        now, limits = asyncio.get_running_loop().time(), one.stage.ground.info.limits
        weight = next(limit for limit in limits if limit.name == "mock-weight")
        used = one.stage.budgets.for_connection((weight,), None)
        used.take({"mock-weight": 1080}, now + 2 - weight.per)
        await one.take(7)
        assert one.heard == []
        await asyncio.sleep(2)
        assert one.heard == [[6], [7]]
        used.take({"mock-weight": 1080}, now + 30)
        await one.take(9)
        assert one.heard[2:] == [(8, 8), [9]], "nobody waits in vain"
        assert one.recoverable == [True]
