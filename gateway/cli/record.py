"""``gateway record``: topics into files, through the gateway, until Ctrl-C."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.reaching import URL, CaFile, TokenFile, Topics, Url, check, credentials
from gateway.cli.subscribe import OnLag
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.recording.recorder import Recorder
    from gateway.recording.writing import Writer


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
    from gateway.cli.recording import watched  # noqa: PLC0415  # same

    check(url, topics)
    writer = _writer(directory, topics, size, _seconds("--segment-time", age))
    recorder = _recorder(url, topics, writer, on_lag, _seconds("--flush", flush), credentials(token_file, ca_file))
    return run_until_stopped(watched(recorder, writer, url))


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
