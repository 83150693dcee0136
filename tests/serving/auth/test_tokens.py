"""What a token looks like, and that nothing shows it."""

import hashlib
import json
import re
from typing import Any

from gateway.serving.auth.tokens import DIGITS, base62, id_of, mint


def test_a_token_is_its_id_and_32_random_bytes_and_only_its_digest_is_kept() -> None:
    text, kept = mint(["market:read", "admin", "admin"], name="me", now_us=5, expires_us=9)
    whole = text.reveal()
    assert re.fullmatch(r"gw1_[0-9a-z]{10}_[0-9A-Za-z]{43}", whole)
    assert id_of(whole) == kept.id
    assert kept.digest == hashlib.sha256(whole.encode()).digest()
    assert (kept.scopes, kept.name, kept.created_us, kept.expires_us) == (("admin", "market:read"), "me", 5, 9)
    random = whole.rpartition("_")[2]
    assert random not in repr(kept) + repr(text) + str(text) + json.dumps(text) + f"{text}"
    assert kept.digest.hex() not in repr(kept)
    assert repr(kept.digest) not in repr(kept)


def test_no_two_are_the_same() -> None:
    made = [mint([], name="", now_us=1, expires_us=None) for _ in range(100)]
    assert len({text.reveal() for text, _ in made}) == len({kept.id for _, kept in made}) == 100


def test_base_62_keeps_all_of_32_bytes() -> None:
    for number in (bytes(32), b"\xff" * 32, bytes(range(32))):
        digits = base62(number)
        assert len(digits) == 43
        assert sum(DIGITS.index(d) * 62**i for i, d in enumerate(reversed(digits))) == int.from_bytes(
            number, "big"
        )


def test_what_has_another_shape_has_no_id() -> None:
    good = mint([], name="", now_us=1, expires_us=None)[0].reveal()
    others: list[Any] = ["", "gw1_", good[:-1], good + "0", good.replace("gw1", "gw2"), good + "\n", " " + good]
    others += [good.replace("_", "-"), good[:4] + good[4:14].upper() + good[14:] if good[4:14].isalpha() else ""]
    assert [id_of(text) for text in others] == [None] * len(others)
