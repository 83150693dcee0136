"""``gateway subscribe``: topics as they are now, through the gateway, as any client gets them."""

import sys
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.reaching import URL, CaFile, TokenFile, Topics, Url, check, credentials, told_in_a_sentence
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.cli.tail import Show
    from gateway.client import Client
    from gateway.client.connection import Subscribing

    View = Callable[[Client, Callable[[], Subscribing]], Awaitable[None]]


class OnLag(StrEnum):
    """What may be asked for, should we read too slowly."""

    CONFLATE = "conflate"
    DROP_OLDEST = "drop_oldest"
    DISCONNECT = "disconnect"


def subscribe(  # noqa: PLR0913, PLR0917  # one for each option
    topics: Topics,
    url: Url = URL,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
    as_lines: Annotated[bool, typer.Option("--lines", help="A line for each record instead of a table.")] = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    on_lag: Annotated[
        OnLag | None, typer.Option("--on-lag", help="If we read too slowly; default: the channel's.")
    ] = None,
    conflate_ms: Annotated[
        int, typer.Option("--conflate-ms", min=0, help="Milliseconds between messages of a topic, at least.")
    ] = 0,
) -> int:
    """Show topics live until Ctrl-C: a table on a terminal, JSON lines otherwise."""
    from gateway.cli.loop import run_until_stopped  # noqa: PLC0415  # --help is quick without asyncio

    check(url, topics)
    if as_json and as_lines:
        raise ConfigError("--lines", "cannot be had together with --json")
    gateway = _client(url, credentials(token_file, ca_file))
    messages = partial(gateway.subscribe, topics, on_lag=on_lag, conflate_ms=conflate_ms)
    return run_until_stopped(_watch(gateway, url, messages, _view(as_json=as_json, as_lines=as_lines)))


def _view(*, as_json: bool, as_lines: bool) -> "View":
    from gateway.cli import tail  # noqa: PLC0415  # --help is quick without it

    if as_json or not (as_lines or sys.stdout.isatty()):
        return partial(_tail, tail.json_lines(lambda line: typer.echo(line, nl=False)))
    from rich.console import Console  # noqa: PLC0415  # slow, and only terminals need it

    console = Console()
    if as_lines or console.is_dumb_terminal:  # one that cannot move its cursor can show no table
        return partial(_tail, tail.coloured(console))
    return partial(_table, console)


async def _tail(show: "Show", _: "Client", messages: "Callable[[], Subscribing]") -> None:
    async for message in messages():
        show(message)


async def _table(console: "Console", gateway: "Client", messages: "Callable[[], Subscribing]") -> None:
    from gateway.cli.table import Table  # noqa: PLC0415  # only terminals need it
    from gateway.cli.table_screen import Screen  # noqa: PLC0415  # same

    table = Table()
    for ack in await messages():
        table.answered(ack)
    await Screen(table, console, time.monotonic, lambda: time.time_ns() // 1000).show(gateway)


def _client(url: str, given: dict[str, Any]) -> "Client":
    from gateway.client import Client  # noqa: PLC0415  # --help is quick without it

    try:
        return Client(url, **given)
    except ValueError as wrong:
        raise ConfigError("--url", str(wrong)) from None


async def _watch(gateway: "Client", url: str, messages: "Callable[[], Subscribing]", view: "View") -> int:
    with told_in_a_sentence(url):
        async with gateway:
            await view(gateway, messages)
    return 0
