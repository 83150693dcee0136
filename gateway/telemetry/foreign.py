"""
What libraries may write to the log: so many lines a minute, and nothing of what a client sent them.

Whoever reaches the port can make a library complain, as often as a socket allows.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Final

from gateway.telemetry.quota import LineQuota

LINES_A_MINUTE: Final = 5
LIBRARIES: Final = {"aiohttp": LINES_A_MINUTE, "asyncio": LINES_A_MINUTE, "opentelemetry": 1, "urllib3": 1}
"""Lines a minute of each kind. Those who send to collectors say the same at each try."""
QUIET: Final = frozenset({"opentelemetry", "urllib3"})
"""What these say below a warning is of no use, and shows more of a URL than its host."""
QUOTES_THE_PEER: Final = "aiohttp.http_exceptions"
"""Errors of this module repeat what could not be parsed, header values included."""
_LONGEST: Final = 80

Suppressed = Callable[[str, int], None]
"""Takes ``logger: message`` and how many lines of it were left out."""


class ForeignLines(logging.Filter):
    """
    Lets through a few lines a minute for each logger and message of a library. Any thread.

    A request that is no HTTP is told by its error's name alone, without text and traceback.

    Args:
        suppressed: told what was left out once the minute is over.
        now: monotonic seconds.
    """

    def __init__(self, suppressed: Suppressed, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._suppressed = suppressed
        self._lock = threading.Lock()
        self._left_out: list[tuple[str, int]] = []
        self._quota = LineQuota(LINES_A_MINUTE, now, self._note)

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether ``record`` may be written, and take from it what a client sent."""
        library = record.name.partition(".")[0]
        if library not in LIBRARIES:
            return True
        if library in QUIET and record.levelno < logging.WARNING:
            return False
        with self._lock:
            allowed = self._quota.allows(f"{record.name}: {_template(record)}", LIBRARIES[library])
            left_out, self._left_out = self._left_out, []
        for what, lines in left_out:  # without the lock: it writes a line, which comes by here
            self._suppressed(what, lines)
        if allowed:
            _hush(record)
        return allowed

    def _note(self, key: Hashable, lines: int) -> None:
        self._left_out.append((str(key), lines))


def _template(record: logging.LogRecord) -> str:
    """Return what lines of one kind have in common: asyncio puts what differs on the lines after the first."""
    first, _, _ = str(record.msg).partition("\n")
    return first[:_LONGEST]


def _hush(record: logging.LogRecord) -> None:
    kind = record.exc_info[0] if record.exc_info else None
    if kind is None or all(one.__module__ != QUOTES_THE_PEER for one in kind.__mro__):
        return
    record.msg, record.args = f"{record.getMessage()}: {kind.__name__}", ()
    record.exc_info = record.exc_text = None
    if record.levelno > logging.WARNING:  # the client's defect, not ours
        record.levelno, record.levelname = logging.WARNING, "WARNING"
