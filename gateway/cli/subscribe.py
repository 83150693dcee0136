"""``gateway subscribe``: a live tail of topics, through the gateway, as any client gets them."""

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.errors import ConfigError, TransportLost

if TYPE_CHECKING:
    from gateway.cli.tail import Show

URL: Final = "ws://127.0.0.1:8765"
_USER = re.compile(r"^([a-z]+://)?.*@", re.IGNORECASE | re.DOTALL)
SCHEMES: Final = ("ws://", "wss://", "http://", "https://")


def subscribe(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="e.g. mock:trades:BTC-USDT")],
    url: Annotated[str, typer.Option("--url", help="The gateway.")] = URL,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> int:
    """Show topics live until Ctrl-C: lines for people on a terminal, JSON lines otherwise."""
    from gateway.cli.loop import run_until_stopped  # noqa: PLC0415  # --help is quick without asyncio

    _check(url, topics)
    return run_until_stopped(_tail(url, topics, _shower(as_json=as_json)))


def _check(url: str, topics: Sequence[str]) -> None:
    from gateway.model.subscriptions import parse_topic  # noqa: PLC0415  # --help is quick without it

    if not url.startswith(SCHEMES):
        raise ConfigError("--url", f"must begin with one of {', '.join(SCHEMES)}, got {shown(url)!r}")
    for topic in topics:
        try:
            parse_topic(topic)
        except ValueError as exc:
            raise ConfigError("TOPIC", str(exc)) from None


def _shower(*, as_json: bool) -> "Show":
    from gateway.cli import tail  # noqa: PLC0415  # --help is quick without it

    if as_json or not sys.stdout.isatty():
        return tail.json_lines(lambda line: typer.echo(line, nl=False))
    from rich.console import Console  # noqa: PLC0415  # slow, and only terminals need it

    return tail.coloured(Console())


async def _tail(url: str, topics: Sequence[str], show: "Show") -> int:
    from gateway.client import Client  # noqa: PLC0415  # --help is quick without it

    try:
        async with Client(url) as client:
            async for message in client.subscribe(topics):
                show(message)
    except BrokenPipeError:
        raise  # our reader has left; the gateway is there
    except (OSError, TransportLost) as exc:
        hint = "start one with 'gateway serve', or say with --url where it is"
        raise TransportLost(f"no gateway at {shown(url)} ({str(exc).replace(url, shown(url))}); {hint}") from None
    return 0


def shown(url: str) -> str:
    """Return ``url`` without what may be a secret: user, password and query."""
    return _USER.sub(r"\1", url).partition("?")[0].partition("#")[0]
