"""What is done about streams that come though nobody wants them: counted, told, and given up once more."""

from collections.abc import Callable
from typing import Final

from gateway.engine.unasked import Unasked
from gateway.runtime.connection import Connection

FEW: Final = 3
"""Streams that are told by name."""


class Leftovers:
    """
    Watches what one epoch brings unasked. Event-loop only.

    Args:
        connection: which carries what is wanted.
        unasked: counts what is not.
        notice: told of what is given up once more.
    """

    def __init__(self, connection: Connection, unasked: Unasked, notice: Callable[[str, str], None]) -> None:
        self._connection = connection
        self._unasked = unasked
        self._notice = notice

    def check(self, now: float) -> None:
        """Look at what came; ``now`` is monotonic seconds. What is to be given up is due in the ledger then."""
        connection = self._connection
        due = self._unasked.look(connection.feeds, now)
        connection.unasked = self._unasked.counts()
        again = [stream for stream in due if connection.ledger.is_still_served(stream)]
        if again:
            connection.counters.given_up_again += len(again)
            few = ", ".join(again[:FEW]) + (", ..." if len(again) > FEW else "")
            self._notice("stream_unasked", f"nobody wants {few}: given up once more")
