"""How a replay is watched while it is served: a bar on a terminal, and a sentence at the end."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import typer

from gateway.errors import ConfigError
from gateway.recording.replay import Replay, Wait, replaying

PAUSE: Final = 0.25
"""Seconds between two looks at how far it is."""


async def served(directory: Path, speed: float | None, listen: str, wait: Wait) -> int:
    """Serve a recording to its end, or until that is ended, and say how far it came."""
    try:
        async with replaying(directory, listen, speed) as playing:
            host, port = playing.address
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            typer.echo(f"Listening on http://{place}, with {len(playing.found.topics)} recorded topics")
            watching = asyncio.create_task(_watch(playing))
            try:
                await playing.run(wait)
            finally:
                watching.cancel()
                await asyncio.wait({watching})
                typer.echo(f"Told {playing.player.messages:,} messages")
    except ConfigError as wrong:
        raise ConfigError("--listen", wrong.problem) from None
    return 0


async def _watch(playing: Replay) -> None:
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


def said(playing: Replay) -> str:
    """Return how far it is, in words."""
    clients = "1 client" if playing.clients == 1 else f"{playing.clients} clients"
    if not playing.player.messages:
        return f"waiting for subscriptions, {clients}"
    return f"{playing.player.messages:,} messages to {clients}"
