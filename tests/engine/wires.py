"""One stream that comes by two wires, each in order and each late as it likes, and a listener of the real feed."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from hearing import Ear, topic_named

from gateway.engine.bookfeed import BookFeed
from gateway.engine.bookshadow import BookShadow
from gateway.engine.feeds import Feed
from gateway.engine.messages import Message, Notice
from gateway.engine.shadow import RecordShadow
from gateway.model.market import Liquidation, Quote, Ticker, Trade
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity, SnapshotSource
from gateway.spi.events import Data

STREAM = "s"


class Wires:
    """
    See the module's docstring. Data are numbered from 1 in the order in which the exchange made them.

    Subclasses say what a datum is.
    """

    topic = "mock:trades:a"
    contiguous = False
    conflates = False
    """Whether the newest datum says all, so that one which is overtaken is no loss."""

    def __init__(self) -> None:
        self.made = 0
        self.serving: deque[int] = deque()
        self.candidate: deque[int] = deque()
        self.shadow: Any = None
        self.is_subscribed = self.has_swapped = False
        self.feed = self.make_feed()
        topic = topic_named(self.topic)
        self.ear = Ear(topic)
        self.feed.add(topic)
        self.feed.confirmed(0)

    # --- what a datum is

    def make_feed(self) -> Any:
        return Feed(STREAM, contiguous=self.contiguous)

    def make_shadow(self) -> Any:
        return RecordShadow(self.feed)

    def deliver(self, feed: Feed, number: int) -> None:
        feed.take(self.datum(number), number)

    def datum(self, number: int) -> Data:
        return Data(STREAM, (self.record(number),), number)

    def record(self, number: int) -> Any:
        return Trade(number, "1", "1", "buy", number)

    def number_of(self, message: Message) -> int:
        [record] = message.records
        number: int = record.ts
        return number

    # --- what happens

    def make(self) -> None:
        """The exchange makes a datum and sends it to everybody who is subscribed."""
        self.made += 1
        if not self.has_swapped:
            self.serving.append(self.made)
        if self.is_subscribed:
            self.candidate.append(self.made)

    def serve(self) -> None:
        """The first wire delivers."""
        if self.serving and not self.has_swapped:
            self.arrive(self.feed, self.serving.popleft())

    def bring(self) -> None:
        """The second wire delivers, to whoever stands at its end."""
        if self.candidate:
            self.arrive(self.feed if self.has_swapped else self.shadow, self.candidate.popleft())

    def begin(self) -> None:
        """A second connection is made."""
        if self.shadow is None:
            self.shadow = self.make_shadow()

    def subscribe(self) -> None:
        """The exchange grants the second connection its wish."""
        if self.shadow is not None and not self.is_subscribed:
            self.is_subscribed = True
            self.granted()

    def granted(self) -> None:
        self.shadow.confirmed(self.made)

    def settle(self) -> None:
        """All that was under way to the first when the second was granted its wish has arrived."""
        if self.is_subscribed and not self.has_swapped:
            while self.serving:
                self.serve()
            self.shadow.expect()

    def swap(self) -> None:
        """The second connection takes over, come what may."""
        if self.shadow is not None and not self.has_swapped:
            self.has_swapped = True
            self.shadow.hand_over("closed_by_peer", self.made)
            self.serving.clear()
            if not self.is_subscribed:
                self.is_subscribed = True
                self.feed.confirmed(self.made)

    def swap_if_ready(self, *, patient: bool) -> bool:
        if self.is_subscribed and not self.has_swapped and self.shadow.is_ready(patient=patient):
            self.swap()
        return self.has_swapped

    def answer(self) -> None:
        """Fetch every snapshot that was asked for."""

    def drain(self) -> None:
        """Everything arrives."""
        while self.serving and not self.has_swapped:
            self.serve()
        while self.candidate:
            self.bring()

    def arrive(self, feed: Feed, number: int) -> None:
        """Hand it on as the intake does."""
        feed.frames += 1
        if feed.fresh:
            feed.fresh = False
            feed.delivers(number)
        self.deliver(feed, number)

    # --- what was heard

    def check(self) -> list[int]:
        """Demand that each was heard once, in order, and what is missing announced; return the numbers."""
        heard: list[int] = []
        announced = False
        for one in self.ear.heard:
            if isinstance(one, Notice):
                announced = announced or one.status == "gap"
                continue
            number = self.number_of(one)
            if heard:
                assert number > heard[-1], f"{number} after {heard[-1]}"
                assert number == heard[-1] + 1 or announced or self.conflates, f"nothing told before {number}"
            heard.append(number)
            announced = False
        return heard

    @property
    def gaps(self) -> list[str]:
        return [one.reason for one in self.ear.notices if one.status == "gap"]


class Numbered(Wires):
    contiguous = True


class Trades(Wires):
    """Their ids only grow."""

    def record(self, number: int) -> Any:
        return Trade(number * 10, "1", "1", "buy", number)


class Texts(Wires):
    """Their ids are no numbers."""

    def record(self, number: int) -> Any:
        return Trade(f"t{number}", "1", "1", "buy", number)


class Quotes(Wires):
    topic = "mock:quotes:a"

    def record(self, number: int) -> Any:
        return Quote("1", "1", "2", "1", seq=number * 10, ts=number)


class Tickers(Wires):
    topic = "mock:ticker:a"
    conflates = True

    def record(self, number: int) -> Any:
        return Ticker(last="1", ts=number)


class Liquidations(Wires):
    topic = "mock:liquidations:a"

    def record(self, number: int) -> Any:
        return Liquidation("buy", "1", "1", number)


class Pairs(Liquidations):
    """Two records in each message; the second connection gets each in a message of its own."""

    def deliver(self, feed: Feed, number: int) -> None:
        first, second = (Liquidation("buy", str(one), "1", number) for one in (1, 2))
        if feed is self.feed and not self.has_swapped:
            feed.take(Data(STREAM, (first, second), number), number)
        else:
            feed.take(Data(STREAM, (first,), number), number)
            feed.take(Data(STREAM, (second,), number), number)

    def check(self) -> list[int]:
        heard = [record for message in self.ear.messages for record in message.records]
        assert [record.price for record in heard] == ["1", "2"] * (len(heard) // 2)
        self.ear.heard = [one for one in self.ear.heard if isinstance(one, Notice) or one.records[-1].price == "2"]
        return super().check()

    def number_of(self, message: Message) -> int:
        number: int = message.records[-1].ts
        return number


class Frames(Wires):
    topic = "mock:raw:s"

    def deliver(self, feed: Feed, number: int) -> None:
        feed.take_raw(b"%d" % number, False, number)

    def number_of(self, message: Message) -> int:
        return int(message.records)


class Books(Wires):
    """Each number is an update that sets one of three prices to its number."""

    topic = "mock:book:a"
    prices: ClassVar[Sequence[str]] = ("1", "2", "3")
    in_band = False
    offset = 0
    """By how much the second connection's numbers are ahead of the first one's."""

    def make_feed(self) -> Any:
        self.asked: list[BookFeed] = []
        self.rule = BookRule(follows=self.follows, snapshot=SnapshotSource.IN_BAND if self.in_band else self.fetch)
        feed = BookFeed(STREAM, self.asked.append)
        feed.arm(self.rule)
        return feed

    def __init__(self) -> None:
        self.truth: dict[int, dict[str, str]] = {0: {"1": "0.1", "2": "0.1", "3": "0.1"}}
        super().__init__()
        self.feed.load(self.snapshot(0), 0)

    def make(self) -> None:
        super().make()
        book = dict(self.truth[self.made - 1])
        book[self.prices[self.made % 3]] = str(self.made)
        self.truth[self.made] = book

    def make_shadow(self) -> Any:
        shadow = BookShadow(self.feed, self.asked.append, set())
        shadow.begin()
        shadow.arm(BookRule(follows=self.follows, snapshot=self.rule.snapshot))
        return shadow

    def granted(self) -> None:
        super().granted()
        if self.in_band:
            self.shadow.load(self.snapshot(self.made, self.offset), self.made)

    def answer(self) -> None:
        while self.asked:
            feed = self.asked.pop()
            if feed.sync is not None and not feed.sync.is_live:
                is_second = self.has_swapped or feed is self.shadow
                feed.load(self.snapshot(self.made, self.offset if is_second else 0), self.made)

    def deliver(self, feed: Feed, number: int) -> None:
        is_second = self.has_swapped or feed is self.shadow
        offset = self.offset if is_second else 0
        update = BookDelta(
            [(self.prices[number % 3], str(number))], [], number + offset, previous=number - 1 + offset, ts=number
        )
        feed.take(Data(STREAM, (update,), number), number)

    def snapshot(self, number: int, offset: int = 0) -> BookSnapshot:
        return BookSnapshot(list(self.truth[number].items()), [], number + offset, number)

    def fetch(self) -> Any:
        raise NotImplementedError

    @staticmethod
    def follows(previous: int, update: BookDelta, _: bool) -> Continuity:
        if update.last <= previous:
            return Continuity.IGNORE
        return Continuity.APPLY if update.previous == previous else Continuity.GAP

    def check(self) -> list[int]:
        """Whoever applies what he hears has, at each message, a book that there really was; while it is live."""
        book: dict[str, str] = {}
        at = []
        for one in self.ear.messages:
            [record] = one.records
            if one.kind == "snapshot":
                book = dict(record.bids)
            else:
                book.update(record.bids)
            number = record.ts
            assert book == self.truth[number], f"a wrong book at {number}"
            at.append(number)
        return at


class InBand(Books):
    in_band = True


class Apart(Books):
    """The second connection counts otherwise."""

    offset = -3


class ApartInBand(InBand):
    offset = 1000


KINDS: Sequence[Callable[[], Wires]] = (
    Numbered, Trades, Texts, Quotes, Tickers, Liquidations, Pairs, Frames, Books, InBand, Apart, ApartInBand
)  # fmt: skip
