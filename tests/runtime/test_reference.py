"""Instruments and clock: fetched in the background, again when that fails, and waited for briefly."""

import asyncio

import pytest

from gateway import spi
from gateway.errors import SubscriptionError
from gateway.runtime.reference import REFRESH
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Hang, Later, Refuse
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange

BTC = b'[{"symbol":"BTC-USDT","native":"btc_usdt","base":"BTC","quote":"USDT"}]'
BOTH = BTC[:-1] + b',{"symbol":"ETH-USDT","native":"eth_usdt","base":"ETH","quote":"USDT"}]'


def answering(one, *, symbols=None, time=None):
    """Let the exchange answer; times of the requests are kept."""

    def on_fetch(fetch):
        return (symbols if fetch.url.endswith("/symbols") else time)()

    one.network.on_fetch = on_fetch


def asked(one, path: str) -> list[float]:
    return [round(request.at, 3) for request in one.network.fetches if request.step.url.endswith(path)]


@virtually
async def test_the_list_is_fetched_at_the_start_and_once_an_hour(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: HttpReply(200, body=BTC))
    async with one:
        assert one.exchange.reference.is_listed
        assert [instrument.symbol for instrument in one.ground.instruments] == ["BTC-USDT"]
        await asyncio.sleep(2.5 * REFRESH)
        assert asked(one, "/symbols") == [0.0, REFRESH, 2 * REFRESH]


@virtually
async def test_a_list_that_cannot_be_had_is_asked_for_again_after_growing_waits_and_its_problem_is_told(
    stage,
) -> None:
    one = stage(MockExchange())
    answering(one, symbols=Refuse)
    async with one:
        await asyncio.sleep(300)
        reference = one.exchange.reference
        times = asked(one, "/symbols")
        assert 10 < len(times) < 60
        assert (reference.problem, reference.is_listed, reference.has_list) == ("refused", False, True)
        assert one.seen.noticed_of("reference_failed")[0] == {"text": "refused"}
        answering(one, symbols=lambda: HttpReply(200, body=BTC))
        await asyncio.sleep(31)
        assert (reference.problem, reference.is_listed) == ("", True)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (HttpReply(503), "HTTP status 503"),
        (HttpReply(200, body=b"<html>"), "senseless REST reply"),
        (HttpReply(200, body=b'[{"symbol":"BTC-USDT"}]'), "senseless REST reply"),
    ],
)
@virtually
async def test_an_answer_that_is_no_list_is_a_problem(stage, reply, problem) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: reply)
    async with one:
        assert problem in one.exchange.reference.problem


@virtually
async def test_so_is_one_at_which_a_plugin_fails(stage) -> None:
    class Hasty(MockExchange):
        @spi.hookimpl
        def gateway_instruments(self, target: spi.Target) -> spi.Conversation[spi.Instruments]:
            yield from super().gateway_instruments(target)
            raise TypeError("of what it read")

    one = stage(Hasty())
    answering(one, symbols=lambda: HttpReply(200, body=BTC))
    async with one:
        assert "gateway_instruments raised TypeError" in one.exchange.reference.problem


@virtually
async def test_a_plugin_that_says_to_stop_is_not_asked_for_an_hour(stage) -> None:
    class Stopped(MockExchange):
        @spi.hookimpl
        def gateway_classify(self) -> spi.Verdict:
            return spi.Verdict(action=spi.Action.STOP)

    one = stage(Stopped())
    answering(one, symbols=lambda: HttpReply(451))
    async with one:
        await asyncio.sleep(REFRESH + 1)
        assert asked(one, "/symbols") == [0.0, REFRESH]


@virtually
async def test_clients_wait_five_seconds_for_the_first_list_and_not_again(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=Hang)
    async with one:
        reference = one.exchange.reference
        assert await reference.instruments() is None
        assert one.ground.now() == 5.0
        assert await reference.instruments() is None
        assert one.ground.now() == 5.0


@virtually
async def test_clients_that_wait_are_told_at_once_when_the_list_comes(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: Later(2.0, HttpReply(200, body=BTC)))
    async with one:
        found = await one.exchange.reference.instruments()
        assert found.find("mock", "btc_usdt").symbol == "BTC-USDT"
        assert one.ground.now() == 2.0


@virtually
async def test_a_plugin_without_a_list_makes_nobody_wait(stage) -> None:
    async with stage() as one:
        assert await one.exchange.reference.instruments() is None
        assert one.exchange.reference.has_list is False
        assert not one.network.fetches


# --- symbols that are not on it


