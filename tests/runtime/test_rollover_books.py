"""Books whose snapshots come over REST: whichever can go on is not fetched, whichever cannot is, now or then."""

import asyncio
from typing import Any

import pytest

from gateway import spi
from gateway.engine.bookshadow import BookShadow
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Later
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockDialect, _follows


def snapshot(last: int) -> HttpReply:
    return HttpReply(200, body=b'{"bids":[["99","1"]],"asks":[["101","1"]],"last":%d}' % last)


def fetch() -> spi.Conversation[spi.BookSnapshot]:
    reply = yield spi.Fetch("GET", "http://memory/depth")
    return spi.BookSnapshot(**reply.json())


class Rested(MockDialect):
    def book(self, stream, /):
        return spi.BookRule(follows=_follows, snapshot=fetch)


class Two:
    """A stage with two books that are live as of number 5, and a second connection that will be granted both."""

    def __init__(self, stage: Any, far: Any) -> None:
        self.stage = stage
        self._far = far

    async def begin(self) -> None:
        self.ears = await self.stage.hear_all("mock:book:a", "mock:book:b", "mock:raw:book.a")
        self.first.ack_all()
        await self.stage.quiet()
        for ear in self.ears[:2]:
            assert ear.story == ["snapshot", "live"]
        self.stage.network.fetches.clear()
        self.asked = self.stage.link().supervisor.roll("asked for")
        await self.stage.quiet()
        self.second.ack_all()
        await self.stage.quiet()

    @property
    def first(self) -> Any:
        return self._far(self.stage.network.peers[0])

    @property
    def second(self) -> Any:
        return self._far(self.stage.network.peers[1])

    @property
    def fetched(self) -> int:
        return len(self.stage.network.fetches)

    def both(self, symbol: str, number: int) -> None:
        self.first.delta(symbol, number)
        self.second.delta(symbol, number)


@pytest.fixture
def two(stage, variant, kit):
    def made() -> Two:
        one = stage(variant(Rested))
        one.network.on_fetch = lambda _: snapshot(5)
        return Two(one, kit.Far)

    return made


@virtually
async def test_books_that_are_numbered_alike_go_on_and_nothing_is_fetched(two) -> None:
    one = two()
    async with one.stage:
        await one.begin()
        one.both("a", 6)
        await asyncio.sleep(1.2)
        assert one.asked.result() is True
        one.second.delta("a", 7)
        one.second.delta("b", 6)
        await one.stage.quiet()
        assert one.fetched == 0
        assert one.ears[0].story == ["snapshot", "live", "update", "update"]
        assert one.ears[1].story == ["snapshot", "live", "update"]
        assert one.ears[2].story == ["live", "update", "update"]


@virtually
async def test_books_that_nothing_is_known_of_are_fetched_for_after_a_while(two) -> None:
    one = two()
    async with one.stage:
        await one.begin()
        one.first.delta("a", 6)
        one.second.delta("a", 1006)
        one.stage.network.on_fetch = lambda _: snapshot(1006)
        await asyncio.sleep(4.9)
        assert one.fetched == 0
        assert not one.asked.done()
        await asyncio.sleep(0.3)
        assert one.asked.result() is True
        assert one.fetched == 2
        one.second.delta("a", 1007)
        one.second.delta("b", 1007)
        await one.stage.quiet()
        assert one.ears[0].story == ["snapshot", "live", "update", "snapshot", "update"]
        assert one.ears[1].story == ["snapshot", "live", "snapshot", "update"]


