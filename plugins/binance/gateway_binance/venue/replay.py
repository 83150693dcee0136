"""
What the exchange plays: recordings on their own clock, and made-up markets where there is no recording.

A recording's time never stands still: what is due while a client is away is lost to
it, as at the exchange.
"""

import asyncio
import enum
from collections import Counter
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Final

from gateway.testing.sockets import VenueSocket
from gateway_binance.venue.arguments import QUIET, Wait
from gateway_binance.venue.clock import Clock
from gateway_binance.venue.events import Event
from gateway_binance.venue.exchange import BinanceExchange
from gateway_binance.venue.generated.market import Generated
from gateway_binance.venue.generated.paces import TICKS
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.recording import Recording
from gateway_binance.venue.settings import Settings
from gateway_binance.venue.source import Recorded

CROWDED: Final = 256
"""Frames that may wait for a client before a replay at full speed waits for it."""


class Cut(enum.Enum):
    """How clients are cut off: an orderly end without a Close frame, a reset, or silence on an open socket."""

    FIN = "fin"
    RST = "rst"
    SILENCE = "silence"


class BinanceVenue(BinanceExchange):
    """
    The exchange, with recordings of some of its markets and the others made up. Event-loop only.

    ``sent`` counts what was sent by the name it was asked for, ``passed`` what
    was due by its recorded name, whoever listened. The engine's ``subscribes``,
    ``streams()``, ``sockets`` and ``faults`` tell and do the rest.

    Args:
        recordings: what is replayed, one of each market at most.
        settings: what a test wants otherwise.
        host: a loopback address.
        port: 0 chooses a free one.
        rate: ticks of the made-up markets a second, twenty being their real pace; :obj:`None` leaves
            ticking to the caller.
        speed: times as fast as recorded; :obj:`None` is as fast as clients read, and as recorded while
            nobody listens.
        wait: when the replay begins: after so many seconds without a new wish, or with these streams.
        stay: whether :meth:`wait` goes on after the end.
    """

    def __init__(  # noqa: PLR0913  # every one has a default
        self,
        *recordings: Recording,
        settings: Settings | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        rate: float | None = TICKS,
        speed: float | None = 1.0,
        wait: Wait = QUIET,
        stay: bool = False,
    ) -> None:
        chosen = settings or Settings()
        self._played = {recording.market: Recorded(recording) for recording in recordings}
        made = (market for market in Market if market not in self._played)
        self.made = {market: Generated(market, chosen.seed, chosen.more_symbols) for market in made}
        super().__init__((*self._played.values(), *self.made.values()), chosen, host=host, port=port, rate=rate)
        self.passed: Counter[str] = Counter()
        self._ended = 0
        self._speed = speed
        self._begin_with = wait
        self._stay = stay
        self._tasks: list[asyncio.Task[None]] = []
        self._unmuting: set[asyncio.TimerHandle] = set()

    @property
    def sent(self) -> Counter[str]:
        """How many data were sent, by the names that they were asked for."""
        return self.delivery.sent

    @property
    def ended(self) -> bool:
        """Whether every recording is over; without one there is no end."""
        return bool(self._played) and self._ended == len(self._played)

    # --- what tests do

    def cut(self, how: Cut, seconds: float = 0.0) -> None:
        """Cut every client off now; ``seconds`` is how long a silence lasts, in which everything is lost."""
        if how is not Cut.SILENCE:
            self.drop(rst=how is Cut.RST)
            return
        muted = tuple(self.sockets.values())
        for socket in muted:
            socket.muted = True
        handle: asyncio.TimerHandle = asyncio.get_running_loop().call_later(
            seconds, lambda: self._unmute(handle, muted)
        )
        self._unmuting.add(handle)

    def _unmute(self, handle: asyncio.TimerHandle, sockets: Sequence[VenueSocket]) -> None:
        self._unmuting.discard(handle)
        for socket in sockets:
            socket.muted = False

    def tick(self) -> None:
        """Let a twentieth of a second of the made-up markets pass."""
        self.housekeep()
        for market, source in self.made.items():
            # A market moves for those who listen, and for orders that wait for it.
            awaited = {f"{symbol.lower()}@trade" for symbol in self.floors[market].desk.awaited}
            for event in source.tick(self.now_ms(), self.delivery.wanted(market) | awaited):
                self.announce(market, event)
        self._watch.changed()

    # --- its life

    async def start(self) -> None:
        """
        Listen, and replay once somebody listens.

        Raises:
            OSError: If the address cannot be had.
        """
        await super().start()
        self._tasks = [asyncio.create_task(self._guarded(self._replay(one))) for one in self._played.values()]

    async def stop(self) -> None:
        """End the replay, say goodbye to every client and free the port. Safe to repeat."""
        for handle in self._unmuting:
            handle.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await super().stop()

    async def wait(self) -> None:
        """
        Wait for the end of the replay or, where the venue stays or makes everything up, until it is stopped.

        Raises:
            ExceptionGroup: If the venue itself failed.
        """
        if self._stay or not self._played:
            await super().wait()
        else:
            await self.wait_for(lambda: self.ended or bool(self.failures) or self._stopping.is_set())
            self._raise_failures()

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as exc:  # noqa: BLE001  # raised again by whoever waits for the venue
            self._failed(exc)

    # --- the replay

    async def _replay(self, source: Recorded) -> None:
        market, heard = source.market, partial(self._is_heard, source)
        await self._until_wanted(source)
        clock = Clock(self._speed, heard)
        for line in source.recording.lines:
            await clock.reach(line.at)
            source.take(line)
            if isinstance(line, Event):
                await self._deliver(market, line)
        for socket in self.clients():
            await socket.below(1)
        self._ended += 1
        self._watch.changed()

    async def _until_wanted(self, source: Recorded) -> None:
        """Wait until the clients have asked for what they want of the recording."""
        market = source.market
        if isinstance(self._begin_with, frozenset):
            names = self._begin_with & source.recording.names or self._begin_with
            await self.wait_for(lambda: names <= self.delivery.wanted(market))
            return
        while True:
            await self.wait_for(partial(self._is_heard, source))
            wishes = self.wishes.count
            try:
                async with asyncio.timeout(self._begin_with):
                    await self.wait_for(partial(self._is_news, source, wishes))
            except TimeoutError:
                return

    def _is_news(self, source: Recorded, wishes: int) -> bool:
        return self.wishes.count != wishes or not self._is_heard(source)

    def _is_heard(self, source: Recorded) -> bool:
        return not source.recording.names.isdisjoint(self.delivery.wanted(source.market))

    async def _deliver(self, market: Market, event: Event) -> None:
        self.passed[event.stream] += 1
        self.announce(market, event)
        self._watch.changed()
        if self._speed is None:
            for socket in self.clients():
                await socket.below(CROWDED)