async def refused(one, *names: str) -> list[SubscriptionError]:
    """Ask for topics at once, none of which can be had."""
    asking = (one.hear(f"mock:trades:{name}") for name in names)
    answers = await asyncio.gather(*asking, return_exceptions=True)
    for answer in answers:
        assert isinstance(answer, SubscriptionError)
        assert answer.code == "unknown_symbol"
    return answers


@virtually
async def test_a_symbol_that_was_listed_since_is_found_at_once(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: HttpReply(200, body=BTC))
    async with one:
        await asyncio.sleep(1000)
        answering(one, symbols=lambda: Later(1.0, HttpReply(200, body=BOTH)))
        first, second = await one.hear_all("mock:trades:ETH-USDT", "mock:quotes:eth_usdt")
        assert (first.topic.name, second.topic.name) == ("mock:trades:ETH-USDT", "mock:quotes:ETH-USDT")
        assert asked(one, "/symbols") == [0.0, 1000.0]
        assert [one.change.what for one in one.exchange.reference.listings.recent] == ["listed"]
        await asyncio.sleep(REFRESH)
        assert asked(one, "/symbols") == [0.0, 1000.0, 1001.0 + REFRESH], "an hour after the last"


@virtually
async def test_however_many_are_unknown_the_list_is_looked_at_once_a_minute(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: HttpReply(200, body=BTC))
    async with one:
        for second in range(600):
            for error in await refused(one, *(f"X{second}-{number}" for number in range(20))):
                assert not error.temporary
            await asyncio.sleep(1)
        assert asked(one, "/symbols") == [60.0 * minute for minute in range(10)]


@virtually
async def test_whoever_asks_for_what_is_not_there_waits_five_seconds_for_a_newer_list_all_together(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: HttpReply(200, body=BTC))
    async with one:
        await asyncio.sleep(600)
        answering(one, symbols=Hang)
        first, second = await refused(one, "XRP-USDT", "SOL-USDT")
        assert round(one.ground.now(), 1) == 605.0
        assert second.temporary
        assert str(first) == "mock has no symbol XRP-USDT (its list is 10 minutes old: a newer one is on its way)"
        await refused(one, "XRP-USDT")
        assert round(one.ground.now(), 1) == 605.0
        await asyncio.sleep(10)
        [late] = await refused(one, "XRP-USDT")
        assert str(late).endswith("(its list is 10 minutes old: no REST reply within 10 s)")
        assert round(one.ground.now(), 1) == 615.0


@virtually
async def test_one_that_is_found_is_not_kept_waiting_by_one_that_is_not(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: HttpReply(200, body=BTC))
    async with one:
        await asyncio.sleep(600)
        answering(one, symbols=Hang)
        unknown = asyncio.create_task(refused(one, "XRP-USDT"))
        await one.hear("mock:trades:BTC-USDT")
        assert round(one.ground.now(), 1) == 600.0
        await unknown


@virtually
async def test_where_it_is_said_to_stop_nobody_looks_for_what_is_unknown(stage) -> None:
    class Stopped(MockExchange):
        @spi.hookimpl
        def gateway_classify(self) -> spi.Verdict:
            return spi.Verdict(action=spi.Action.STOP)

    one = stage(Stopped())
    answering(one, symbols=lambda: HttpReply(200, body=BTC))
    async with one:
        await asyncio.sleep(100)
        answering(one, symbols=lambda: HttpReply(451))
        for _ in range(100):
            await refused(one, "XRP-USDT")
            await asyncio.sleep(30)
        assert asked(one, "/symbols") == [0.0, 100.0]


@virtually
async def test_a_look_for_what_is_unknown_leaves_a_reserve_of_the_limits_to_others(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: HttpReply(200, body=BTC))
    async with one:
        await asyncio.sleep(100)
        budgets = one.ground.budgets.for_connection(one.ground.info.limits, None, "mock")
        budgets.take({"mock-weight": 900}, one.ground.now())
        [error] = await refused(one, "XRP-USDT")
        assert error.temporary
        await asyncio.sleep(120)
        assert asked(one, "/symbols") == [0.0, 160.0]


# --- topics that wait for the list


@virtually
async def test_topics_wait_for_a_late_list_and_are_fed_then(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: Later(9.0, HttpReply(200, body=BTC)))
    async with one:
        good, unknown = await one.hear_all("mock:trades:BTC-USDT", "mock:trades:XRP-USDT")
        raw = await one.hear("mock:raw:quotes.btc_usdt")
        assert one.far.asked() == ["quotes.btc_usdt"], "an exchange's own name needs no list"
        one.far.ack_all()
        assert (good.topic.status, good.statuses) == ("pending", [])
        await asyncio.sleep(5)
        assert unknown.statuses == ["closed unknown_symbol"]
        assert one.far.asked() == ["quotes.btc_usdt", "trades.btc_usdt"]
        one.far.ack_all()
        await one.quiet()
        assert good.statuses == ["live"]
        assert raw.statuses == ["live"]
        with pytest.raises(SubscriptionError, match="XRP-USDT"):
            await one.hear("mock:trades:XRP-USDT")


