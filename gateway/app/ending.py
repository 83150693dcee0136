"""
How a process ends that was told to: in good order, and if that fails, at all.

A signal is heard between two steps of Python even while the event loop is held up;
only a call into C that neither returns nor heeds signals puts that off.
"""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from gateway.app.blame import holder

SECONDS: Final = 10.0
"""What a process may take to end after the signal."""
OVERDUE: Final = 70
"""The exit status of a process that did not end by itself."""
PATIENCE: Final = 2.0
"""Seconds for the line on stderr."""
STDERR: Final = 2
HURRY: Final = 1e-5
"""Seconds until whoever holds Python's lock gives it up: at the usual pace a busy loop lets us say nothing."""


def last_resort(seconds: float = SECONDS) -> None:
    """
    End the process with status 70 unless it has ended by itself ``seconds`` from now; says why on stderr.

    Safe in a signal handler: it takes no lock that whoever was interrupted could hold.
    """
    main = threading.main_thread().ident
    _thread.start_new_thread(_end, (seconds, -1 if main is None else main))


def _end(seconds: float, main: int) -> None:
    time.sleep(seconds)
    sys.setswitchinterval(HURRY)
    said = _thread.allocate_lock()
    said.acquire()
    try:
        _thread.start_new_thread(_say, (seconds, main, said))
        said.acquire(timeout=PATIENCE)
    finally:
        os._exit(OVERDUE)


def _say(seconds: float, main: int, said: _thread.LockType) -> None:
    """Say on stderr why it ends; on a thread of its own, since whoever reads stderr may be what hangs."""
    with suppress(Exception):
        by = holder(main)
        held = "" if by is None else f": {by} holds it up"
        line = f"gateway: not ended {seconds:g} s after the signal{held}; ends now with status {OVERDUE}\n"
        os.write(STDERR, line.encode())
    said.release()


@contextmanager
def heard(signals: Sequence[signal.Signals], call: Callable[[], None]) -> Iterator[None]:
    """
    Have ``call`` called at the first of ``signals``, before the event loop hears of it. Main thread only.

    To be entered after the loop's own handlers were added: they are called next.
    """
    told = False

    def handler(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if not told:
            told = True
            call()
        previous = before[number]
        if callable(previous):
            previous(number, frame)

    before = {int(one): signal.signal(one, handler) for one in signals}
    try:
        yield
    finally:
        for one in signals:
            signal.signal(one, before[one])
