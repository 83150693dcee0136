"""
How lines get out: at once or not at all, since nobody who stops to read them may hold up the gateway.

A pipe that its reader lets fill up, and a disk that is full, cost lines; how many, is told once there is room.
"""

import logging
import os
import select
import sys
from collections.abc import Callable
from typing import Final, TextIO

ROOM: Final = 4096
"""Bytes that a pipe takes without waiting once it says that it can be written (``PIPE_BUF``)."""
PATIENCE_MS: Final = 50
"""Milliseconds for which a reader that was quick until now is waited for."""


class UnhurriedLines(logging.Handler):
    """
    Writes lines to a file descriptor. Any thread.

    Args:
        place: the descriptor.
        lost: told how many lines were lost, once one can be written again.
    """

    def __init__(self, place: int, lost: Callable[[int], None]) -> None:
        super().__init__()
        self._place = place
        self._told = lost
        self._lost = 0
        self._is_cut = False
        """Whether the last line that was begun has no end."""
        self._room = select.poll()
        self._room.register(place, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, or count it as lost; whoever logs what cannot be formatted hears nothing of that."""
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        except Exception:  # noqa: BLE001  # arguments that do not fit their text, or a text that raises
            self._lost += 1
            return
        if not self._written(line):
            self._lost += 1
        elif self._lost:
            lost, self._lost = self._lost, 0
            self._told(lost)

    def _written(self, line: bytes) -> bool:
        line = b"\n" + line if self._is_cut else line
        try:
            for start in range(0, len(line), ROOM):
                if not self._room.poll(0 if self._lost else PATIENCE_MS):
                    return False
                piece = line[start : start + ROOM]
                self._is_cut = True
                if os.write(self._place, piece) < len(piece):  # the disk has room for no more
                    return False
        except OSError:
            return False
        self._is_cut = False
        return True


def handler(out: TextIO, lost: Callable[[int], None]) -> logging.Handler:
    """Return what writes to ``out``; what is no file of the system's is written as it comes."""
    try:
        place = out.fileno()
    except (OSError, AttributeError):
        return logging.StreamHandler(out)
    return logging.StreamHandler(out) if sys.platform == "win32" else UnhurriedLines(place, lost)
