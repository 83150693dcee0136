"""Where a book's snapshot comes from, and that no book is left without one or given one that is not its own."""

import asyncio
from typing import Any

import pytest

from gateway import spi
from gateway.engine.booksync import LOOK
from gateway.errors import Reason
from gateway.runtime.snapshots import AT_ONCE
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Accept, Hang, Later, Refuse
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockDialect, _follows

A = "book.a"


def snapshot(last: int) -> HttpReply:
    return HttpReply(200, body=b'{"bids":[["99","1"]],"asks":[["101","1"]],"last":%d}' % last)


def fetch() -> spi.Conversation[spi.BookSnapshot]:
    reply = yield spi.Fetch("GET", "http://memory/depth", cost={"mock-weight": 10})
    return spi.BookSnapshot(**reply.json())


class Rested(MockDialect):
    """A dialect whose books come over REST, and which knows that something was lost."""

    rule = spi.BookRule(follows=_follows, snapshot=fetch)

    def book(self, stream, /):
        return self.rule

    def decode(self, payload, binary, /):
        return [spi.Lost(spi.ALL)] if payload == b"lost" else super().decode(payload, binary)


@pytest.fixture
def rested(stage, variant):
    """What makes a stage whose books come over REST, by rules with the given parts."""

    def made(**parts: Any):
        rule = spi.BookRule(**{"follows": _follows, "snapshot": fetch, **parts})
        dialect = type("Made", (Rested,), {"rule": rule})
        return stage(variant(dialect))

    return made


def fetches(one) -> list[float]:
    return [round(asked.at, 3) for asked in one.network.fetches]


async def book(one):
    ear = await one.hear("mock:book:a")
    one.far.ack_all()
    await one.quiet()
    return ear


@virtually
async def test_a_snapshot_is_fetched_when_the_stream_flows_and_what_waited_is_applied(rested) -> None:
    one = rested()
    one.network.on_fetch = lambda _: Later(1.0, snapshot(5))
    async with one:
        ear = await one.hear("mock:book:a")
        assert fetches(one) == [], "not before the exchange sends updates"
        one.far.ack_all()
        for number in (4, 5, 6, 7):
            one.far.delta("a", number)
        await one.quiet()
        assert (ear.story, one.seen.steps[-1]) == ([], "resync")
        await asyncio.sleep(1)
        assert ear.story == ["snapshot", "live"]
        assert ear.records[0].seq == 7
        one.far.delta("a", 8)
        await one.quiet()
        assert ear.story == ["snapshot", "live", "update"]


@virtually
async def test_one_that_is_too_old_is_fetched_again_until_it_is_not(rested) -> None:
    one = rested()
    replies = [snapshot(3), snapshot(4), snapshot(6)]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        ear = await one.hear("mock:book:a")
        one.far.delta("a", 6)
        one.far.ack_all()
        await asyncio.sleep(5)
        assert len(fetches(one)) == 3
        assert ear.story == ["snapshot", "live"]


@pytest.mark.parametrize(
    ("failure", "wait"),
    [
        (Refuse(), 0.0),
        (HttpReply(500), 0.0),
        (HttpReply(200, body=b"<html>"), 0.0),
        (HttpReply(429), 60.0),
        (HttpReply(403), 60.0),
        (Hang(), 10.0),
    ],
)
@virtually
async def test_one_that_fails_is_fetched_again_after_a_wait(rested, failure, wait: float) -> None:
    one = rested()
    replies = [failure, failure, snapshot(5)]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        ear = await book(one)
        await asyncio.sleep(200)
        assert ear.story == ["snapshot", "live"]
        first, second, third = fetches(one)
        assert second - first >= wait
        assert third - second >= wait
        assert third - first <= 2 * wait + 1.0
        assert one.link().connection.counted().failed_snapshots == 2
        told = [facts["text"] for facts in one.seen.noticed_of("resync_failed")]
        assert [text.partition(": ")[0] for text in told] == ["book.a"] * 2
        assert one.state() == "CONNECTED", "a book that cannot be had costs nobody the connection"


@virtually
async def test_a_429_for_one_book_keeps_the_address_quiet(rested) -> None:
    one = rested()
    one.network.on_fetch = lambda _: HttpReply(429, {"retry-after": "20"})
    async with one:
        await book(one)
        await one.hear("mock:book:b")
        one.far.ack_all()
        await asyncio.sleep(19)
        assert len(fetches(one)) == 1
        await asyncio.sleep(2)
        assert len(fetches(one)) >= 2


@virtually
async def test_they_are_fetched_a_few_at_a_time(rested) -> None:
    one = rested()
    one.network.on_fetch = lambda _: Later(1.0, snapshot(5))
    async with one:
        await one.hear_all(*(f"mock:book:{number}" for number in range(10)))
        one.far.ack_all()
        await asyncio.sleep(10)
        begun = {time: fetches(one).count(time) for time in fetches(one)}
        assert max(begun.values()) == AT_ONCE
        assert len(begun) == 3


