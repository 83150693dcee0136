"""How a recording is watched while it is made: a line on a terminal, and a sentence at the end."""

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import typer

from gateway.cli.plain import say
from gateway.cli.reaching import shown, told_in_a_sentence
from gateway.recording.recorder import Recorder
from gateway.recording.writing import Writer

if TYPE_CHECKING:
    from rich.console import Console

PAUSE: Final = 0.5
"""Seconds between two looks at how far it is."""


async def watched(recorder: Recorder, writer: Writer, url: str) -> int:
    """Record until it ends, or is ended, and say what came of it."""
    watching = asyncio.create_task(_watch(recorder, writer, url))
    try:
        with told_in_a_sentence(url):
            await recorder.run()
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        if writer.segment:
            typer.echo(summary(recorder, writer))
    return 0


async def _watch(recorder: Recorder, writer: Writer, url: str) -> None:
    """Show how far it is on a terminal; say elsewhere when the gateway is lost and had again."""
    if not sys.stderr.isatty():
        await _say(recorder, url)
        return
    from rich.console import Console  # noqa: PLC0415  # slow, and only terminals need it

    with suppress(OSError):  # the terminal is gone; the recording is not
        await _draw(recorder, writer, Console(stderr=True))


async def _say(recorder: Recorder, url: str) -> None:
    was_away = ""
    while True:
        await asyncio.sleep(PAUSE)
        if recorder.away and not was_away:
            say(f"gateway: {shown(url)} is lost ({recorder.away}); dialling it again", err=True)
        elif was_away and not recorder.away:
            say(f"gateway: {shown(url)} is there again", err=True)
        was_away = recorder.away


async def _draw(recorder: Recorder, writer: Writer, console: "Console") -> None:
    from rich.live import Live  # noqa: PLC0415  # slow, and only terminals need it
    from rich.text import Text  # noqa: PLC0415  # same

    now = asyncio.get_running_loop().time
    at, heard = now(), recorder.heard
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            await asyncio.sleep(PAUSE)
            then, before, at, heard = at, heard, now(), recorder.heard
            line = progress(recorder, writer, (heard - before) / (at - then))
            live.update(Text(line, style="bold red" if recorder.away else "", no_wrap=True), refresh=True)


def progress(recorder: Recorder, writer: Writer, rate: float) -> str:
    """Return how far it is, in one line."""
    state = f"dialling again: {recorder.away}" if recorder.away else f"{rate:,.0f} messages/s"
    return f"{recorder.heard:,} messages, {state}, {_mib(writer.bytes)}, {writer.path.name}"


def summary(recorder: Recorder, writer: Writer) -> str:
    """Return what came of it, in one line."""
    files = "1 file" if writer.segment == 1 else f"{writer.segment:,} files"
    broken = f"; {recorder.returns:,} times the gateway was lost, {recorder.notes.gaps:,} gaps"
    return (
        f"Recorded {recorder.heard:,} messages in {files}, {_mib(writer.bytes)}, the last {writer.path}"
        f"{broken if recorder.returns or recorder.notes.gaps else ''}"
    )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
