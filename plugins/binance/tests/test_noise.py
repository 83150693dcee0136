"""Whatever arrives, a dialect says what it means or that it makes no sense; nothing else, and nothing more."""

import json
from collections.abc import Callable
from typing import Any, get_args

import plainly
import pytest
from frames import EXAMPLES, NOTICES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import json as records_json
from msgspec.structs import asdict
from recordings import WITH_BOOKS, Frame, lines, market_of

from gateway import spi

MARKETS = list(EXAMPLES)
NUMBERS = st.sampled_from(
    [
        *(0, -1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30),
        *(0.0, 1.0, -0.0, 1.5, 1e3, 1e308),
        *("nan", "NaN", "inf", "-1", "1e5", "", ".", "0x1", "1_0", " 1", "1,0", "\u0661", "9" * 400),
    ]
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
quietly = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value within ``value``."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(way for key, one in inner for way in places(one, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """Change what holds the value at ``path``; the whole is changed by being thrown away."""
    if not path:
        return None
    place = value
    for key in path[:-1]:
        place = place[key]
    change(place, path[-1])
    return value


@st.composite
def bent(draw: Any, frame: bytes) -> bytes:
    """Return ``frame`` bent in one of the ways in which it could come."""
    way = draw(st.sampled_from(["cut", "patched", "replaced", "dropped", "wrapped", "doubled", "nan", "deep"]))
    if way == "cut":
        return frame[: draw(st.integers(0, len(frame)))]
    if way == "patched":
        start = draw(st.integers(0, len(frame)))
        end = draw(st.integers(start, min(len(frame), start + 20)))
        middle: bytes = draw(st.binary(max_size=8))
        return frame[:start] + middle + frame[end:]
    return bent_value(draw, json.loads(frame), way)


def bent_value(draw: Any, message: Any, way: str) -> bytes:
    """Bend one value of ``message``."""
    path = draw(st.sampled_from(places(message)))
    if way == "doubled":
        return doubled(draw, message, path)
    if way == "deep":
        mark = "\u2063"
        text = json.dumps(changed(message, path, lambda place, key: place.__setitem__(key, mark)))
        return text.replace(json.dumps(mark), "[" * 100_000).encode()
    change: dict[str, Callable[[Any, Any], None]] = {
        "replaced": lambda place, key: place.__setitem__(key, draw(ODD)),
        "dropped": lambda place, key: place.__delitem__(key),
        "wrapped": lambda place, key: place.__setitem__(key, draw(st.sampled_from(wrappings(place[key])))),
        "nan": lambda place, key: place.__setitem__(key, draw(st.sampled_from([float("nan"), float("inf")]))),
    }
    return json.dumps(changed(message, path, change[way])).encode()


def wrappings(value: Any) -> list[Any]:
    return [[value], {"x": value}, str(value), [value, value], json.dumps(value, default=str)]


def doubled(draw: Any, message: Any, path: tuple[Any, ...]) -> bytes:
    """Say a key twice, the second time with another value: the later one counts."""
    keys = [key for key in path if isinstance(key, str)]
    text = json.dumps(message)
    if not keys:
        return text.encode()
    key = json.dumps(keys[-1]) + ":"
    other = f"{key} {json.dumps(draw(ODD))}, "
    places_of = text.count(key)
    if not places_of:
        return text.encode()
    before, _, after = text.partition(key)
    return (before + other + key + after if draw(st.booleans()) else before + key + after + other).encode()


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
        if type(event) is spi.Data:
            check_data(exchange, payload, event)


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
