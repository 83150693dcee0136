"""
A subscription that wants at most one message each so many milliseconds.

The first message after a pause is passed on at once, then what comes within the
interval is folded into one. What the line behind it folds already is passed on: it need
not be folded twice, and nothing may wait here that a snapshot from there would overtake.
A topic that is silent costs nothing: the timer, one for each such subscription, runs only
while something was sent less than an interval ago.
"""

from collections.abc import Callable
from typing import Protocol

from gateway.engine.conflation import Conflation
from gateway.engine.lines import Line
from gateway.engine.messages import Message, Notice


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Let it not happen."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls a function after so many seconds."""


class PacedLine:
    """
    A line before another one. Event-loop only.

    Args:
        line: takes what is to be sent; it does what is to be done when the client lags.
        interval: seconds between messages, at least.
        later: the event loop's timers.
    """

    wants_frames = True

    def __init__(self, line: Line, interval: float, later: Later) -> None:
        self.topic = line.topic
        self._line = line
        self._interval = interval
        self._later = later
        self._folded: Conflation | None = None
        self._timer: Timer | None = None

    def put(self, message: Message, /) -> None:
        """Pass the message on, or fold it into what waits for the interval to end."""
        if self._folded is not None:
            self._folded.follow(message, self.topic)
            self._line.conflated()
        elif self._timer is not None and not self._line.is_behind:
            self._folded = Conflation(message)
        else:
            if self._timer is None:
                self._timer = self._later(self._interval, self._due)
            self._line.put(message)

    def notify(self, notice: Notice, frame: bytes, /) -> None:
        """Pass the status on, after everything that came before it."""
        self._flush()
        self._line.notify(notice, frame)

    def timed(self, recv_us: int, /) -> None:
        """Have the write timed that takes the last message along, unless that waits here."""
        if self._folded is None:
            self._line.timed(recv_us)

    def settle(self) -> None:
        """Queue all that waits of the topic, so that what follows comes after it."""
        self._flush()
        self._line.settle()

    def leave(self) -> None:
        """Hear no more; what waits can still be written."""
        self._stop()
        self._flush()

    def close(self) -> None:
        """Forget what waits: the client does not want the topic any more."""
        self._stop()
        self._folded = None
        self._line.close()

    def _due(self) -> None:
        self._timer = None
        if self._folded is not None:
            self._timer = self._later(self._interval, self._due)
            self._flush()

    def _flush(self) -> None:
        folded, self._folded = self._folded, None
        if folded is not None:
            self._line.put(folded.message(self.topic))

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
