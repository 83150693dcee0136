"""How a length of time is written: a number of seconds, or a number and its unit; always above 0 and finite."""

import math
import re
from decimal import Decimal
from typing import Final

UNITS: Final = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
NEEDED: Final = "need seconds above 0, or a text such as '500ms', '15s', '3m', '1h' or '30d'"

_TEXT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?(ms|s|m|h|d)")


def seconds(value: object) -> float:
    """
    Return the seconds that ``value`` stands for.

    Raises:
        ValueError: If it is no length of time, or not above 0, or infinite.
    """
    number = _number(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(NEEDED)
    return number


def _number(value: object) -> float:
    if isinstance(value, str) and (match := _TEXT.fullmatch(value)):
        return float(Decimal(match[1]) * UNITS[match[2]])
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return math.nan
