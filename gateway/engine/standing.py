"""
How far a stream has come, by its exchange's own times and numbers.

One that sends the same datum again and again has not moved, however fresh its
messages are. Where an exchange gives neither times nor numbers nobody can tell.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final, NamedTuple


class Standing(NamedTuple):
    """
    Where a stream stands.

    ``at`` is another one whenever something new came, :obj:`None` where that
    cannot be told; ``heard`` is how many data came, new or not, and no heartbeats.
    """

    at: Hashable
    heard: int


NOWHERE: Final = Standing(None, 0)
"""Of a stream of which nobody can tell."""


def mark_of(records: Sequence[Any], ts: int | None) -> Hashable:
    """Return what tells a message of ``records`` from the one before it; :obj:`None` if nothing in it does."""
    last = records[-1] if records else None
    number = getattr(last, "id", None)
    mark = (ts, getattr(last, "ts", None), getattr(last, "seq", None) if number is None else number)
    return None if mark == _NOTHING else mark


_NOTHING: Final = (None, None, None)
