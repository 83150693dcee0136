"""``gateway subscribe``: a live tail of topics, through the gateway, as any client gets them."""

import os
import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.errors import ConfigError, SubscriptionError, TransportLost, UpgradeRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.cli.tail import Show
    from gateway.client import Client
    from gateway.client.connection import Subscribing
    from gateway.config.credentials import Secret

UNAUTHORIZED: Final = 4501
"""What a gateway closes with when a token is revoked or expires."""
URL: Final = "ws://127.0.0.1:8765"
TOKEN: Final = "GATEWAY_TOKEN"  # noqa: S105  # where it is
WHY: Final = {
    401: "it wants a token: set GATEWAY_TOKEN, or name a file with --token-file",
    403: "it does not let us in",
}
_USER = re.compile(r"^([a-z]+://)?.*@", re.IGNORECASE | re.DOTALL)
SCHEMES: Final = ("ws://", "wss://", "http://", "https://")


class OnLag(StrEnum):
    """What may be asked for, should we read too slowly."""

    CONFLATE = "conflate"
    DROP_OLDEST = "drop_oldest"
    DISCONNECT = "disconnect"


def subscribe(  # noqa: PLR0913, PLR0917  # one for each option
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="e.g. mock:trades:BTC-USDT")],
    url: Annotated[str, typer.Option("--url", help="The gateway.")] = URL,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="Where the token is; default: in $GATEWAY_TOKEN.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", help="Authorities to trust instead of the system's, PEM.")
    ] = None,
    on_lag: Annotated[
        OnLag | None, typer.Option("--on-lag", help="If we read too slowly; default: the channel's.")
    ] = None,
    conflate_ms: Annotated[
        int, typer.Option("--conflate-ms", min=0, help="Milliseconds between messages of a topic, at least.")
    ] = 0,
) -> int:
    """Show topics live until Ctrl-C: lines for people on a terminal, JSON lines otherwise."""
    from gateway.cli.loop import run_until_stopped  # noqa: PLC0415  # --help is quick without asyncio

    _check(url, topics)
    gateway = _client(url, _token(token_file), ca_file)
    messages = partial(gateway.subscribe, topics, on_lag=on_lag, conflate_ms=conflate_ms)
    return run_until_stopped(_tail(gateway, url, messages, _shower(as_json=as_json)))


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


def _token(file: Path | None) -> "Secret | None":
    """Return the token; never from the command line, which every user of the machine can see."""
    from gateway.config import resolve  # noqa: PLC0415  # --help is quick without it

    if file is not None:
        return resolve(f"file:{file}", os.environ, key="--token-file")
    return resolve(f"env:{TOKEN}", os.environ, key=TOKEN) if os.environ.get(TOKEN) else None


def _client(url: str, token: "Secret | None", ca_file: Path | None) -> "Client":
    from gateway.client import Client  # noqa: PLC0415  # --help is quick without it

    given: dict[str, Any] = {} if token is None else {"token": token}
    if ca_file is not None:
        given["ca_file"] = str(ca_file)
    try:
        return Client(url, **given)
    except ValueError as wrong:
        raise ConfigError("--url", str(wrong)) from None


async def _tail(gateway: "Client", url: str, messages: "Callable[[], Subscribing]", show: "Show") -> int:
    try:
        async with gateway:
            async for message in messages():
                show(message)
    except BrokenPipeError:
        raise  # our reader has left; the gateway is there
    except UpgradeRefused as refused:
        why = WHY.get(refused.status, str(refused))
        raise TransportLost(f"the gateway at {shown(url)} will not serve us: {why}") from None
    except SubscriptionError as refused:
        if refused.code == "unauthorized":
            raise SubscriptionError(
                refused.code, f"the gateway at {shown(url)} will not serve us: {WHY[401]}"
            ) from None
        raise
    except (OSError, TransportLost) as exc:
        if isinstance(exc, TransportLost) and exc.code == UNAUTHORIZED:
            raise TransportLost(f"the gateway at {shown(url)} serves us no longer: {exc}") from None
        hint = "start one with 'gateway serve', or say with --url where it is"
        raise TransportLost(f"no gateway at {shown(url)} ({str(exc).replace(url, shown(url))}); {hint}") from None
    return 0


def shown(url: str) -> str:
    """Return ``url`` without what may be a secret: user, password and query."""
    return _USER.sub(r"\1", url).partition("?")[0].partition("#")[0]
