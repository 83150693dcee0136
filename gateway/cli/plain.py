"""What exchanges, clients and gateways said, fit for a terminal: whatever would steer it is spelt out instead."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.text import Text


def printable(said: str) -> str:
    """Return ``said`` with its control characters, and those that turn the direction of writing, as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in said)


def say(said: str, *, err: bool = False) -> None:
    """Write ``said`` as one line to stdout, or to stderr, all of it printable."""
    typer.echo(printable(said), err=err)


def plain(said: str, style: str = "") -> "Text":
    """Return ``said`` as one line of text, all of it printable."""
    from rich.text import Text  # noqa: PLC0415  # slow, and only terminals need it

    return Text(printable(said), style=style)
