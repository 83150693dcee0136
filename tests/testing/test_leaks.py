"""Secrets are found in every spelling, wherever in a text they begin, and nothing else is."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from gateway.testing.leaks import Leaks, spellings

SECRET = "k3pt/+= 'for' oneself"
LEAKS = Leaks({"the key": SECRET, "another": "x" * 40})


@pytest.mark.parametrize(
    ("spell", "how"),
    [
        (str, "as it is"),
        (lambda text: quote(text, safe=""), "URL-encoded"),
        (quote_plus, "URL-encoded"),
        (lambda text: text.encode().hex(), "in hex"),
        (lambda text: text.encode().hex().upper(), "in hex"),
    ],
)
def test_it_is_found_in_every_spelling(spell: Callable[[str], str], how: str) -> None:
    assert LEAKS.found(f"before {spell(SECRET)} after") == [f"the key {how}"]
    assert LEAKS.found(spell(SECRET).encode()) == [f"the key {how}"]


@pytest.mark.parametrize("before", ["", "B", "Be", "Bea", "Bearer "])
@pytest.mark.parametrize("after", ["", "!", "!!"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_it_is_found_in_base64_amid_other_text(before: str, after: str, encode: Callable[[bytes], bytes]) -> None:
    assert LEAKS.found(encode(f"{before}{SECRET}{after}".encode())) == ["the key in base64"]


def test_nothing_else_is() -> None:
    assert (
        LEAKS.found(json.dumps({"key": SECRET[:-1], "\udc80": base64.b64encode(SECRET[1:].encode()).decode()}))
        == []
    )
    assert LEAKS.found("\udc80") == []
    assert all(len(spelled) > 20 for _, spelled in spellings(SECRET))
    assert Leaks({"short": "abc"}).found("abc 616263") == ["short in hex"]
