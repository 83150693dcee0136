"""``gateway status``: what a running gateway's connections do, and whether all that is wanted is up."""

import json
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli.exits import FAILED
from gateway.cli.reaching import URL, CaFile, TokenFile, Url, check_url, credentials, told_in_a_sentence
from gateway.errors import ConfigError, GatewayError

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.cli.status_report import Report
    from gateway.client.rest import Rest

PAUSE: Final = 2.0
"""Seconds between two looks."""
WIDE: Final = 200
"""Columns where there is no terminal to fit."""


def status(
    url: Url = URL,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again each 2 s, until Ctrl-C.")] = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> int:
    """Show a running gateway's connections; exit status 0 if it is ready, 1 if not."""
    from gateway.cli.loop import run_until_stopped  # noqa: PLC0415  # --help is quick without asyncio

    check_url(url)
    return run_until_stopped(_status(url, credentials(token_file, ca_file), as_json=as_json, watch=watch))


async def _status(url: str, given: dict[str, Any], *, as_json: bool, watch: bool) -> int:
    async with _rest(url, given) as rest:
        if watch:
            return await _watch(rest, url, as_json=as_json)
        report = await _report(rest, url)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        _print(_console(), report)
    return 0 if report.ready else FAILED


async def _watch(rest: "Rest", url: str, *, as_json: bool) -> int:
    reports = _reports(rest, url)
    async with aclosing(reports):
        if as_json:
            async for report in reports:
                found = {"error": str(report)} if isinstance(report, GatewayError) else report.document()
                typer.echo(json.dumps(found, separators=(",", ":")))
        elif sys.stdout.isatty():
            await _live(reports)
        else:
            async for report in reports:
                _print(_console(), report)
    return 0


async def _live(reports: "AsyncIterator[Report | GatewayError]") -> None:
    from rich.live import Live  # noqa: PLC0415  # slow, and only terminals need it

    with Live(console=_console(), screen=True, auto_refresh=False) as live:
        async for report in reports:
            live.update(_picture(report), refresh=True)


async def _reports(rest: "Rest", url: str) -> "AsyncGenerator[Report | GatewayError]":
    """Yield a report again and again, or why there is none: a gateway that is started anew comes back."""
    import asyncio  # noqa: PLC0415  # --help is quick without it

    while True:
        try:
            yield await _report(rest, url)
        except GatewayError as absent:
            yield absent
        await asyncio.sleep(PAUSE)


async def _report(rest: "Rest", url: str) -> "Report":
    from gateway.cli.status_report import report_of  # noqa: PLC0415  # --help is quick without it

    with told_in_a_sentence(url):
        return await report_of(rest)


def _rest(url: str, given: dict[str, Any]) -> "Rest":
    from gateway.client.rest import Rest  # noqa: PLC0415  # --help is quick without it

    try:
        return Rest(url, **given)
    except ValueError as wrong:
        raise ConfigError("--url", str(wrong)) from None


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415  # slow, and --help does not need it

    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def _print(console: "Console", report: "Report | GatewayError") -> None:
    console.print(_picture(report))


def _picture(report: "Report | GatewayError") -> Any:
    from rich.text import Text  # noqa: PLC0415  # slow, and --help does not need it

    from gateway.cli.status_picture import picture  # noqa: PLC0415  # same

    if isinstance(report, GatewayError):
        return Text(str(report), style="bold red")
    return picture(report, time.time_ns() // 1000)