@virtually
async def test_a_topic_that_is_given_up_before_the_list_comes_is_not_fed(stage) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: Later(9.0, HttpReply(200, body=BTC)))
    async with one:
        ear = await one.hear("mock:trades:BTC-USDT")
        ear.leave()
        await asyncio.sleep(10)
        assert one.links.all == {}


@virtually
async def test_a_route_that_breaks_when_the_list_comes_closes_its_topic_alone(stage) -> None:
    class Broken(MockExchange):
        @spi.hookimpl
        def gateway_route(self, subscription: spi.Subscription) -> spi.Route:
            if subscription.symbol == "eth_usdt":
                raise KeyError("secret")
            return spi.Route("stream", f"{subscription.channel}.{subscription.symbol}")

    one = stage(Broken())
    answering(one, symbols=lambda: Later(6.0, HttpReply(200, body=BOTH)))
    async with one:
        btc, eth = await one.hear_all("mock:trades:BTC-USDT", "mock:trades:ETH-USDT")
        await asyncio.sleep(2)
        assert eth.statuses == ["closed plugin_error"]
        assert "gateway_route raised KeyError" in str(one.seen.noticed_of("plugin_error"))
        assert one.far.asked() == ["trades.btc_usdt"]
        assert btc.statuses == []


# --- the clock


def telling(one, *, ahead_us: int) -> None:
    def time() -> HttpReply:
        return HttpReply(200, body=b'{"now":%d}' % (one.wall_us() + ahead_us))

    answering(one, symbols=lambda: HttpReply(200, body=BTC), time=time)


@virtually
async def test_a_clock_that_is_said_to_be_wrong_is_corrected(stage) -> None:
    one = stage(MockExchange())
    telling(one, ahead_us=3_000_000)
    async with one:
        assert one.clock.offset_us == 0
        one.exchange.reference.resync_clock()
        await one.quiet()
        assert one.clock.offset_us == 3_000_000
        assert one.ground.target("stream", None).now() == one.wall_us() + 3_000_000


@virtually
async def test_however_often_it_is_asked_the_clock_is_looked_at_once_in_ten_seconds(stage) -> None:
    one = stage(MockExchange())
    telling(one, ahead_us=0)
    async with one:
        for _ in range(250):
            one.exchange.reference.resync_clock()
            await asyncio.sleep(0.1)
        assert asked(one, "/time") == [0.0, 10.0, 20.0]
        await asyncio.sleep(10)
        assert len(asked(one, "/time")) == 4, "what was asked for meanwhile is not forgotten"


@virtually
async def test_looks_at_the_clock_do_not_put_the_list_off(stage) -> None:
    one = stage(MockExchange())
    telling(one, ahead_us=0)
    async with one:
        for _ in range(120):
            one.exchange.reference.resync_clock()
            await asyncio.sleep(60)
        assert len(asked(one, "/symbols")) == 3


@pytest.mark.parametrize(
    "answer", [HttpReply(500), HttpReply(200, body=b'{"now":null}'), HttpReply(200, body=b"x")]
)
@virtually
async def test_a_clock_that_cannot_be_had_is_left_as_it_is_and_is_no_problem_of_the_list(stage, answer) -> None:
    one = stage(MockExchange())
    answering(one, symbols=lambda: HttpReply(503), time=lambda: answer)
    async with one:
        problem = one.exchange.reference.problem
        assert problem == "HTTP status 503"
        one.exchange.reference.resync_clock()
        await one.quiet()
        assert asked(one, "/time")
        assert (one.clock.offset_us, one.exchange.reference.problem) == (0, problem)
        assert len(one.seen.noticed_of("reference_failed")) == 2


@virtually
async def test_a_plugin_without_a_clock_needs_none(stage, variant) -> None:
    async with stage(variant(gateway_server_time=lambda: None)) as one:
        one.exchange.reference.resync_clock()
        await one.quiet()
        assert one.clock.offset_us == 0


@virtually
async def test_a_defect_of_ours_in_the_background_is_said_aloud(stage) -> None:
    one = stage(MockExchange())
    telling(one, ahead_us=0)
    one.exchange.reference._listed = lambda _: 1 / 0
    async with one:
        assert one.seen.noticed_of("internal_error") == [{"error": "ZeroDivisionError('division by zero')"}]
