"""``gateway simulate``: a simulated exchange on loopback, to try clients and plugins on."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from gateway.cli.venues import Venue, find

PASS_THROUGH: Final[dict[Any, Any]] = {"ignore_unknown_options": True, "help_option_names": []}
"""Options after the name are the venue's, ``--help`` among them."""
_HELP = ("--help", "-h")


def simulate(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The venue; 'gateway simulate NAME --help' shows its options.")
    ],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[ARGS]...", help="The venue's own.")] = None,
) -> int:
    """Run a simulated exchange until it is stopped."""
    if name in _HELP:
        typer.echo(context.get_help())
        return 0
    from gateway.cli.loop import run_until_stopped  # noqa: PLC0415  # --help is quick without asyncio

    return run_until_stopped(_run(find(name), arguments or []))


async def _run(venue: Venue, arguments: Sequence[str]) -> int:
    async with venue.simulate(arguments) as running:
        for endpoint, address in running.addresses.items():
            typer.echo(f"{endpoint} {address}")
        await running.wait()
    return 0
