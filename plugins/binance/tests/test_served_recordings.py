"""What was recorded at Binance is what a program gets that runs the gateway, whatever was recorded where."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import plainly
import pytest
from captures import CAPTURES, market_of
from lives import said
from recordings import WITH_BOOKS, Frame, PlainBook, Snapshot, same, sessions

from gateway import Gateway
from gateway.engine.messages import Message
from gateway_binance.venue import venue as entry
from gateway_binance.venue.hosts import Market

MARKETS = {"binance": Market.SPOT, "binance-usdm": Market.USDM, "binance-coinm": Market.COINM}
CHANNELS = {"trade": "trades", "aggTrade": "trades", "bookTicker": "quotes", "depth": "book", "kline": "candles"}
"""By kind of stream."""


def chosen() -> list[str]:
    """Return the smallest recording of each market or, where there is time, all of them."""
    if not CAPTURES.is_dir() or os.environ.get("GATEWAY_FULL_SIZE"):
        return list(WITH_BOOKS)
    by_size = sorted(WITH_BOOKS, key=lambda name: (CAPTURES / name).stat().st_size)
    return list({market_of(name): name for name in reversed(by_size)}.values())


class Book:
    """One symbol's book as it is told, and as the recording has it."""

    def __init__(self, truth: Mapping[int, tuple[str, ...]]) -> None:
        self.told = PlainBook()
        self.truth = truth
        self.statuses: list[str] = []
        self.compared = 0
        self.different: list[int] = []

    def __call__(self, message: Any) -> None:
        if not isinstance(message, Message):
            self.statuses.append(str(message.status))
            return
        (record,) = message.records
        if message.kind == "snapshot":
            self.told = PlainBook()
        self.told.apply({"u": record.seq, "b": record.bids, "a": record.asks})
        if record.seq in self.truth:
            self.compared += 1
            if not same(self.told.best(), self.truth[record.seq]):
                self.different.append(record.seq)


def truths(recorded: list[Frame | Snapshot], holed: set[str]) -> Mapping[str, dict[int, tuple[str, ...]]]:
    """
    Return the best prices by number of each symbol of which the recording has the whole book.

    Those that the recorder has lost something of go into ``holed``.
    """
    plain: dict[str, PlainBook] = {}
    early: dict[str, list[Any]] = {}
    found: dict[str, dict[int, tuple[str, ...]]] = {}
    for line in recorded:
        if isinstance(line, Snapshot):
            if line.symbol not in plain:
                plain[line.symbol] = PlainBook()
                plain[line.symbol].replace(line.reply)
                for data in early.pop(line.symbol, ()):
                    _know(plain[line.symbol], data, found.setdefault(line.symbol, {}), holed)
        elif line.stream.partition("@")[2].startswith("depth"):
            symbol = line.data["s"]
            if symbol in plain:
                _know(plain[symbol], line.data, found.setdefault(symbol, {}), holed)
            else:
                early.setdefault(symbol, []).append(line.data)
    return found


def _know(book: PlainBook, data: Any, found: dict[int, tuple[str, ...]], holed: set[str]) -> None:
    if book.is_hole(data):
        holed.add(data["s"])
    book.apply(data)
    found[book.last] = book.best()


def topics(exchange: str, recorded: list[Frame | Snapshot]) -> Iterator[tuple[str, str, str]]:
    """Yield the streams that have a channel, with their channel and topic."""
    for stream in dict.fromkeys(line.stream for line in recorded if isinstance(line, Frame)):
        symbol, _, rest = stream.partition("@")
        kind, _, interval = rest.partition("@")[0].partition("_")
        if kind in CHANNELS and not symbol.startswith("!"):
            variant = ":agg" if kind == "aggTrade" else f":{interval}" if interval else ""
            yield stream, CHANNELS[kind], f"{exchange}:{CHANNELS[kind]}:{symbol.upper()}{variant}"


@pytest.mark.parametrize("name", chosen())
async def test_all_that_was_recorded_is_told_and_every_book_is_right(name: str, capture: Any, capsys: Any) -> None:
    path: Path = capture(name)
    exchange = market_of(name)
    recorded, *more = sessions(path)
    if more:
        pytest.skip("more than one connection was recorded: what lay between is not known")
    holed = set[str]()
    best = truths(recorded, holed)
    told: dict[str, list[Any]] = {}
    books: dict[str, Book] = {}
    news = asyncio.Event()
    async with (
        asyncio.timeout(120),
        entry.simulate(["--capture", str(path), "--speed", "max", "--wait", "1", "--stay"]) as venue,
        Gateway(_tables(exchange, venue)) as gateway,
    ):
        for stream, channel, topic in topics(exchange, recorded):
            symbol = stream.partition("@")[0].upper()
            if channel == "book":
                books[symbol] = Book(best.get(symbol, {}))
                await gateway.listen(topic, books[symbol])
            else:
                await gateway.listen(topic, _keep(told.setdefault(stream, []), news))
        await venue.wait_for(lambda: venue.ended)
        wanted = {stream: list(_wanted(exchange, stream, recorded)) for stream in told}
        while any(len(records) < len(wanted[stream]) for stream, records in told.items()):
            news.clear()
            await news.wait()
    for stream, records in wanted.items():
        assert [said(record) for record in told[stream]] == records, stream
    compared = sum(book.compared for book in books.values())
    with capsys.disabled():
        print(f"\n{name}: {sum(map(len, told.values()))} records, {compared} books compared")  # noqa: T201  # to be seen
    for symbol, book in books.items():
        assert book.different == [], symbol
        assert symbol in holed or symbol not in best or "gap" not in book.statuses, symbol
    assert compared or not best


def _tables(exchange: str, venue: Any) -> dict[str, Any]:
    endpoints = {**venue.addresses_of(MARKETS[exchange]), "allow_plaintext": True}
    return {"exchanges": {exchange: {"endpoints": endpoints}}}


def _keep(records: list[Any], news: asyncio.Event) -> Callable[[Any], None]:
    def heard(message: Any) -> None:
        records.extend(message.records if isinstance(message, Message) else ())
        news.set()

    return heard


def _wanted(exchange: str, stream: str, recorded: list[Frame | Snapshot]) -> Iterator[Any]:
    for line in recorded:
        if isinstance(line, Frame) and line.stream == stream:
            record = plainly.read(exchange, line.payload)[1]
            if record is not None:
                yield record
