"""What an exchange's id looks like, and how a misspelt name is answered."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

ID: Final = re.compile(r"[a-z][a-z0-9-]*")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that names what is nearest to ``word``, empty if nothing is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
