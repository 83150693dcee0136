"""JSON whose numbers keep the digits that were written."""

import json
from typing import Any


def loads_exact(payload: bytes) -> Any:
    """
    Return ``payload`` with every fractional number as the string that was written.

    Slower than :func:`orjson.loads`; for exchanges that write prices as JSON
    numbers.

    Raises:
        ValueError: If it is no JSON, holds ``NaN`` or infinities, or is nested absurdly deep.
    """
    try:
        return json.loads(payload, parse_float=str, parse_constant=_refuse)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
