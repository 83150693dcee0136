"""Where updates of a recorded book are lost it is told, and nothing is sent of it until it is right again."""

import json
import os
from typing import Any

import pytest
from captures import market_of
from recordings import (
    WITH_BOOKS,
    Frame,
    PlainBook,
    Quotes,
    Snapshot,
    fetched,
    same,
    sessions,
    streams_of_books,
    symbol_of,
)

from gateway.engine.bookfeed import BookFeed
from gateway.engine.messages import Message, Notice
from gateway.engine.topics import Topic
from gateway.model.subscriptions import Subscription

CONTRADICTED = 0.05
"""Of what is compared at most, where quotes contradict the changes beside them: more would rather be our fault."""
EVERY = (500, 37) if os.environ.get("GATEWAY_FULL_SIZE") else (500,)
"""Of how many updates one is lost."""
DELAY = 3
"""Updates that come while a snapshot is fetched."""
DEPTH = 1000


class Listener:
    """What a client makes of one book's messages: the book, and what was said of it, in order."""

    wants_frames = False

    def __init__(self, symbol: str, quotes: Quotes) -> None:
        self.symbol = symbol
        self.quotes = quotes
        self.truth: dict[int, tuple[str, ...]] = {}
        """Bid and ask with their sizes by number, of all that came, nothing lost."""
        self.words: list[str] = []
        self.compared = 0
        self.different: set[int] = set()
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}

    def put(self, message: Message, /) -> None:
        self.words.append(message.kind)
        (record,) = message.records
        if message.kind == "snapshot":
            self.bids, self.asks = {}, {}
        for side, levels in ((self.bids, record.bids), (self.asks, record.asks)):
            side.update(levels)
            for price, size in levels:
                if size == "0":
                    del side[price]
        self.compare(record.seq)

    def compare(self, seq: int) -> None:
        best = self.quotes.at(self.symbol, seq)
        bid, ask = max(self.bids, key=float), min(self.asks, key=float)
        ours = (bid, self.bids[bid], ask, self.asks[ask])
        assert same(ours, self.truth[seq]), seq
        if best is not None:
            self.compared += 1
            if not same(ours, best):
                self.different.add(seq)

    def notify(self, notice: Notice, _frame: bytes, /) -> None:
        self.words.append(str(notice.status))


class Lossy:
    """One book of a recording, some of whose updates are lost, and an exchange that can always tell it whole."""

    def __init__(self, stream: str, dialect: Any, quotes: Quotes, drive: Any) -> None:
        self.listener = Listener(symbol_of(stream), quotes)
        self.truth = PlainBook()
        self.early: list[Any] = []
        """Updates that came before the exchange's whole book was known."""
        self.lost = self.noticed = self.holes = 0
        self.is_missing = False
        self.countdown: int | None = None
        self.drive = drive
        self.feed = BookFeed(stream, self.ask)
        topic = Topic(Subscription("binance", "book", self.listener.symbol), "epoch")
        topic.attach(self.listener)
        self.feed.add(topic)
        self.feed.begin()
        self.feed.arm(dialect.book(stream))
        self.dialect = dialect

    @property
    def is_live(self) -> bool:
        return self.feed.sync is not None and self.feed.sync.is_live

    def ask(self, _feed: BookFeed) -> None:
        self.countdown = DELAY

    def told(self, body: bytes) -> None:
        """The recording has a whole book."""
        if not self.truth.last:
            self.truth.replace(json.loads(body))
            self.listener.truth[self.truth.last] = self.truth.best()
            for data in self.early:
                self.know(data)
            self.load(body)

    def know(self, data: Any) -> None:
        """Do what an update says to the book that nothing is lost of; a recording may have a hole itself."""
        if self.truth.is_hole(data):
            self.holes += 1
            self.is_missing = True
        self.truth.apply(data)
        self.listener.truth[self.truth.last] = self.truth.best()

    def load(self, body: bytes) -> None:
        assert self.feed.sync is not None
        self.countdown = None
        self.feed.load(fetched(self.drive, self.feed.sync.rule, body), 1)
        self.is_missing = self.is_missing and not self.is_live

    def take(self, frame: Frame, *, lose: bool) -> None:
        if self.truth.last:
            self.know(frame.data)
        else:
            self.early.append(frame.data)
        if lose:
            self.lost += 1
            is_old = self.is_live and self.feed.sync is not None and frame.data["u"] <= self.feed.sync.seq
            self.is_missing = self.is_missing or not is_old
            return
        was_live = self.is_live
        (data,) = self.dialect.decode(frame.payload, False)
        self.feed.confirmed(1)
        self.feed.take(data, 1)
        if self.is_missing and was_live:
            self.noticed += 1
            self.is_missing = False
        if self.countdown is not None and self.truth.last:
            self.countdown -= 1
            if self.countdown <= 0:
                self.load(self.truth.fetched(DEPTH))


@pytest.mark.parametrize("name", WITH_BOOKS)
@pytest.mark.parametrize("every", EVERY)
def test_a_lost_update_is_told_and_the_book_is_right_again(
    name: str, every: int, capture: Any, dialect_of: Any, drive: Any, capsys: Any
) -> None:
    dialect, updates = dialect_of(market_of(name)), 0
    books: list[Lossy] = []
    for recorded in sessions(capture(name)):
        quotes = Quotes(recorded)
        found = {
            symbol_of(stream): Lossy(stream, dialect, quotes, drive)
            for stream in streams_of_books(dialect, recorded)
        }
        for line in recorded:
            if isinstance(line, Snapshot):
                if line.symbol in found:
                    found[line.symbol].told(line.body)
            elif dialect.book(line.stream) is not None:
                updates += 1
                found[symbol_of(line.stream)].take(line, lose=not updates % every)
        books += found.values()
    for book in books:
        assert book.listener.words.count("gap") == book.noticed
        check_order(book.listener.words)
    lost, gaps, holes = (sum(each) for each in zip(*((b.lost, b.noticed, b.holes) for b in books), strict=True))
    compared, different = sum(b.listener.compared for b in books), sum(len(b.listener.different) for b in books)
    counts = f"{lost} of {updates} updates lost, {gaps} gaps told, {compared} compared, {different} different"
    with capsys.disabled():
        print(f"\n{name}: {counts}")  # noqa: T201  # whoever runs it sees what was compared
    assert holes or different <= CONTRADICTED * compared
    assert compared > 0 or not any(b.truth.last for b in books)


def check_order(words: list[str]) -> None:
    """After a gap comes nothing of the book but a whole one, and then the word that it is right."""
    for place, word in enumerate(words):
        if word == "gap":
            following = words[place : place + 5]
            assert following == ["gap", "resyncing", "snapshot", "synced", "live"][: len(following)]
