"""Frames bent in all the ways in which they could come, for the tests that nothing but sense becomes a record."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

NUMBERS = [
    *(0, -1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30),
    *(0.0, 1.0, -0.0, 1.5, 1e3, 1e308),
    *("nan", "NaN", "inf", "-1", "1e5", "", ".", "0x1", "1_0", " 1", "1,0", "\u0661", "9" * 400),
]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(NUMBERS),
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
