"""
``gateway serve`` without the one comparison that telemetry costs each message, which no setting takes out.

It is taken out of the source text, so that everything else stays what it is.
"""

import inspect
import sys
import textwrap
from typing import Final

from gateway.cli import run
from gateway.engine import topics
from gateway.engine.topics import Topic

TIMING: Final = "    if offset & _UNTIMED == 1:\n        self._time({}, recv_us)\n"
METHODS: Final = {"publish": "ts", "publish_raw": "None"}


def untimed(name: str, ts: str) -> str:
    """Return a method of topics as text, without its timing; an error if it is not there."""
    source = textwrap.dedent(inspect.getsource(getattr(Topic, name)))
    timing = TIMING.format(ts)
    if source.count(timing) != 1:
        raise SystemExit(f"Topic.{name} times its messages in another way: mend bench/untimed.py")
    return source.replace(timing, "")


def install() -> None:
    """Have topics publish without it."""
    for name, ts in METHODS.items():
        scope: dict[str, object] = {}
        exec(compile(untimed(name, ts), f"<{name}, untimed>", "exec"), vars(topics), scope)
        setattr(Topic, name, scope[name])


if __name__ == "__main__":
    install()
    sys.exit(run(sys.argv[1:]))
