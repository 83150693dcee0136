"""``gateway record``: topics into files, through the gateway, until Ctrl-C."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.reaching import URL, CaFile, TokenFile, Topics, Url, check, credentials, shown, told_in_a_sentence
from gateway.cli.subscribe import OnLag
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.recording.recorder import Recorder
    from gateway.recording.writing import Writer

PAUSE = 0.5
"""Seconds between two looks at how far it is."""


def record(  # noqa: PLR0913, PLR0917  # one for each option
    topics: Topics,
    directory: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Where; what is there is never overwritten.")
    ],
    url: Url = URL,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    on_lag: Annotated[
        OnLag, typer.Option("--on-lag", help="If we read too slowly; by default we come back and resume.")
    ] = OnLag.DISCONNECT,
    size: Annotated[int, typer.Option("--segment-mib", min=1, help="Size of a file, in MiB.")] = 64,
    age: Annotated[str, typer.Option("--segment-time", help="And its age, such as 15m.")] = "1h",
    flush: Annotated[str, typer.Option("--flush", help="Until what was heard is on disk, at most.")] = "1s",
) -> int:
    """Record topics until Ctrl-C, and tell what could not be heard."""
    from gateway.cli.loop import run_until_stopped  # noqa: PLC0415  # --help is quick without asyncio

    check(url, topics)
    writer = _writer(directory, topics, size, _seconds("--segment-time", age))
    recorder = _recorder(url, topics, writer, on_lag, _seconds("--flush", flush), credentials(token_file, ca_file))
    return run_until_stopped(_record(recorder, writer, url))


def _seconds(option: str, text: str) -> float:
    from gateway.config.durations import seconds  # noqa: PLC0415  # --help is quick without it

    try:
        return seconds(text)
    except ValueError as exc:
        raise ConfigError(option, f"{exc}, got {text[:40]!r}") from None


def _writer(directory: Path, topics: list[str], size: int, age: float) -> "Writer":
    import secrets  # noqa: PLC0415  # --help is quick without it
    from importlib.metadata import version  # noqa: PLC0415  # same

    from gateway.recording.writing import Writer  # noqa: PLC0415  # same

    return Writer(directory, version("exchange-gateway"), secrets.token_hex(8), topics, size=size << 20, age=age)


def _recorder(
    url: str, topics: list[str], writer: "Writer", on_lag: str, flush: float, given: dict[str, Any]
) -> "Recorder":
    import time  # noqa: PLC0415  # --help is quick without it
    from random import SystemRandom  # noqa: PLC0415  # same

    from gateway.recording.recorder import Recorder, World  # noqa: PLC0415  # same

    world = World(time.monotonic, lambda: time.time_ns() // 1000, SystemRandom())
    try:
        return Recorder(url, topics, writer, world, on_lag=on_lag, flush=flush, credentials=given)
    except ValueError as wrong:
        raise ConfigError("--url", str(wrong)) from None


async def _record(recorder: "Recorder", writer: "Writer", url: str) -> int:
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


async def _watch(recorder: "Recorder", writer: "Writer", url: str) -> None:
    """Show how far it is on a terminal; say elsewhere when the gateway is lost and had again."""
    if not sys.stderr.isatty():
        await _say(recorder, url)
        return
    from rich.console import Console  # noqa: PLC0415  # slow, and only terminals need it

    with suppress(OSError):  # the terminal is gone; the recording is not
        await _draw(recorder, writer, Console(stderr=True))


async def _say(recorder: "Recorder", url: str) -> None:
    was_away = ""
    while True:
        await asyncio.sleep(PAUSE)
        if recorder.away and not was_away:
            typer.echo(f"gateway: {shown(url)} is lost ({recorder.away}); dialling it again", err=True)
        elif was_away and not recorder.away:
            typer.echo(f"gateway: {shown(url)} is there again", err=True)
        was_away = recorder.away


async def _draw(recorder: "Recorder", writer: "Writer", console: "Console") -> None:
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


def progress(recorder: "Recorder", writer: "Writer", rate: float) -> str:
    """Return how far it is, in one line."""
    state = f"dialling again: {recorder.away}" if recorder.away else f"{rate:,.0f} messages/s"
    return f"{recorder.heard:,} messages, {state}, {_mib(writer.bytes)}, {writer.path.name}"


def summary(recorder: "Recorder", writer: "Writer") -> str:
    """Return what came of it, in one line."""
    files = "1 file" if writer.segment == 1 else f"{writer.segment:,} files"
    broken = f"; {recorder.returns:,} times the gateway was lost, {recorder.notes.gaps:,} gaps"
    return (
        f"Recorded {recorder.heard:,} messages in {files}, {_mib(writer.bytes)}, the last {writer.path}"
        f"{broken if recorder.returns or recorder.notes.gaps else ''}"
    )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
