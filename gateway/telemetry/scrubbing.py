"""
What is known to be secret is hidden in every line of the log, however it got there and in whichever spelling.

It is hidden in what exchanges say when they refuse us, too: their words are told to clients and operators.
So is what they hand out at a login, such as a key to a stream: nobody says which part of an answer that is,
so whatever looks like it counts.

That a secret is kept from lines in the first place is the rule; this is for libraries and
plugins that do not keep it. A process has one log, so it has one :data:`SCRUBBER`.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
SHORTEST: Final = 8
"""Characters of the shortest text that is hidden: anything shorter would turn up in words that are none of it."""
MOST: Final = 1_024
"""Secrets that are remembered; beyond that the oldest are let go."""
MOST_PASSING: Final = 128
"""Likewise, of what was handed out, as it stands; it pushes no other secret out."""
MOST_AT_ONCE: Final = 16
"""Of one answer: more are no keys."""
READ: Final = 64 * 1024
"""Bytes of an answer that are looked at."""
_OPAQUE: Final = re.compile(r"[A-Za-z0-9_-]{24,512}")
"""Keys and tokens are long and have digits; words, names of hosts and numbers are shorter."""
_DIGIT: Final = re.compile(r"[0-9]")


class Scrubber:
    """Hides what it knows. Any thread."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()
        self._passing: tuple[str, ...] = ()
        self._pattern: re.Pattern[str] | None = None

    def know(self, secrets: Iterable[str]) -> None:
        """Hide these from now on, beside those that were known."""
        new = tuple(dict.fromkeys((*self._known, *secrets)))[-MOST:]
        if new == self._known:
            return
        spelled = {spelling for one in new for spelling in _spellings(one) if len(spelling) >= SHORTEST}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._known = new

    def know_handed_out(self, answer: bytes) -> None:
        """Hide whatever in ``answer``, an exchange's to a login, could be a key or a token."""
        opaque = _OPAQUE.findall(answer[:READ].decode(errors="replace"))
        found = [one for one in dict.fromkeys(opaque) if _DIGIT.search(one)][:MOST_AT_ONCE]
        kept = [one for one in self._passing if one not in found]
        self._passing = (*kept, *found)[-MOST_PASSING:]

    def scrub(self, text: str) -> str:
        """Return ``text`` without any of them."""
        for one in self._passing:
            if one in text:
                text = text.replace(one, HIDDEN)
        pattern = self._pattern
        return text if pattern is None else pattern.sub(HIDDEN, text)

    def scrub_bytes(self, data: bytes) -> bytes:
        """Return ``data``, text in UTF-8 or anything else, without any of them."""
        text = data.decode(errors="surrogateescape")
        return self.scrub(text).encode(errors="surrogateescape")


SCRUBBER: Final = Scrubber()
"""The process's."""


def _spellings(secret: str) -> Iterator[str]:
    """Yield every way in which ``secret`` may stand in a line; of one with several lines also each long line."""
    parts = [line for line in secret.splitlines() if len(line) >= 2 * SHORTEST and not line.startswith("-----")]
    for text in (secret, *(parts if len(parts) > 1 or "\n" in secret else ())):
        raw = text.encode()
        yield text
        yield quote(text, safe="")
        yield quote_plus(text)
        yield json.dumps(text)[1:-1]
        yield (shown := repr(text)[1:-1])
        yield json.dumps(shown)[1:-1]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(raw).decode().rstrip("=")
        yield raw.hex()
