"""What is asked for when, and in which requests; what the handshake placed in the URL is not asked for."""

import asyncio

import pytest

from gateway import spi
from gateway.testing.memory import Accept
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockDialect

A, B, C = "trades.a", "trades.b", "trades.c"


def in_url(target, streams):
    """Place everything in the URL."""
    url = target.urls[target.endpoint]
    yield spi.Open(f"{url}/?streams={'/'.join(streams)}" if streams else url)
    return spi.Session()


@virtually
async def test_streams_in_the_url_are_live_with_the_upgrade_and_asked_for_by_nobody(stage, variant) -> None:
    """An account's stream may be silent for days, so neither an ack nor a datum is waited for."""
    async with stage(variant(gateway_handshake=in_url, gateway_restore_subscriptions=lambda: ())) as one:
        first, second = await one.hear_all("mock:trades:a", "mock:trades:b")
        assert one.network.dials[0].step.url == "ws://memory/?streams=trades.a/trades.b"
        assert one.state() == "CONNECTED"
        assert (first.statuses, second.statuses) == (["live"], ["live"])
        await asyncio.sleep(1000)
        assert one.far.peer.sent == []
        assert first.topic.status == "live"


@virtually
async def test_some_in_the_url_and_some_by_request(stage, variant) -> None:
    def rest(dialect, streams):
        return dialect.subscribe([stream for stream in streams if stream != A])

    async with stage(variant(gateway_handshake=in_url, gateway_restore_subscriptions=rest)) as one:
        placed, asked = await one.hear_all("mock:trades:a", "mock:trades:b")
        assert one.far.asked() == [B]
        assert (placed.topic.status, asked.topic.status, one.state()) == ("live", "pending", "CONNECTING")
        one.far.ack_all()
        await one.quiet()
        assert one.state() == "CONNECTED"


@virtually
async def test_what_was_in_the_url_is_there_again_in_the_next_epoch(stage, variant) -> None:
    async with stage(variant(gateway_handshake=in_url, gateway_restore_subscriptions=lambda: ())) as one:
        first, second = await one.hear_all("mock:trades:a", "mock:trades:b")
        one.far.peer.drop()
        await asyncio.sleep(2)
        assert [asked.step.url for asked in one.network.dials] == ["ws://memory/?streams=trades.a/trades.b"] * 2
        assert first.statuses == ["live", "disconnected connection_reset", "restored connection_reset", "live"]
        second.leave()
        await one.quiet()
        assert one.far.asked("unsubscribe") == [B]
        late = await one.hear("mock:trades:c")
        assert one.far.asked() == [C]
        assert late.topic.status == "pending"


# --- wishes that change while it serves


@virtually
async def test_wishes_of_one_turn_are_one_request(stage) -> None:
    async with stage() as one:
        await one.connect()
        await one.hear_all("mock:trades:a", "mock:trades:b", "mock:trades:c")
        assert [request["streams"] for request in one.far.requests] == [[A, B, C]]


@virtually
async def test_what_nobody_wants_any_more_is_given_up(stage) -> None:
    async with stage() as one:
        ear = await one.hear("mock:trades:a")
        await one.hear("mock:trades:b")
        one.far.ack_all()
        await one.quiet()
        ear.leave()
        await one.quiet()
        assert one.far.asked("unsubscribe") == [A]


@virtually
async def test_what_is_wanted_again_at_once_is_given_up_first(stage) -> None:
    """The exchange is to begin anew, with a snapshot where there is one."""
    async with stage() as one:
        ear = await one.hear("mock:book:a")
        await one.hear("mock:trades:b")
        one.far.ack_all()
        await one.quiet()
        ear.leave()
        await one.hear("mock:book:a")
        assert [request["op"] for request in one.far.requests][-2:] == ["unsubscribe", "subscribe"]


@virtually
async def test_a_stream_that_two_topics_want_is_asked_for_once_and_given_up_after_both(stage) -> None:
    async with stage() as one:
        await one.hear("mock:trades:b")
        trades, raw = await one.hear_all("mock:trades:a", "mock:raw:trades.a")
        assert one.far.asked().count(A) == 1
        one.far.ack_all()
        await one.quiet()
        trades.leave()
        await one.quiet()
        assert one.far.asked("unsubscribe") == []
        raw.leave()
        await one.quiet()
        assert one.far.asked("unsubscribe") == [A]


@virtually
async def test_a_refused_stream_that_somebody_wants_anew_is_asked_for_anew(stage) -> None:
    async with stage() as one:
        await one.hear("mock:trades:b")
        first = await one.hear("mock:trades:a")
        one.far.nack(A)
        await one.quiet()
        assert first.topic.status == "closed"
        second = await one.hear("mock:raw:trades.a")
        assert one.far.asked().count(A) == 2
        assert (first.topic.status, second.topic.status) == ("pending", "pending")
        one.far.ack(A)
        await one.quiet()
        assert (first.topic.status, second.topic.status) == ("live", "live")


# --- dialects that build what they must not


class Twice(MockDialect):
    def subscribe(self, streams, /):
        return [*super().subscribe(streams), *super().subscribe(streams)]


class Never(MockDialect):
    def subscribe(self, streams, /):
        return []


class Mute(MockDialect):
    """Builds requests that nobody could tell from any other."""

    def subscribe(self, streams, /):
        return [spi.Request(frame="x", streams=tuple(streams))]


class Raising(MockDialect):
    def subscribe(self, streams, /):
        return [{}["secret"] for _ in streams]


class Nonsense(MockDialect):
    def subscribe(self, streams, /):
        return ["subscribe" for _ in streams]


class Clinging(MockDialect):
    def unsubscribe(self, streams, /):
        return []


class Stuttering(MockDialect):
    """Gives up by asking."""

    def unsubscribe(self, streams, /):
        return super().subscribe(streams)


@pytest.mark.parametrize(
    ("dialect", "problem"),
    [
        (Twice, "its dialect must subscribe each stream exactly once, with that op"),
        (Never, "its dialect must subscribe each stream exactly once, with that op"),
        (Mute, "its dialect must subscribe each stream exactly once, with that op"),
        (Raising, "its dialect raised KeyError in subscribe"),
        (Nonsense, "its dialect raised AttributeError in subscribe"),
        (Clinging, "its dialect must unsubscribe each stream exactly once, with that op"),
        (Stuttering, "its dialect must unsubscribe each stream exactly once, with that op"),
    ],
)
@virtually
async def test_a_dialect_that_asks_for_something_else_is_named(stage, variant, dialect, problem) -> None:
    async with stage(variant(dialect)) as one:
        one.network.on_dial = lambda _: Accept()
        await one.connect(retry=True)
        ear = await one.hear("mock:trades:a")
        ear.leave()
        await one.quiet()
        errors = [change.text for change in one.seen.changes if change.after == "ERROR"]
        assert len(errors) == 1
        assert problem in errors[0]
        assert "secret" not in errors[0]


@virtually
async def test_nothing_is_asked_for_again_and_again(stage) -> None:
    """Three hundred streams, and ten minutes in which nothing happens."""
    async with stage() as one:
        await one.hear_all(*(f"mock:trades:{number}" for number in range(300)))
        one.far.ack_all()
        await asyncio.sleep(600)
        assert len(one.far.peer.sent) == 3
