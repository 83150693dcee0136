"""Every frame of every recording becomes the records that a second, plain reading of it finds, none excepted."""

import json
from collections import Counter
from typing import Any

import plainly
import pytest
from msgspec.structs import asdict
from recordings import WITH_BOOKS, Frame, lines, market_of

from gateway import spi

CONTIGUOUS = ("trade", "aggTrade")


def said(record: Any) -> dict[str, Any]:
    """Return what a record says; a field that is not there says nothing, but for books, whose are all wanted."""
    fields = asdict(record)
    if isinstance(record, spi.BookDelta):
        return {name: value for name, value in fields.items() if name != "checksum"}
    if isinstance(record, spi.BookSnapshot):
        return fields
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize("name", WITH_BOOKS)
def test_every_frame_is_read_as_it_says(name: str, capture: Any, dialect_of: Any) -> None:
    exchange = market_of(name)
    dialect = dialect_of(exchange)
    kinds: Counter[str] = Counter()
    last: dict[str, int] = {}
    for line in lines(capture(name)):
        if not isinstance(line, Frame):
            continue
        assert dialect.stream(line.payload, False) == line.stream
        (event,) = dialect.decode(line.payload, False)
        assert type(event) is spi.Data
        (record,) = event.records
        assert (event.stream, said(record)) == plainly.read(exchange, line.payload)
        assert event.ts == (line.data["E"] * 1000 if "E" in line.data else None)
        kind = line.stream.partition("@")[2]
        kinds[kind] += 1
        if kind in CONTIGUOUS:
            assert record.id == last.get(line.stream, record.id - 1) + 1
            last[line.stream] = record.id
    assert {"bookTicker"} < set(kinds)


@pytest.mark.parametrize(
    ("exchange", "name"),
    [
        ("binance", "binance-spot/docs-examples.dev.jsonl"),
        ("binance", "binance-spot/jkorf-subscriptions.dev.jsonl"),
        ("binance", "binance-spot/nautilus-ws-resources.dev.jsonl"),
        ("binance-usdm", "binance-usdm/jkorf-subscriptions.dev.jsonl"),
        ("binance-usdm", "binance-usdm/nautilus-fixtures.dev.jsonl"),
        ("binance-usdm", "binance-usdm/nautilus-ws-resources.dev.jsonl"),
    ],
)
def test_an_example_means_something_or_nothing(exchange: str, name: str, capture: Any, dialect_of: Any) -> None:
    """Of documents and of peers' tests: of connections that are not combined, of accounts, of REST."""
    dialect = dialect_of(exchange)
    known = 0
    for text in capture(name).read_text().splitlines():
        payload = json.loads(text)["frame"].encode()
        try:
            events = list(dialect.decode(payload, False))
        except ValueError:
            continue
        for event in events:
            known += 1
            assert type(event) in {spi.Ack, spi.Nack, spi.Data, spi.Draining}
            if type(event) is spi.Data:
                assert (event.stream, said(*event.records)) == plainly.read(exchange, payload)
    assert known or "nautilus" in name
