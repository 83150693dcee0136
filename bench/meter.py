"""What one run measures: messages, the time from the first to the last of them, and the CPU spent meanwhile."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

PATIENCE: Final = 60.0
"""Seconds after which a run that has not seen everything is given up."""


class Meter:
    """
    Counts messages.

    Args:
        expected: how many there are.
        done: called at the last of them.
        ready: lets the venue begin.
        cpu: seconds of CPU that the measured process has used so far; by default this process is measured.
    """

    def __init__(
        self,
        expected: int,
        done: Callable[[], None] = lambda: None,
        ready: Callable[[], None] = lambda: None,
        cpu: Callable[[], float | None] = time.process_time,
    ) -> None:
        self.counted = 0
        self._expected = expected
        self._done = done
        self.ready = ready
        self._cpu = cpu
        self._began: tuple[float, float | None] | None = None
        self._ended: tuple[float, float | None] | None = None

    def count(self) -> None:
        """Count one message; one more than expected is counted, too, and spoils the run."""
        self.counted += 1
        if self.counted == 1:
            self._began = self._now()
        elif self.counted == self._expected:
            self._ended = self._now()
            self._done()

    def _now(self) -> tuple[float, float | None]:
        return time.perf_counter(), self._cpu()

    def report(self, proof: dict[str, Any]) -> None:
        """Print one line of JSON: what was counted and how long that took, and the last that was seen."""
        seconds = cpu = None
        if self._began and self._ended:
            seconds = self._ended[0] - self._began[0]
            if self._ended[1] is not None and self._began[1] is not None:
                cpu = self._ended[1] - self._began[1]
        result = {"counted": self.counted, "seconds": seconds, "cpu": cpu, "proof": proof}
        print("RESULT " + json.dumps(result), flush=True)


def cpu_of(process: int) -> float | None:
    """Return the seconds of CPU that another process has used, where the system tells (Linux)."""
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9
    except (OSError, ValueError, IndexError):
        return None
