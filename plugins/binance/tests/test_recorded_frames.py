"""Every frame of every recording becomes the records that a second, plain reading of it finds, none excepted."""

from collections import Counter
from typing import Any

import plainly
import pytest
from captures import Kind, json_lines, market_of, named
from msgspec.structs import asdict
from recordings import WITH_BOOKS, Frame, lines
from unwrapped import wrapped

from gateway import spi

CONTIGUOUS = ("trade", "aggTrade")
EXAMPLES = named(Kind.FRAMES, "binance-spot/docs-examples.dev.jsonl", "binance-usdm/jkorf-subscriptions.dev.jsonl")


def said(record: Any) -> dict[str, Any]:
    """Return what a record says; a field that is not there says nothing, but for books, whose are all wanted."""
    fields = asdict(record)
    if isinstance(record, spi.BookDelta):
        return {name: value for name, value in fields.items() if name != "checksum"}
    if isinstance(record, spi.BookSnapshot):
        return fields
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize("name", WITH_BOOKS)
def test_every_frame_is_read_as_it_says(name: str, capture: Any, dialect_of: Any, capsys: Any) -> None:
    exchange = market_of(name)
    dialect = dialect_of(exchange)
    kinds: Counter[str] = Counter()
    last: dict[str, int] = {}
    holes = 0
    for line in lines(capture(name)):
        if not isinstance(line, Frame):
            continue
        kind = line.stream.partition("@")[2]
        assert dialect.stream(line.payload, False) == (line.stream if is_spelt_so(line) else None)
        try:
            wanted = plainly.read(exchange, line.payload)
        except plainly.RefusedError:
            assert not any(getattr(event, "records", ()) for event in quietly(dialect, line.payload)), line.payload
            kinds[f"{kind} (raw)"] += 1
            continue
        (event,) = dialect.decode(line.payload, False)
        assert type(event) is spi.Data
        assert event.stream == wanted[0]
        assert [said(record) for record in event.records] == ([] if wanted[1] is None else [wanted[1]])
        if isinstance(line.data, dict):
            assert event.ts == (plainly.time(line.data["E"]) if "E" in line.data else None)
        kinds[kind] += 1
        if kind in CONTIGUOUS and event.records:
            (record,) = event.records
            holes += record.id != last.get(line.stream, record.id - 1) + 1
            last[line.stream] = record.id
    with capsys.disabled():
        print(f"\n{name}: {dict(kinds)}, {holes} holes among trades")  # noqa: T201  # whoever runs it sees what was read
    assert kinds


def is_spelt_so(line: Frame) -> bool:
    """Whether a frame begins as the exchange writes it."""
    return line.payload.startswith(b'{"stream":"')


def quietly(dialect: Any, payload: bytes) -> list[Any]:
    """Return what a frame means; nothing if it makes no sense."""
    try:
        return list(dialect.decode(payload, False))
    except ValueError:
        return []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_means_something_or_nothing(name: str, capture: Any, dialect_of: Any, capsys: Any) -> None:
    """Of documents and of peers' tests: of connections that are not combined, of accounts, of REST."""
    exchange = market_of(name)
    dialect = dialect_of(exchange)
    known: Counter[str] = Counter()
    for line in json_lines(capture(name)):
        payload = line.get("frame", "").encode()
        for event in quietly(dialect, payload):
            known[type(event).__name__] += 1
            assert type(event) in {spi.Ack, spi.Nack, spi.Data, spi.Draining}
            if type(event) is spi.Data and event.records:
                assert (event.stream, said(*event.records)) == plainly.read(exchange, payload)
    with capsys.disabled():
        print(f"\n{name}: {dict(known)}")  # noqa: T201  # likewise


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_by_itself_is_read_where_its_stream_is(
    name: str, capture: Any, dialect_of: Any, capsys: Any
) -> None:
    """Events that documents and peers show without their stream are wrapped as a combined connection would."""
    exchange = market_of(name)
    dialect = dialect_of(exchange)
    read: Counter[str] = Counter()
    for line in json_lines(capture(name)):
        for payload in wrapped(line.get("frame", "")):
            try:
                stream, wanted = plainly.read(exchange, payload)
            except plainly.RefusedError:
                assert not any(getattr(event, "records", ()) for event in quietly(dialect, payload)), payload
                continue
            (event,) = dialect.decode(payload, False)
            assert (event.stream, [said(one) for one in event.records]) == (stream, [wanted] if wanted else [])
            read[stream.partition("@")[2]] += 1
    with capsys.disabled():
        print(f"\n{name}: {dict(read)} by themselves")  # noqa: T201  # likewise
