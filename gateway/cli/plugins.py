"""``gateway plugins``: which exchanges are installed and who ships them, without importing any unasked."""

import json
from typing import Annotated, Any

import typer

from gateway.cli.plain import say

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


@plugins.command("audit")
def audit(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
    hosts: Annotated[
        bool, typer.Option("--hosts", help="Also which hosts each declares, for which it must be imported.")
    ] = False,
) -> None:
    """Show who ships each plugin, what its files are, and what to write into plugins.allow to have no other."""
    rows = _audited(hosts=hosts)
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        say(f"{row['name']}: {row['distribution']} {row['version']}, {row['value']}")
        say(f"  sha256  {row['sha256'] or 'none: its code is not where it is installed'}")
        say(f"  allow   {row['allow']}")
        for host in row.get("hosts", ()):
            say(f"  host    {host}")
        if "problem" in row:
            say(f"  broken  {row['problem']}")
    if not rows:
        typer.echo("No plugin is installed.")


def _audited(*, hosts: bool) -> list[dict[str, Any]]:
    from gateway.host import fingerprint, installed  # noqa: PLC0415  # --help is quick without it

    rows: list[dict[str, Any]] = []
    for one in installed():
        found = fingerprint(one.distribution)
        allow = f"{one.name}@{one.distribution}" + (f"#sha256:{found}" if found else "")
        row = {"name": one.name, "distribution": one.distribution, "version": one.version, "value": one.value}
        rows.append({**row, "sha256": found, "allow": allow, **(_declared(one.name) if hosts else {})})
    return rows


def _declared(name: str) -> dict[str, Any]:
    """Return the hosts of all environments, or why there are none to tell."""
    from gateway.errors import PluginError  # noqa: PLC0415  # --help is quick without it
    from gateway.host import PluginHost  # noqa: PLC0415  # same
    from gateway.net.egress import host_of  # noqa: PLC0415  # same

    host = PluginHost()
    try:
        host.load(name)
    except PluginError as broken:
        return {"hosts": [], "problem": broken.problem}
    urls = (url for endpoint in host.bind(name).info.endpoints for url in endpoint.urls.values())
    return {"hosts": sorted({host_of(url) for url in urls})}


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
