"""Whatever arrives, a dialect says what it means or that it makes no sense; nothing else, and nothing more."""

import json
from typing import Any, get_args

import plainly
import pytest
from bending import NUMBERS, bent, changed, places, quietly
from captures import market_of
from frames import EXAMPLES, NOTICES
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import json as records_json
from msgspec.structs import asdict
from recordings import WITH_BOOKS, Frame, lines

from gateway import spi

MARKETS = list(EXAMPLES)


def check(dialect: Any, exchange: str, payload: bytes, *, binary: bool = False) -> None:
    """Decode, and compare whatever becomes a record with the second opinion."""
    stream = dialect.stream(payload, binary)
    assert stream is None or isinstance(stream, str)
    try:
        events = list(dialect.decode(payload, binary))
    except ValueError:
        return
    for event in events:
        assert isinstance(event, get_args(spi.Event))
        if type(event) is spi.Data and (event.records or event.blank):
            check_data(exchange, payload, event)
        elif type(event) is spi.Data:
            assert event.stream == json.loads(payload)["stream"]


def check_data(exchange: str, payload: bytes, data: spi.Data) -> None:
    said = plainly.read(exchange, payload)
    assert said[0] == data.stream
    told = [{name: value for name, value in asdict(one).items() if value is not None} for one in data.records]
    wanted = [] if said[1] is None else [{name: one for name, one in said[1].items() if one is not None}]
    assert told == wanted
    for record in data.records:
        assert records_json.decode(records_json.encode(record), type=type(record)) == record


@pytest.mark.parametrize("exchange", MARKETS)
def test_an_unbent_frame_is_read(dialect_of: Any, exchange: str) -> None:
    dialect = dialect_of(exchange)
    for kind, frame in EXAMPLES[exchange].items():
        (event,) = dialect.decode(frame, False)
        assert bool(event.records) == (kind != "no trade")
        check_data(exchange, frame, event)
    for frame in NOTICES:
        assert list(dialect.decode(frame, False))


@pytest.mark.parametrize("exchange", MARKETS)
def test_whatever_stands_in_a_values_place_is_read_or_makes_no_sense(dialect_of: Any, exchange: str) -> None:
    dialect = dialect_of(exchange)
    for frame in EXAMPLES[exchange].values():
        for path in places(json.loads(frame))[1:]:
            for odd in [*NUMBERS, None, True, False, [], {}, float("nan"), float("-inf")]:
                message = changed(json.loads(frame), path, lambda place, key, odd=odd: place.__setitem__(key, odd))
                check(dialect, exchange, json.dumps(message).encode())


@pytest.mark.parametrize("exchange", MARKETS)
@quietly
@given(data=st.data(), binary=st.booleans())
def test_a_bent_frame_is_read_or_makes_no_sense(dialect_of: Any, exchange: str, data: Any, binary: bool) -> None:
    frame = data.draw(st.sampled_from([*EXAMPLES[exchange].values(), *NOTICES]))
    check(dialect_of(exchange), exchange, data.draw(bent(frame)), binary=binary)


@pytest.mark.parametrize("exchange", MARKETS)
@quietly
@given(payload=st.binary(max_size=60), binary=st.booleans())
@example(payload=b"[" * 100_000, binary=False)
@example(payload=b'[{"e":"markPriceUpdate","E":1,"s":"BTCUSD_PERP","p":"1"}]', binary=False)
def test_what_is_no_frame_makes_no_sense(dialect_of: Any, exchange: str, payload: bytes, binary: bool) -> None:
    check(dialect_of(exchange), exchange, payload, binary=binary)


@pytest.mark.parametrize("name", WITH_BOOKS)
@settings(quietly, max_examples=150)
@given(data=st.data())
def test_a_bent_recorded_frame_is_read_or_makes_no_sense(
    name: str, capture: Any, dialect_of: Any, data: Any
) -> None:
    recorded = frames_of(name, capture)
    frame = data.draw(st.sampled_from(recorded))
    check(dialect_of(market_of(name)), market_of(name), data.draw(bent(frame)))


_frames: dict[str, list[bytes]] = {}


def frames_of(name: str, capture: Any) -> list[bytes]:
    """Return a few frames of each kind in a recording, the shorter ones."""
    if name not in _frames:
        kinds: dict[str, list[bytes]] = {}
        for line in lines(capture(name)):
            if isinstance(line, Frame):
                kinds.setdefault(line.stream.partition("@")[2], []).append(line.payload)
        _frames[name] = [
            frame for kind in kinds.values() for frame in sorted(kind, key=len)[:: len(kind) // 3 or 1]
        ]
    return _frames[name]
