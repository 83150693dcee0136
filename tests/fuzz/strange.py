"""
What strangers could write, and the only ways in which a parser may end.

A parser returns, or raises what it documents. What it raises is told to somebody: so it is
short whatever was written, and has nothing of what was secret.
"""

import json
import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

from bending import ODD, bent, changed, places
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

T = TypeVar("T")
FULL: Final = os.environ.get("GATEWAY_FULL_SIZE") == "1"
SECRET: Final = "Zq7hunter2SecretZq7"
TOLD: Final = 1_000
"""Characters of a message at most, unless a parser is known to tell more."""
LONG: Final = 20_000
DEEP: Final = 100_000

__all__ = ["ODD", "bent", "changed", "places"]

TEXT: Final = st.text(max_size=30) | st.sampled_from(
    [
        *("", " ", "\0", "\n", "\r\n", "\u2028", "\ud800", "\ufeff", "\u0661", "'", '"', "\\", "\x1b[31m"),
        *("x" * LONG, "9" * 5_000, "-1", "1e999", "nan", "Infinity", "0x1", "1_0"),
    ]
)
"""Text of any kind; some of it is long, or no valid text."""
VALID: Final = TEXT.filter(lambda text: "\ud800" not in text)
JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | VALID
    | st.sampled_from([2**53, 2**63, 2**64, -(2**63), 10**30, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NESTED: Final = [
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"[" * DEEP + b"]" * DEEP,
    b'{"zz":' + b"[" * DEEP + b"]" * DEEP + b"}",
]
"""What would use up the stack of a parser that calls itself."""
NOISE: Final = st.binary(max_size=60) | st.sampled_from(
    [*NESTED, b"\xff", b'"\\ud800"', b"9" * 5_000, b"{}", b"null"]
)


def fuzzed(few: int = 12) -> settings:
    """Return how a test is run: with ``few`` examples, or in full size with as many as the profile says."""
    whole = settings(deadline=None, suppress_health_check=list(HealthCheck))
    return whole if FULL else settings(whole, max_examples=few)


def object_of(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with some of these fields, each with a value that fits or an odd one, or with another."""
    mixed = {name: values | ODD for name, values in fields.items()}
    return st.fixed_dictionaries({}, optional={**mixed, "zz": ODD})


def spelt(value: Any) -> bytes:
    """Return ``value`` as JSON, as a stranger's program would have it."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def tried(
    parse: Callable[[], T], *allowed: type[BaseException], told: int = TOLD, secret: str = SECRET
) -> T | None:
    """Return what ``parse`` returns, nothing if it raises one of ``allowed``; anything else is a failure."""
    try:
        return parse()
    except allowed as exc:
        check_told(exc, told=told, secret=secret)
        return None


def check_told(exc: BaseException, *, told: int = TOLD, secret: str = SECRET) -> None:
    """See that the message is short, and that nothing secret is in it or in what it came of."""
    seen: BaseException | None = exc
    while seen is not None:
        assert secret not in str(seen) + repr(seen), "a secret is told"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    assert len(str(exc)) <= told, f"{len(str(exc))} characters are told"
