"""``gateway replay``: a recording, served as a gateway serves, at any speed."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.errors import ConfigError

LISTEN: Final = "127.0.0.1:8765"
MAX: Final = "max"


class Wait(StrEnum):
    """Until when nothing is told."""

    FIRST = "first"
    ALL = "all"
    NONE = "none"


def replay(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What 'gateway record' wrote.")],
    speed: Annotated[
        str, typer.Option("--speed", help="How many times faster, or max: as fast as clients read.")
    ] = "1",
    listen: Annotated[str, typer.Option("--listen", metavar="HOST:PORT", help="Where clients connect.")] = LISTEN,
    wait: Annotated[
        Wait, typer.Option("--wait", help="Begin once a client subscribes, once all topics have one, or at once.")
    ] = Wait.FIRST,
) -> int:
    """Serve a recording once, to any client of the stream protocol."""
    from gateway.cli.loop import run_until_stopped  # noqa: PLC0415  # --help is quick without asyncio
    from gateway.cli.replaying import served  # noqa: PLC0415  # same
    from gateway.telemetry import setup_logs  # noqa: PLC0415  # same

    setup_logs("warning")
    return run_until_stopped(served(directory, _speed(speed), listen, wait.value))


def _speed(text: str) -> float | None:
    """Return how many times faster, nothing for as fast as can be."""
    if text == MAX:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise ConfigError("--speed", f"need a number above 0, or {MAX}; got {text[:40]!r}")
    return speed
