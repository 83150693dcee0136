"""Whether a secret stands in what was written, in any of the spellings that programs give to text."""

import base64
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST: Final = 6
"""Bytes of the shortest spelling that is looked for: anything shorter would turn up by chance."""


def spellings(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield each way of writing ``secret``, after what it is called; in base64 also amid other text."""
    raw = secret.encode()
    yield "as it is", raw
    yield "URL-encoded", quote(secret, safe="").encode()
    yield "URL-encoded", quote_plus(secret).encode()
    yield "in hex", raw.hex().encode()
    yield "in hex", raw.hex().upper().encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            whole = encode(bytes(before) + raw)
            yield "in base64", whole[ceil(before * 4 / 3) : (before + len(raw)) * 4 // 3]


class Leaks:
    """
    Looks for secrets.

    Args:
        secrets: each by a name under which it may be told.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._known: dict[bytes, str] = {}
        for name, secret in secrets.items():
            for how, spelled in spellings(secret):
                if len(spelled) >= SHORTEST:
                    self._known.setdefault(spelled, f"{name} {how}")

    def found(self, written: bytes | str) -> list[str]:
        """Return which secrets are in it and how they are spelled there, never the secrets themselves."""
        text = written.encode(errors="surrogateescape") if isinstance(written, str) else written
        return sorted({told for spelled, told in self._known.items() if spelled in text})
