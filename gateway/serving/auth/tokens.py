"""
How a token is made and read: ``gw1_<id>_<32 random bytes in base 62>``.

The random part cannot be guessed, so a plain SHA-256 of the whole is kept, and no slow one.
"""

import hashlib
import re
import secrets
import string
from collections.abc import Iterable
from typing import Final

from gateway.config.credentials import Secret
from gateway.store import Token

DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
BYTES: Final = 32
WIDTH: Final = 43
"""Digits that 32 bytes need in base 62."""
ID_DIGITS: Final = string.digits + string.ascii_lowercase
ID_WIDTH: Final = 10
LOOKS_LIKE: Final = "gw1_"

_TOKEN: Final = re.compile(rf"gw1_([0-9a-z]{{{ID_WIDTH}}})_([0-9A-Za-z]{{{WIDTH}}})", re.ASCII)


def mint(scopes: Iterable[str], *, name: str, now_us: int, expires_us: int | None) -> tuple[Secret, Token]:
    """Return a new token, to be shown once, and what is kept of it."""
    token_id = "".join(secrets.choice(ID_DIGITS) for _ in range(ID_WIDTH))
    text = f"{LOOKS_LIKE}{token_id}_{base62(secrets.token_bytes(BYTES))}"
    kept = Token(
        id=token_id,
        digest=digest_of(text),
        scopes=tuple(sorted(set(scopes))),
        name=name,
        created_us=now_us,
        expires_us=expires_us,
    )
    return Secret(text), kept


def id_of(text: str) -> str | None:
    """Return the id in ``text``; nothing if it has not the shape of a token."""
    match = _TOKEN.fullmatch(text)
    return None if match is None else match[1]


def digest_of(text: str) -> bytes:
    """Return what is kept of a token or a ticket."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def base62(number: bytes) -> str:
    """Return 32 bytes as 43 digits."""
    left, digits = int.from_bytes(number, "big"), []
    for _ in range(WIDTH):
        left, digit = divmod(left, len(DIGITS))
        digits.append(DIGITS[digit])
    return "".join(reversed(digits))