@pytest.mark.parametrize("waits", [0.5, 5.5])
@virtually
async def test_if_the_first_is_lost_before_they_are_fetched_they_are_lost_aloud_and_mended(
    two, waits: float
) -> None:
    """Also where a fetch was under way, whose answer nobody could show."""
    one = two()
    async with one.stage:
        await one.begin()
        one.first.delta("a", 6)
        one.second.delta("a", 1006)
        one.stage.network.on_fetch = lambda _: Later(2.0, snapshot(1006))
        await asyncio.sleep(waits)
        one.first.peer.drop()
        await one.stage.quiet()
        assert one.asked.result() is True
        assert one.ears[0].statuses == ["live", "gap connection_reset", "resyncing connection_reset"]
        await asyncio.sleep(1.7)
        one.second.delta("a", 1007)
        await asyncio.sleep(0.4)
        one.second.delta("a", 1008)
        await one.stage.quiet()
        told = ["gap", "resyncing", "snapshot", "synced", "live"]
        assert one.ears[0].story == ["snapshot", "live", "update", *told, "update"]
        assert one.ears[1].story == ["snapshot", "live", *told]
        await asyncio.sleep(5)
        assert one.fetched == (2 if waits < 5 else 4)


@virtually
async def test_books_that_wait_for_their_snapshots_wait_on_and_hold_nothing_up(two) -> None:
    """Where they are many they wait for minutes: whoever fetched them twice would take longer than he may."""
    one = two()
    async with one.stage:
        await one.begin()
        one.stage.network.on_fetch = lambda _: Later(9.0, snapshot(5))
        more = await one.stage.hear_all(*(f"mock:book:more{number}" for number in range(20)))
        for far in (one.first, one.second):
            far.ack_all()
        one.both("a", 6)
        await asyncio.sleep(6)
        assert one.asked.result() is True
        assert one.fetched == 4 + 4, "those on their way were asked for again, and no other"
        await asyncio.sleep(9 * 5)
        assert all(ear.story == ["snapshot", "live"] for ear in more)
        assert one.fetched == 4 + 20


@virtually
async def test_one_that_was_ready_and_is_not_any_more_is_waited_for_too(two) -> None:
    one = two()
    async with one.stage:
        await one.begin()
        one.both("a", 6)
        one.second.delta("b", 8)
        await asyncio.sleep(1.5)
        one.second.delta("a", 9)
        await asyncio.sleep(0.5)
        for number in (6, 7):
            one.first.delta("b", number)
        await asyncio.sleep(0.5)
        assert not one.asked.done()
        for number in (7, 8):
            one.first.delta("a", number)
        await asyncio.sleep(0.2)
        assert one.asked.result() is True
        assert one.ears[0].story == ["snapshot", "live"] + ["update"] * 4
        assert one.ears[1].story == ["snapshot", "live"] + ["update"] * 3


@virtually
async def test_while_few_of_many_are_waited_for_only_these_are_looked_at(two, monkeypatch) -> None:
    looked: list[str] = []
    is_ready = BookShadow.is_ready

    def counted(shadow: BookShadow, *, patient: bool) -> bool:
        looked.append(shadow.stream)
        return is_ready(shadow, patient=patient)

    one = two()
    async with one.stage:
        await one.begin()
        one.stage.network.on_fetch = lambda _: snapshot(5)
        many = await one.stage.hear_all(*(f"mock:book:many{number}" for number in range(50)))
        for far in (one.first, one.second):
            far.ack_all()
        one.both("a", 6)
        one.second.delta("b", 8)
        await asyncio.sleep(2)
        monkeypatch.setattr(BookShadow, "is_ready", counted)
        await asyncio.sleep(1)
        assert 5 < len(looked) < 15
        assert {*looked} == {"book.b"}
        many[0].leave()
        for number in (6, 7):
            one.first.delta("b", number)
        await asyncio.sleep(0.2)
        assert one.asked.result() is True
        assert len({*looked}) == 51


@virtually
async def test_one_that_nobody_wants_any_more_is_not_waited_for(two) -> None:
    one = two()
    async with one.stage:
        await one.begin()
        late = await one.stage.hear("mock:book:late")
        one.first.ack_all()
        one.both("a", 6)
        await asyncio.sleep(2)
        assert late.story == ["snapshot", "live"]
        assert not one.asked.done(), "the second has granted nothing"
        late.leave()
        await asyncio.sleep(0.2)
        assert one.asked.result() is True