# --- what breaks a book


@virtually
async def test_a_gap_in_the_very_step_in_which_the_book_became_live_is_fetched_for_again(rested) -> None:
    one = rested()
    replies = [Later(1.0, snapshot(5)), Later(1.0, snapshot(20))]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        ear = await book(one)
        feed = one.link().connection.feeds[A]
        loaded = feed.load

        def load_and_break(*args: Any) -> None:
            loaded(*args)
            feed.load = loaded
            feed.take(spi.Data(A, [spi.BookDelta([], [], 9, previous=8)]), 1)

        feed.load = load_and_break
        await asyncio.sleep(1)
        assert ear.story == ["snapshot", "live", "gap", "resyncing"]
        await asyncio.sleep(2)
        assert ear.story[4:] == ["snapshot", "synced", "live"]
        assert len(fetches(one)) == 2


@virtually
async def test_a_loss_while_a_snapshot_is_on_its_way_makes_it_worthless(rested) -> None:
    """The exchange said that something is missing: only what is fetched from then on is whole."""
    one = rested()
    replies = [Later(5.0, snapshot(5)), Later(1.0, snapshot(20))]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        ear = await book(one)
        await asyncio.sleep(1)
        one.far.peer.say("lost")
        await asyncio.sleep(2)
        assert len(fetches(one)) == 2
        assert ear.records[0].seq == 20
        await asyncio.sleep(10)
        assert ear.story == ["gap", "resyncing", "snapshot", "synced", "live"]


@virtually
async def test_a_revoked_book_begins_anew_though_a_snapshot_was_on_its_way(rested) -> None:
    one = rested()
    replies = [Later(5.0, snapshot(5)), Later(1.0, snapshot(20))]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        ear = await book(one)
        one.far.say(op="ended", stream=A, reason="maintenance")
        await one.quiet()
        one.far.ack(A)
        await asyncio.sleep(2)
        assert one.far.asked() == [A, A]
        assert ear.records[0].seq == 20
        await asyncio.sleep(10)
        assert ear.story.count("snapshot") == 1


@virtually
async def test_nobody_wants_it_any_more(rested) -> None:
    one = rested()
    one.network.on_fetch = lambda _: Later(5.0, snapshot(5))
    async with one:
        ear = await book(one)
        await one.hear("mock:trades:b")
        ear.leave()
        await one.quiet()
        assert not [task for task in asyncio.all_tasks() if "snapshot" in task.get_name()]
        await asyncio.sleep(10)
        assert (ear.heard, len(fetches(one))) == ([], 1)


@pytest.mark.parametrize("reply", [Hang(), Later(2.0, snapshot(5))])
@virtually
async def test_a_closed_epoch_loads_nothing(rested, reply) -> None:
    one = rested()
    one.network.on_fetch = lambda _: reply
    async with one:
        ear = await book(one)
        one.network.on_dial = lambda _: Hang()
        one.far.peer.close_takes = 3.0
        one.link().supervisor.reconnect(Reason.ASKED, "so that it closes")
        await asyncio.sleep(20)
        assert "snapshot" not in ear.story
        assert not [task for task in asyncio.all_tasks() if "snapshot" in task.get_name()]


@virtually
async def test_a_book_that_joins_a_raw_stream_is_fetched_for_at_once(rested) -> None:
    """Not at the stream's next datum, which may be long in coming."""
    one = rested()
    one.network.on_fetch = lambda _: snapshot(5)
    async with one:
        raw = await one.hear("mock:raw:book.a")
        one.far.ack_all()
        await one.quiet()
        ear = await one.hear("mock:book:a")
        assert ear.story == ["snapshot", "live"]
        assert one.far.asked() == [A]
        assert raw.story == ["live"]


# --- in band


@virtually
async def test_the_first_snapshot_in_band_comes_by_itself(stage) -> None:
    async with stage() as one:
        ear = await book(one)
        one.far.snapshot("a", 5)
        one.far.delta("a", 6)
        await asyncio.sleep(100)
        assert ear.story == ["snapshot", "live", "update"]
        assert one.far.asked() == [A]


@virtually
async def test_after_a_gap_a_book_in_band_is_asked_for_anew(stage) -> None:
    async with stage() as one:
        ear = await book(one)
        one.far.snapshot("a", 5)
        one.far.delta("a", 8, previous=7)
        await one.quiet()
        assert ear.story == ["snapshot", "live", "gap", "resyncing"]
        assert [request["op"] for request in one.far.requests] == ["subscribe", "unsubscribe", "subscribe"]
        one.far.ack(A, op="unsubscribe")
        one.far.ack(A)
        one.far.delta("a", 9)
        one.far.snapshot("a", 9)
        one.far.delta("a", 10)
        await asyncio.sleep(100)
        assert ear.story[4:] == ["snapshot", "synced", "live", "update"]
        assert len(one.far.requests) == 3


