"""
Binance's venue: plays a recording of the spot market back, and speaks the exchange's protocol while it does.

Nothing heavy is imported before the arguments are known to be right.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_binance.venue.arguments import Options, parser

if TYPE_CHECKING:
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
            SystemExit: If ``arguments`` are wrong, the recording cannot be read or the address cannot be
                had; a sentence was printed.
        """
        command = parser(self.name, self.summary)
        options = command.parse_args(arguments, Options())
        from gateway.testing.scenario import playing  # noqa: PLC0415  # see the module
        from gateway.testing.simulation import say  # noqa: PLC0415  # see the module
        from gateway_binance.venue.recording import load  # noqa: PLC0415  # see the module
        from gateway_binance.venue.replay import BinanceVenue  # noqa: PLC0415  # see the module

        try:
            recording = load(options.capture)
        except OSError as exc:
            command.error(f"cannot read {options.capture}: {exc.strerror or exc}")
        except ValueError as exc:
            command.error(f"{options.capture} is no recording: {exc}")
        host, port = options.listen
        running = BinanceVenue(
            recording, host=host, port=port, speed=options.speed, wait=options.wait, stay=options.stay
        )
        try:
            await running.start()
        except OSError as exc:
            command.error(f"cannot listen on {host}:{port}: {exc.strerror or exc}")
        try:
            async with playing(options.scenario, running, say):
                yield running
        finally:
            await running.stop()


venue = Simulator("binance", "Binance's spot market: plays a recording back to whoever subscribes.")
