"""What an exchange offers, what it refuses and why, and which stream feeds which topic."""

import asyncio
from dataclasses import replace

import pytest

from gateway import spi
from gateway.errors import SubscriptionError
from gateway.spi.steps import HttpReply
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO, MockDialect, MockExchange

SYMBOLS = b"""[
    {"symbol":"BTC-USDT","native":"btc_usdt","base":"BTC","quote":"USDT"},
    {"symbol":"BTC-USDC","native":"BTC-USDT2","base":"BTC","quote":"USDC"},
    {"symbol":"X-USDT","native":"x1","base":"X","quote":"USDT"},
    {"symbol":"Y-USDT","native":"twin","base":"Y","quote":"USDT"},
    {"symbol":"Z-USDT","native":"twin","base":"Z","quote":"USDT"}
]"""


@pytest.fixture
def listed(stage):
    """What makes a stage whose exchange has a list of instruments."""

    def made(plugin: object | None = None, **more: object):
        one = stage(plugin or MockExchange(), **more)
        one.network.on_fetch = lambda _: HttpReply(200, body=SYMBOLS)
        return one

    return made


# --- what is refused, each with its code and a sentence


@pytest.mark.parametrize(
    ("topic", "code", "sentence"),
    [
        (
            "mock:candles:BTC-USDT",
            "unknown_channel",
            "mock has no channel candles (it has: trades, quotes, book, ticker, raw, orders, balances)",
        ),
        ("mock:trades:XRP-USDT", "unknown_symbol", "mock has no symbol XRP-USDT"),
        ("mock:trades:twin", "ambiguous_symbol", "twin could be any of Y-USDT, Z-USDT, twin on mock"),
        ("mock:trades:BTC-USDT:5", "unknown_variant", "channel trades of mock has no variant 5 (it has: none)"),
        (
            "mock:book:BTC-USDT:7",
            "unknown_variant",
            "channel book of mock has no variant 7 (it has: 10, 100, 20, 5, 50)",
        ),
        ("mock:orders:BTC-USDT", "bad_request", "channel orders of mock needs an account"),
        ("mock:trades:@main", "bad_request", "channel trades of mock has no account"),
        ("mock:orders:@nobody", "unknown_account", "no account nobody at mock"),
        ("mock:raw:@nobody", "unknown_account", "no account nobody at mock"),
        ("other:trades:BTC-USDT", "unknown_exchange", "no exchange other is loaded (loaded: mock)"),
    ],
)
@virtually
async def test_a_wish_that_cannot_be_had_is_refused_in_a_sentence(listed, topic, code, sentence) -> None:
    async with listed() as one:
        with pytest.raises(SubscriptionError) as caught:
            await one.hear(topic)
        assert (caught.value.code, caught.value.message) == (code, sentence)
        assert (one.hub.topics, one.links.all) == ({}, {})


@virtually
async def test_a_channel_may_need_a_variant(listed, variant) -> None:
    candles = spi.Channel("candles", variants=frozenset({"1m", "5m"}))
    plugin = variant(gateway_exchange_info=lambda: replace(INFO, channels=(candles,)))
    async with listed(plugin) as one:
        with pytest.raises(SubscriptionError, match=r"needs a variant \(it has: 1m, 5m\)"):
            await one.hear("mock:candles:a")


@virtually
async def test_what_the_plugin_has_no_route_for_is_not_offered(listed, variant) -> None:
    async with listed(variant(gateway_route=lambda: None)) as one:
        with pytest.raises(SubscriptionError, match="mock does not offer mock:trades:a") as caught:
            await one.hear("mock:trades:a")
        assert caught.value.code == "not_offered"
        assert one.hub.topics == {}


@virtually
async def test_what_the_plugin_refuses_itself_is_passed_on(listed, variant) -> None:
    def route(subscription):
        raise SubscriptionError("region_blocked", "not from here")

    async with listed(variant(gateway_route=route)) as one:
        with pytest.raises(SubscriptionError, match="not from here") as caught:
            await one.hear("mock:trades:a")
        assert caught.value.code == "region_blocked"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: 1 / 0, "gateway_route raised ZeroDivisionError"),
        (lambda: spi.Route("nowhere", "s"), "gateway_route names the endpoint 'nowhere'"),
        (lambda: spi.Route("rest", "s"), "gateway_route names the endpoint 'rest'"),
        (lambda: "trades.a", "gateway_route must return a Route, not str"),
    ],
)
@virtually
async def test_a_route_that_breaks_the_contract_harms_its_topic_alone(listed, variant, answer, problem) -> None:
    async with listed(variant(gateway_route=answer)) as one:
        with pytest.raises(SubscriptionError) as caught:
            await one.hear("mock:trades:a")
        assert caught.value.code == "plugin_error"
        assert problem in str(one.seen.noticed_of("plugin_error"))
        assert one.links.all == {}


# --- spelling


@pytest.mark.parametrize("written", ["BTC-USDT", "btc_usdt"])
@virtually
async def test_both_spellings_are_one_topic_and_the_exchange_hears_its_own(listed, written: str) -> None:
    async with listed() as one:
        ear = await one.hear(f"mock:trades:{written}")
        assert ear.topic.name == "mock:trades:BTC-USDT"
        assert one.far.asked() == ["trades.btc_usdt"]


