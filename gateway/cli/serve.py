"""``gateway serve``: the gateway itself, or a demonstration of it that needs neither a file nor a network."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.errors import ConfigError

DEFAULT: Final = Path("gateway.toml")
HASTE: Final = 2.0
"""Seconds that are left to end after a second signal."""
DEMO: Final = "mock"
"""The venue and the exchange that a demonstration shows."""


def serve(
    config: Annotated[Path | None, typer.Option("--config", help="Default: ./gateway.toml.")] = None,
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="Where clients connect.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve a simulated exchange; no file needed.")] = False,
) -> int:
    """Run the gateway until it is stopped."""
    from gateway.cli.loop import end_at_once, ignore_hangups, run  # noqa: PLC0415  # --help is quick without asyncio
    from gateway.cli.undumped import keep_memory_private  # noqa: PLC0415  # same

    ignore_hangups()
    end_at_once()
    keep_memory_private()
    path = None if demo and config is None else chosen(config)
    overrides: dict[str, Any] = {} if listen is None else {"server": {"listen": listen}}
    return run(_demonstrate(path, overrides) if demo else _serve(path, overrides, _say_address))


def chosen(config: Path | None) -> Path:
    """
    Return the file to read: the named one, or ``gateway.toml`` in this directory.

    Raises:
        ConfigError: If neither is there.
    """
    if config is not None:
        return config
    if DEFAULT.is_file():
        return DEFAULT
    raise ConfigError(
        "--config", "there is no ./gateway.toml; name a file, or try 'gateway serve --demo', which needs none"
    )


async def _serve(path: Path | None, overrides: dict[str, Any], ready: Callable[[str, str], None]) -> int:
    from gateway.app import last_resort, serve  # noqa: PLC0415  # --help is quick without it
    from gateway.cli.loop import end_undisturbed  # noqa: PLC0415  # same
    from gateway.config import Source  # noqa: PLC0415  # same
    from gateway.telemetry import setup_logs  # noqa: PLC0415  # same

    source = Source(path, os.environ, overrides)
    settings = source.read()
    setup_logs(settings.log.level, settings.log.format)
    secure = "" if settings.server.tls is None else "s"
    await serve(
        settings,
        ready=lambda address: ready(secure, address),
        signalled=last_resort,
        hurried=partial(last_resort, HASTE),
        source=source,
    )
    end_undisturbed()
    return 0


async def _demonstrate(path: Path | None, overrides: dict[str, Any]) -> int:
    from gateway.cli.venues import find  # noqa: PLC0415  # --help is quick without it

    async with find(DEMO).simulate(["--listen", "127.0.0.1:0"]) as running:
        exchange = {"endpoints": {**running.addresses, "allow_plaintext": True}}
        return await _serve(path, {**overrides, "exchanges": {DEMO: exchange}}, _say_what_to_try)


def _say_address(secure: str, address: str) -> None:
    typer.echo(f"Listening on http{secure}://{address}")


def _say_what_to_try(secure: str, address: str) -> None:
    _say_address(secure, address)
    typer.echo(f"It serves a simulated exchange, {DEMO}. Try, in another terminal:")
    typer.echo(f"  python -m gateway subscribe {DEMO}:trades:BTC-USDT --url ws{secure}://{address}")
    for path in ("readyz?verbose", "api/v1/connections"):
        typer.echo(f"  curl -s 'http{secure}://{address}/{path}'")
    typer.echo(f"or look at its dashboard: http{secure}://{address}/")
