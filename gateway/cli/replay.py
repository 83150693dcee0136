"""``gateway replay``: a recording, served as a gateway serves, at any speed."""

import asyncio
import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.recording.replay import Replay

LISTEN = "127.0.0.1:8765"
MAX = "max"
PAUSE = 0.25
"""Seconds between two looks at how far it is."""


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
    from gateway.telemetry import setup_logs  # noqa: PLC0415  # same

    setup_logs("warning")
    return run_until_stopped(_replay(directory, _speed(speed), listen, wait))


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


async def _replay(directory: Path, speed: float | None, listen: str, wait: Wait) -> int:
    from gateway.recording.replay import replaying  # noqa: PLC0415  # --help is quick without it

    try:
        async with replaying(directory, listen, speed) as playing:
            host, port = playing.address
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            typer.echo(f"Listening on http://{place}, with {len(playing.found.topics)} recorded topics")
            watching = asyncio.create_task(_watch(playing))
            try:
                await playing.run(wait.value)
            finally:
                watching.cancel()
                await asyncio.wait({watching})
                typer.echo(f"Told {playing.player.messages:,} messages")
    except ConfigError as wrong:
        raise ConfigError("--listen", wrong.problem) from None
    return 0


async def _watch(playing: "Replay") -> None:
    """Show on a terminal how far it is."""
    if not sys.stderr.isatty():
        return
    from rich.console import Console  # noqa: PLC0415  # slow, and only terminals need it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415  # same

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=playing.found.bytes)
        while True:
            bar.update(task, completed=playing.player.read, description=said(playing))
            await asyncio.sleep(PAUSE)


def said(playing: "Replay") -> str:
    """Return how far it is, in words."""
    clients = "1 client" if playing.clients == 1 else f"{playing.clients} clients"
    if not playing.player.messages:
        return f"waiting for subscriptions, {clients}"
    return f"{playing.player.messages:,} messages to {clients}"
