"""``gateway plugins``: which exchanges are installed, without importing any of them."""

import json
from typing import Annotated

import typer

plugins = typer.Typer(help="Exchange plugins.", rich_markup_mode=None)


@plugins.callback()
def group() -> None:
    """Exchange plugins."""


@plugins.command("list")
def list_plugins(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
) -> None:
    """List the installed plugins: exchange, package, version, where its code is."""
    from gateway.host import installed  # noqa: PLC0415  # --help is quick without it

    rows = [(one.name, one.distribution, one.version, one.value) for one in installed()]
    if as_json:
        names = ("name", "distribution", "version", "value")
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows]))
    elif rows:
        _print_table([("exchange", "package", "version", "code"), *rows])
    else:
        typer.echo("No plugin is installed.")


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