@virtually
async def test_one_that_does_not_come_in_band_is_asked_for_anew_after_ten_seconds(stage) -> None:
    async with stage() as one:
        await book(one)
        await asyncio.sleep(9)
        assert one.far.asked() == [A]
        await asyncio.sleep(2)
        assert one.far.asked() == [A, A]
        one.far.ack_all()
        one.far.snapshot("a", 5)
        await asyncio.sleep(100)
        assert one.far.asked() == [A, A]


@virtually
async def test_a_revoked_book_in_band_is_asked_for_once(stage) -> None:
    async with stage() as one:
        ear = await book(one)
        one.far.snapshot("a", 5)
        one.far.say(op="ended", stream=A, reason="maintenance")
        await one.quiet()
        one.far.ack(A)
        one.far.snapshot("a", 9)
        await asyncio.sleep(5)
        assert one.far.asked() == [A, A]
        assert one.far.asked("unsubscribe") == []
        assert ear.story == [
            "snapshot", "live", "disconnected", "restored", "gap", "resyncing", "snapshot", "synced", "live",
        ]  # fmt: skip


# --- a plugin whose rules are broken


def wrong_type():
    yield spi.Fetch("GET", "http://memory/depth")
    return {"bids": []}


def raises(*_: object) -> Any:
    raise KeyError("secret")


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"snapshot": raises}, "its book rule raised KeyError"),
        ({"snapshot": lambda: None}, "a book rule's snapshot must be a generator, not NoneType"),
        ({"snapshot": wrong_type}, "a book's snapshot must not be a dict"),
        ({"follows": raises}, "a book's snapshot makes no sense (KeyError)"),
    ],
)
@virtually
async def test_rules_that_break_are_named_and_tried_again_ever_more_rarely(rested, parts, problem) -> None:
    one = rested(**parts)
    one.network.on_fetch = lambda _: snapshot(5)
    async with one:
        await one.hear("mock:book:a")
        one.far.delta("a", 6)
        one.far.ack_all()
        await asyncio.sleep(100)
        told = [str(facts["text"]) for facts in one.seen.noticed_of("plugin_error")]
        assert 3 < len(told) < 40
        assert one.state() == "CONNECTED"
        assert all(problem in text and "secret" not in text for text in told)


@virtually
async def test_a_rule_that_breaks_among_updates_ends_the_epoch_as_the_plugins_fault(rested) -> None:
    fine = [True]

    def follows(previous, update, fresh):
        return _follows(previous, update, fresh) if fine else raises()

    one = rested(follows=follows)
    one.network.on_fetch = lambda _: snapshot(5)
    async with one:
        ear = await book(one)
        one.far.delta("a", 6)
        await one.quiet()
        fine.clear()
        one.far.delta("a", 7)
        await one.quiet()
        assert ear.story[:3] == ["snapshot", "live", "update"]
        assert one.story()[2] == "ERROR plugin_error"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: None, "must have a BookRule for a book it has routed, not NoneType"),
        (lambda: True, "must have a BookRule for a book it has routed, not bool"),
        (raises, "its dialect raised KeyError in book"),
    ],
)
@pytest.mark.parametrize("late", [False, True])
@virtually
async def test_a_book_without_rules_is_the_plugins_fault(stage, variant, answer, problem, late: bool) -> None:
    class Ruleless(MockDialect):
        def book(self, stream, /):
            return answer()

    async with stage(variant(Ruleless)) as one:
        one.network.on_dial = lambda _: Accept()
        if late:
            await one.connect(retry=True)
        await one.hear("mock:book:a")
        errors = [change for change in one.seen.changes if change.after == "ERROR"]
        assert errors
        assert problem in errors[0].text
        assert errors[0].reason == "plugin_error"


# --- a book that is not known as deep as it should be


def cut(last: int, bid: int) -> HttpReply:
    """Three levels a side, as many as there can be; the market is at ``bid``."""
    bids = ",".join(f'["{price}","1"]' for price in range(bid, bid - 3, -1))
    asks = ",".join(f'["{price}","1"]' for price in range(bid + 1, bid + 4))
    return HttpReply(200, body=f'{{"bids":[{bids}],"asks":[{asks}],"last":{last}}}'.encode())


def fall(one, last: int, ask: int, *, stream: str = A) -> None:
    delta = {"bids": [], "asks": [[str(ask), "1"]], "last": last, "previous": last - 1, "ts": last}
    one.far.say(stream=stream, ts=last, data=[delta])


