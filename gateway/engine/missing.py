"""What the order of ids comes to: records to publish, and holes to tell before them."""

from typing import Any, NamedTuple


class Run(NamedTuple):
    """Records to be published as one message; the times are those of the message that brought them."""

    records: list[Any]
    ts: int | None
    recv_us: int


class Hole(NamedTuple):
    """
    What is missing before the next run: ids, both inclusive, where they are known.

    ``after_us`` is the exchange's time of what came before it, ``before_us`` of
    what comes next. ``recoverable`` tells that the exchange may still have what
    is missing: it could be asked, and was not, or did not answer in time.
    """

    first: int | None
    last: int | None
    reason: str
    after_us: int | None
    before_us: int
    recoverable: bool = False


Step = Run | Hole


class Missing(NamedTuple):
    """A hole that something waits for: ids, both exclusive, and when it was found, in monotonic seconds."""

    after: int
    before: int
    since: float
