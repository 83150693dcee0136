"""How a value of the wrong shape is told to people: which one it is, and what is needed instead of it."""

import re
from typing import Final

import msgspec

WORD: Final = "1 to 64 letters, digits, dots, hyphens or underscores"
NEEDED: Final = {
    "exchange": WORD,
    "channel": WORD,
    "account": WORD,
    "variant": WORD,
    "symbols": "1 to 128 characters without a space or colon, the first no @",
    "streams": "1 to 512 characters without a space, the first no @",
}
SHOWN: Final = 64
"""Characters of a client's value that are told back."""

_PATTERN: Final = re.compile(r"^Expected `str` matching regex .* - at `\$\.(\w+)(?:\[(\d+)\])?`$")


def plain(error: Exception, text: bytes | msgspec.Raw) -> str:
    """Return what is wrong with ``text``, which ``error`` was raised for; a pattern becomes words."""
    found = _PATTERN.search(str(error))
    if found is None:
        return str(error)
    field, index = found.groups()
    place = field if index is None else f"{field}[{index}]"
    return f"{place} is {_value(text, field, index)}; need {NEEDED[field]}"


def _value(text: bytes | msgspec.Raw, field: str, index: str | None) -> str:
    """Return the value as it may be shown; what follows it may be no JSON, or name the field again."""
    try:
        given = msgspec.json.decode(text)[field]
        value = str(given if index is None else given[int(index)])
    except (msgspec.DecodeError, RecursionError, UnicodeError, LookupError, TypeError):
        return "wrong"
    return repr(value if len(value) <= SHOWN else value[:SHOWN] + "...")