@virtually
async def test_where_the_market_leaves_what_is_known_the_book_is_fetched_anew_without_a_break(rested) -> None:
    one = rested(reach=3)
    replies = [cut(5, 100), Later(1.0, cut(6, 90)), Later(1.0, cut(5 + LOOK, 90))]
    one.network.on_fetch = lambda _: replies.pop(0)
    async with one:
        ear = await book(one)
        assert ear.story == ["snapshot", "live"]
        for number in range(6, 6 + LOOK):
            fall(one, number, 98)
        await one.quiet()
        assert len(fetches(one)) == 2
        fall(one, 6 + LOOK, 97)
        await asyncio.sleep(5)
        assert len(fetches(one)) == 3, "the second was of before the market fell"
        assert ear.story == ["snapshot", "live", *["update"] * (LOOK + 1), "snapshot"]
        whole = ear.records[-1]
        assert (whole.seq, whole.bids[0]) == (6 + LOOK, ("90", "1"))
        assert whole.asks == [("91", "1"), ("92", "1"), ("93", "1"), ("97", "1")]
        fall(one, 7 + LOOK, 92)
        await one.quiet()
        assert ear.story[-1] == "update"
        await asyncio.sleep(60)
        assert len(fetches(one)) == 3


def costly() -> spi.Conversation[spi.BookSnapshot]:
    """Of these four may be had in a minute, three by whoever leaves a reserve."""
    reply = yield spi.Fetch("GET", "http://memory/depth", cost={"mock-weight": 270})
    return spi.BookSnapshot(**reply.json())


class Six:
    """A stage with six costly books that are live, and a limit of which nothing is used."""

    def __init__(self, stage: Any) -> None:
        self.stage = stage
        self.ears: dict[str, Any] = {}

    async def begin(self) -> None:
        one = self.stage
        one.network.on_fetch = lambda _: cut(5, 100)
        self.ears = dict(
            zip("abcdef", await one.hear_all(*(f"mock:book:{name}" for name in "abcdef")), strict=True)
        )
        one.far.ack_all()
        await asyncio.sleep(150)
        assert self.shown(1) == [*"abcdef"]
        one.network.fetches.clear()
        one.network.on_fetch = lambda _: Later(0.1, cut(2000, 90))

    def wear(self, *names: str) -> None:
        """Have the market come near to where books end."""
        for name in names:
            for number in range(6, 6 + LOOK):
                fall(self.stage, number, 98, stream=f"book.{name}")

    def shown(self, times: int) -> list[str]:
        """Return the books that were shown whole so many times."""
        return [name for name, ear in self.ears.items() if ear.story.count("snapshot") == times]


@virtually
async def test_renewals_are_fetched_one_after_the_other_and_leave_a_reserve_to_what_is_broken(rested) -> None:
    six = Six(rested(reach=3, snapshot=costly))
    async with six.stage as one:
        await six.begin()
        six.wear(*"abcdef")
        await asyncio.sleep(5)
        assert fetches(one) == pytest.approx([150.0, 150.1, 150.2], abs=0.01)
        waiting = six.shown(1)[0]
        one.far.delta(waiting, 2000)
        await asyncio.sleep(0.2)
        assert six.ears[waiting].story[-5:] == ["gap", "resyncing", "snapshot", "synced", "live"]
        await asyncio.sleep(60)
        assert six.shown(2) == [*"abcdef"]
        assert len(fetches(one)) == 6


@virtually
async def test_what_is_broken_goes_before_what_was_to_be_renewed_earlier(rested) -> None:
    six = Six(rested(reach=3, snapshot=costly))
    async with six.stage as one:
        await six.begin()
        for name in "abcd":
            one.far.delta(name, 2000)
            await asyncio.sleep(5)
        six.wear("e")
        await asyncio.sleep(1)
        one.far.delta("f", 2000)
        await asyncio.sleep(40)
        assert six.shown(2) == [*"abcdf"]
        await asyncio.sleep(10)
        assert six.shown(2) == [*"abcdef"]
        begun = 150.0
        assert fetches(one) == pytest.approx([begun + after for after in (0, 5, 10, 15, 60, 70)], abs=0.01)


@virtually
async def test_a_renewal_that_has_waited_for_a_minute_takes_its_turn(rested) -> None:
    """However much others need: else the best levels of what is served would be missing some."""
    six = Six(rested(reach=3, snapshot=costly))
    async with six.stage as one:
        await six.begin()
        budgets = one.ground.budgets.for_connection(one.ground.info.limits, None, "mock")
        for ago in (45, 30, 15, 0):
            budgets.take({"mock-weight": 270}, one.ground.now() - ago)
        six.wear("a")
        for second in range(200):
            if budgets.wait({"mock-weight": 270}, one.ground.now()) == 0:
                budgets.take({"mock-weight": 270}, one.ground.now())
            await asyncio.sleep(1)
            assert second > 60 or six.shown(2) == []
        assert six.shown(2) == ["a"]
