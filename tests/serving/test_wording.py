"""A request that is refused as a whole says which value is wrong, in words."""

import json
from typing import Any

import msgspec
import pytest

from gateway.errors import SubscriptionError
from gateway.serving.requests import Envelope, params
from gateway.serving.wording import NEEDED

GOOD = {"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT"]}


def refusal(**wrong: Any) -> str:
    """Return what a subscription is told that would be good but for ``wrong``."""
    text = json.dumps(GOOD | wrong).encode()
    with pytest.raises(SubscriptionError) as refused:
        params(Envelope("subscribe", 1, msgspec.Raw(text)))
    assert refused.value.code == "bad_request"
    return refused.value.message


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"symbols": [*["A"] * 998, "BTC USDT", "B"]}, f"symbols[998] is 'BTC USDT'; need {NEEDED['symbols']}"),
        ({"symbols": ["@x"]}, f"symbols[0] is '@x'; need {NEEDED['symbols']}"),
        ({"symbols": [""]}, f"symbols[0] is ''; need {NEEDED['symbols']}"),
        ({"symbols": ["X" * 129]}, f"symbols[0] is '{'X' * 64}...'; need {NEEDED['symbols']}"),
        ({"streams": ["a", "b c"]}, f"streams[1] is 'b c'; need {NEEDED['streams']}"),
        ({"streams": ["a\nb` - at `$.x`"]}, f"streams[0] is 'a\\nb` - at `$.x`'; need {NEEDED['streams']}"),
        ({"streams": ["@main"]}, f"streams[0] is '@main'; need {NEEDED['streams']}"),
        ({"exchange": "mo ck"}, f"exchange is 'mo ck'; need {NEEDED['exchange']}"),
        ({"channel": ""}, f"channel is ''; need {NEEDED['channel']}"),
        ({"variant": "1:m"}, f"variant is '1:m'; need {NEEDED['variant']}"),
        ({"account": "@"}, f"account is '@'; need {NEEDED['account']}"),
        ({"symbols": [7]}, "Expected `str`, got `int` - at `$.symbols[0]`"),
        ({"on_lag": "x"}, "Invalid enum value 'x' - at `$.on_lag`"),
        ({"matching regex": 1}, "Object contains unknown field `matching regex`"),
    ],
)
def test_the_value_is_named_and_what_is_needed(wrong: dict[str, Any], told: str) -> None:
    assert refusal(**wrong) == f"params: {told}"


@pytest.mark.parametrize(
    "key", ["matching regex '' - at `$.symbols[9]`", "Expected `str` matching regex x - at `$.nothing"]
)
def test_a_key_that_looks_like_our_own_words_does_no_harm(key: str) -> None:
    assert refusal(**{key: 1}).startswith("params: Object contains unknown field")


@pytest.mark.parametrize("rest", ['"symbols":[]', '"symbols":7', '"symbols":', '"x":' + "[" * 60_000])
def test_what_follows_the_value_cannot_break_the_sentence(rest: str) -> None:
    text = f'{{"exchange":"mock","channel":"trades","symbols":["A","B C"],{rest}}}'.encode()
    with pytest.raises(SubscriptionError) as refused:
        params(Envelope("subscribe", 1, msgspec.Raw(text)))
    assert refused.value.message == f"params: symbols[1] is wrong; need {NEEDED['symbols']}"
