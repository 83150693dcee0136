"""
Binance's venue: the whole exchange on loopback, with recordings or made-up markets behind it.

Nothing heavy is imported before the arguments are known to be right.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_binance.venue.arguments import Command, Options, parser

if TYPE_CHECKING:
    from gateway_binance.venue.recording import Recording
    from gateway_binance.venue.replay import BinanceVenue


@dataclass(frozen=True, slots=True)
class Simulator:
    """What the entry point of the venue resolves to."""

    name: str
    summary: str

    @asynccontextmanager
    async def simulate(self, arguments: Sequence[str]) -> "AsyncIterator[BinanceVenue]":
        """
        Run the venue while the context lasts; it tells its ``addresses`` and can be waited for.

        Raises:
            SystemExit: If ``arguments`` are wrong, a recording cannot be read or the address cannot be
                had; a sentence was printed.
        """
        command = parser(self.name, self.summary)
        options = command.parse_args(arguments, Options())
        from gateway.testing.scenario import playing  # noqa: PLC0415  # see the module
        from gateway.testing.simulation import say  # noqa: PLC0415  # see the module

        running = _build(command, options)
        host, port = options.listen
        try:
            await running.start()
        except OSError as exc:
            command.error(f"cannot listen on {host}:{port}: {exc.strerror or exc}")
        try:
            async with playing(options.scenario, running, say):
                yield running
        finally:
            await running.stop()


def _build(command: Command, options: Options) -> "BinanceVenue":
    from gateway_binance.venue.replay import BinanceVenue  # noqa: PLC0415  # see the module
    from gateway_binance.venue.settings import Settings, aged  # noqa: PLC0415  # see the module

    settings = Settings(seed=options.seed, more_symbols=options.symbols, sockets=aged(options.max_age))
    if options.accounts is not None:
        settings = settings.with_accounts(options.accounts)
    host, port = options.listen
    return BinanceVenue(
        *_recordings(command, options.capture),
        settings=settings,
        host=host,
        port=port,
        rate=options.rate,
        speed=options.speed,
        wait=options.wait,
        stay=options.stay,
    )


def _recordings(command: Command, paths: Sequence[Path]) -> "Sequence[Recording]":
    from gateway_binance.venue.recording import load  # noqa: PLC0415  # see the module

    found: dict[str, Recording] = {}
    for path in paths:
        try:
            recording = load(path)
        except OSError as exc:
            command.error(f"cannot read {path}: {exc.strerror or exc}")
        except ValueError as exc:
            command.error(f"{path} is no recording: {exc}")
        if recording.market in found:
            command.error(f"{path} is the second recording of {recording.market}")
        found[recording.market] = recording
    return tuple(found.values())


venue = Simulator("binance", "Binance: spot, USD-M and COIN-M, recorded or made up, public and private.")
