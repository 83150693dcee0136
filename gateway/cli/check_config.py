"""``gateway check-config``: what a configuration amounts to, or the sentence that says what is wrong with it."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.plain import say
from gateway.cli.serve import chosen


def check_config(
    config: Annotated[Path | None, typer.Option("--config", help="Default: ./gateway.toml.")] = None,
) -> None:
    """Check a configuration and print what is in effect; secrets are neither read nor shown."""
    from gateway.app import check  # noqa: PLC0415  # --help is quick without it
    from gateway.config import effective, load, pending  # noqa: PLC0415  # same

    settings = load(chosen(config), os.environ, {})
    paces = check(settings)
    typer.echo(json.dumps(effective(settings, paces), indent=2))
    for sentence in pending(settings):
        say(sentence, err=True)
