"""Numbers are told from other texts, many in one go, exactly as one by one."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_binance.decimals import check_decimals, check_depth, check_four, check_levels, check_two

TEXTS = st.sampled_from(["1.5", "17", ".5", "5.", ".", "0.00000000"]) | st.text(
    '0123456789.,"[]\\-e x\u0661', max_size=6
)
LEVELS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3)


def accepts(check: Any, *given: Any) -> bool:
    try:
        check(*given)
    except ValueError:
        return False
    return True


def is_number(text: str) -> bool:
    return re.fullmatch("[0-9]+[.]?[0-9]*|[.][0-9]+", text) is not None


@given(texts=st.lists(TEXTS, min_size=4, max_size=4))
def test_few_numbers_are_judged_as_each_of_them(texts: list[str]) -> None:
    assert accepts(check_four, *texts) == all(map(is_number, texts))
    assert accepts(check_two, *texts[:2]) == all(map(is_number, texts[:2]))
    assert accepts(check_decimals, texts) == all(map(is_number, texts))


@given(bids=LEVELS, asks=LEVELS, end=st.sampled_from([{}, {"st": 1}, {"st": 22}, {"x": {}}]))
def test_a_book_is_judged_by_its_bytes_as_level_by_level(bids: Any, asks: Any, end: Any) -> None:
    payload = orjson.dumps({"stream": "s", "data": {"e": "depthUpdate", "b": bids, "a": asks, **end}})
    texts = [text for level in bids + asks for text in level]
    assert accepts(check_depth, payload, bids, asks) == all(map(is_number, texts))
    assert accepts(check_levels, bids, asks) == all(map(is_number, texts))


@pytest.mark.parametrize(
    "written",
    [
        '{"stream":"s","data":{"a":[],"b":[["x","1.5"]]}}',
        '{"stream":"s","data":{"b":[["1.5","2.5"]],"b":[["x","1.5"]],"a":[]}}',
        '{"stream":"s","data":{"b":[["x","1.5"]],"a":[]},"x":{"x":0,"b":[["1.5","2.5"]],"a":[]}}',
        '{"stream":"s","data":{"b":[["x","1.5"]],"a":[]},"x":{"x":0,"b":[["1.5","2.5"]],"a":[],"st":1}}',
        '{"stream":"s","data":{"b":[["x","1.5"]],"x":",\\"b":[["1.5","2.5"]],"a":[]}}',
        '{"stream":"s","data":{"b":[["x","1.5"]],"\\",\\"b":[["1.5","2.5"]],"a":[]}}',
    ],
)
def test_other_levels_than_those_at_the_end_are_looked_at(written: str) -> None:
    with pytest.raises(ValueError):
        check_depth(written.encode(), [("x", "1.5")], [])
