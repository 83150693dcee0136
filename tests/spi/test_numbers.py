"""No digit of a price is lost, and nothing but ValueError comes of what is no JSON."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis.strategies import binary, decimals

from gateway.spi.numbers import loads_exact


def test_fractions_are_the_text_that_was_written() -> None:
    sent = b'{"p":0.10,"q":-0.0,"r":1e-8,"s":123456789.123456789012345678901234567890,"t":1E400}'
    assert loads_exact(sent) == {
        "p": "0.10",
        "q": "-0.0",
        "r": "1e-8",
        "s": "123456789.123456789012345678901234567890",
        "t": "1E400",
    }


def test_whole_numbers_and_all_else_stay_what_they_are() -> None:
    sent = b'[1, 18446744073709551617, -7, "0.10", true, null, {"a": []}]'
    assert loads_exact(sent) == [1, 18446744073709551617, -7, "0.10", True, None, {"a": []}]


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (b"NaN", "NaN is no JSON"),
        (b"[Infinity]", "Infinity is no JSON"),
        (b'{"a":-Infinity}', "-Infinity is no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"", None),
        (b"{", None),
        (b'{"a":1}x', None),
        (b'"\xff"', None),
        (b"1" * 5000, None),
    ],
)
def test_what_is_no_json_is_a_value_error(sent: bytes, complaint: str | None) -> None:
    with pytest.raises(ValueError, match=complaint):
        loads_exact(sent)


@given(decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_survives(number: Decimal) -> None:
    written = f"{number:f}"
    found = loads_exact(written.encode())
    assert str(found) == written or (isinstance(found, int) and found == number)


@given(binary(max_size=60))
def test_no_bytes_raise_anything_else(sent: bytes) -> None:
    try:
        found = loads_exact(sent)
    except ValueError:
        return
    assert found == json.loads(sent, parse_float=str)