@virtually
async def test_without_a_list_symbols_are_taken_as_they_are_written(stage) -> None:
    async with stage() as one:
        ear = await one.hear("mock:trades:whatever")
        assert ear.topic.name == "mock:trades:whatever"
        assert one.far.asked() == ["trades.whatever"]


# --- streams and topics


@virtually
async def test_raw_and_records_of_one_stream_are_asked_for_once_and_decoded_once(listed) -> None:
    async with listed() as one:
        raw = await one.hear("mock:raw:trades.btc_usdt")
        trades = await one.hear("mock:trades:BTC-USDT")
        assert one.far.asked() == ["trades.btc_usdt"]
        one.far.ack_all()
        one.far.trade("btc_usdt", 1)
        await one.quiet()
        assert [record.id for record in trades.records] == [1]
        assert raw.heard[-1].records.startswith(b'{"stream":"trades.btc_usdt"')
        assert (raw.statuses, trades.statuses) == (["live"], ["live"])
        assert one.link().connection.counted().messages_received == 2


@virtually
async def test_a_frame_that_only_raw_listeners_want_is_never_decoded(stage, variant) -> None:
    decoded = []

    class Counting(MockDialect):
        def decode(self, payload, binary, /):
            decoded.append(payload)
            return super().decode(payload, binary)

    async with stage(variant(Counting)) as one:
        raw = await one.hear("mock:raw:trades.a")
        one.far.ack_all()
        one.far.trade("a", 1)
        one.far.trade("unwanted", 1)
        await one.quiet()
        assert len(decoded) == 1, "the ack"
        assert len(raw.heard) == 2
        assert one.link().connection.counted().unheard == 1


@virtually
async def test_a_book_that_joins_a_raw_stream_is_asked_for_anew_at_once(stage) -> None:
    """Its snapshot came in band when nobody kept a book."""
    async with stage() as one:
        raw = await one.hear("mock:raw:book.a")
        one.far.ack_all()
        one.far.snapshot("a", 5)
        await one.quiet()
        book = await one.hear("mock:book:a")
        assert [request["op"] for request in one.far.requests] == ["subscribe", "unsubscribe", "subscribe"]
        one.far.delta("a", 6)
        one.far.ack("book.a", op="unsubscribe")
        one.far.snapshot("a", 8)
        one.far.ack("book.a")
        one.far.delta("a", 9)
        await one.quiet()
        assert book.story == ["snapshot", "live", "update"]
        assert raw.story == ["live", "update", "update", "gap", "update", "update"]
        assert raw.statuses[1:] == ["gap subscribed"]


@virtually
async def test_a_book_leaves_a_raw_stream_and_returns(stage) -> None:
    async with stage() as one:
        raw, book = await one.hear_all("mock:raw:book.a", "mock:book:a")
        one.far.ack_all()
        one.far.snapshot("a", 5)
        await one.quiet()
        assert book.story == ["snapshot", "live"]
        book.leave()
        one.far.delta("a", 6)
        await one.quiet()
        assert raw.story == ["live", "update", "update"]
        again = await one.hear("mock:book:a")
        one.far.ack("book.a")
        one.far.snapshot("a", 7)
        await one.quiet()
        assert again.story == ["snapshot", "live"]
        assert again.records[0].seq == 7
        assert raw.story == ["live", "update", "update", "gap", "update"], "what it missed is all that concerns it"


@virtually
async def test_several_depths_of_a_book_ride_on_one_stream(stage) -> None:
    async with stage() as one:
        whole, five = await one.hear_all("mock:book:a", "mock:book:a:5")
        assert one.far.asked() == ["book.a"]
        one.far.ack_all()
        one.far.snapshot("a", 5)
        one.far.delta("a", 6)
        await one.quiet()
        assert whole.story == five.story == ["snapshot", "live", "update"]
        late = await one.hear("mock:book:a:10")
        assert (late.topic.status, late.topic.snapshot(1).records[0].seq) == ("live", 6)
        assert one.far.asked() == ["book.a"]


@virtually
async def test_trades_that_join_a_raw_stream_flow_at_once(stage) -> None:
    async with stage() as one:
        await one.hear("mock:raw:trades.a")
        one.far.ack_all()
        one.far.trade("a", 1)
        await one.quiet()
        trades = await one.hear("mock:trades:a")
        assert trades.topic.status == "live"
        one.far.trade("a", 5)
        await one.quiet()
        assert trades.story == ["update"], "what was before it came is no hole"
        assert len(one.far.requests) == 1


@virtually
async def test_a_topic_is_closed_once_and_its_stream_with_the_last(stage) -> None:
    async with stage() as one:
        whole, five = await one.hear_all("mock:book:a", "mock:book:a:5")
        one.far.ack_all()
        await one.quiet()
        one.exchange.close(whole.topic)
        one.exchange.close(whole.topic)
        await one.quiet()
        assert one.far.asked("unsubscribe") == []
        one.exchange.close(five.topic)
        await asyncio.sleep(5)
        assert one.links.all == {}
