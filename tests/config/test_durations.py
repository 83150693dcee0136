"""Lengths of time: what is accepted is exact, what is refused is refused whole."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import seconds
from gateway.config.durations import NEEDED


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (15, 15.0),
        (0.5, 0.5),
        ("15s", 15.0),
        ("3m", 180.0),
        ("1h", 3600.0),
        ("500ms", 0.5),
        ("9ms", 0.009),
        ("1.5 h", 5400.0),
        ("30d", 2_592_000.0),
    ],
)
def test_a_number_is_seconds_and_a_text_has_its_unit(written: object, meant: float) -> None:
    found = seconds(written)
    assert found == meant
    assert type(found) is float


@pytest.mark.parametrize(
    "written",
    [
        *(0, -1, 0.0, math.inf, -math.inf, math.nan, True, False, None, [], {}, 10**400),
        *(
            "",
            "15",
            "s",
            "15 sec",
            "-1s",
            "0s",
            "0.000000000ms",
            "1e3s",
            "\u0661s",
            "15s\n",
            " 15s",
            "1m30s",
            "15S",
            ".5s",
        ),
    ],
)
def test_what_is_no_length_of_time_is_refused(written: object) -> None:
    with pytest.raises(ValueError) as caught:
        seconds(written)
    assert str(caught.value) == NEEDED


@given(st.integers(1, 10**9), st.sampled_from([("ms", 1000), ("s", 1)]))
def test_no_rounding_is_added_below_a_minute(number: int, unit: tuple[str, int]) -> None:
    name, parts = unit
    assert seconds(f"{number}{name}") == number / parts


@given(st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.booleans(), st.none()))
def test_whatever_is_written_is_positive_and_finite_or_refused(written: object) -> None:
    try:
        found = seconds(written)
    except ValueError:
        return
    assert 0 < found < math.inf
