"""JSON whose numbers keep the digits that were written."""

import json
from typing import Any


def loads_exact(payload: bytes) -> Any:
    """
    Return ``payload`` with every fractional number as the string that was written.

    Slower than :func:`orjson.loads`; for exchanges that write prices as JSON
    numbers.

    Raises:
        ValueError: If it is no JSON, or holds ``NaN`` or infinities.
    """
    return json.loads(payload, parse_float=str, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
