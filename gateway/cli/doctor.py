"""``gateway doctor``: what is wrong with this installation and configuration, in sentences, and what to do."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.exits import FAILED
from gateway.cli.plain import say
from gateway.cli.reaching import CaFile, TokenFile, check_url, credentials
from gateway.cli.serve import DEFAULT
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.app.doctor import Case, Finding
    from gateway.config.credentials import Secret

COLOURS: Final = {"ok": typer.colors.GREEN, "advice": typer.colors.YELLOW, "wrong": typer.colors.RED}
WIDTH: Final = 6


def doctor(
    config: Annotated[Path | None, typer.Option("--config", help="Default: ./gateway.toml.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="A gateway that should run.")] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Connect to the exchanges' endpoints too, and compare clocks.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> int:
    """Say what is wrong and what to do; exit status 0 if nothing is wrong, 1 if something is."""
    from gateway.app.doctor import Verdict, examine  # noqa: PLC0415  # --help is quick without it

    if url is not None:
        check_url(url)
    given = credentials(token_file, ca_file)
    found = list(examine(_case(config, url, given.get("token"), given.get("ca_file"), online=online)))
    is_well = not any(one.verdict is Verdict.WRONG for one in found)
    if as_json:
        typer.echo(json.dumps({"ok": is_well, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        _print(found)
    return 0 if is_well else FAILED


def _case(
    config: Path | None, url: str | None, token: "Secret | None", ca_file: str | None, *, online: bool
) -> "Case":
    from gateway.app.doctor import Case  # noqa: PLC0415  # --help is quick without it
    from gateway.config import load  # noqa: PLC0415  # same

    path = config or (DEFAULT if DEFAULT.is_file() else None)
    settings, problem = None, ""
    if path is not None:
        try:
            settings = load(path, os.environ, {})
        except ConfigError as wrong:
            problem = str(wrong)
    return Case(
        environ=os.environ,
        path=path,
        settings=settings,
        problem=problem,
        url=url,
        token=token,
        ca_file=ca_file,
        online=online,
    )


def _print(found: Iterable["Finding"]) -> None:
    for one in found:
        typer.secho(one.verdict.ljust(WIDTH), fg=COLOURS[one.verdict], bold=True, nl=False)
        say(f"  {one.check}: {one.text}")
        if one.todo:
            say(f"{'':{WIDTH}}  to do: {one.todo}")
