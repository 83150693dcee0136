"""The command line: which commands there are. Each imports what it needs when it runs: ``--help`` is quick."""

from collections.abc import Sequence

import typer

from gateway.cli.check_config import check_config
from gateway.cli.doctor import doctor
from gateway.cli.exits import guarded
from gateway.cli.plugins import plugins
from gateway.cli.record import record
from gateway.cli.replay import replay
from gateway.cli.serve import serve
from gateway.cli.simulate import PASS_THROUGH, simulate
from gateway.cli.status import status
from gateway.cli.subscribe import subscribe
from gateway.cli.token import token

app = typer.Typer(
    help="One process that owns every exchange connection of a machine.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve)
app.command("check-config")(check_config)
app.add_typer(plugins, name="plugins")
app.command("subscribe")(subscribe)
app.command("record")(record)
app.command("replay")(replay)
app.command("status")(status)
app.command("doctor")(doctor)
app.add_typer(token, name="token")
app.command("simulate", context_settings=PASS_THROUGH)(simulate)


def run(arguments: Sequence[str]) -> int:
    """Run one command to its end and return its exit status; never raises what a user could cause."""
    command = typer.main.get_command(app)
    return guarded(lambda: command.main(list(arguments) or ["--help"], prog_name="gateway", standalone_mode=False))
