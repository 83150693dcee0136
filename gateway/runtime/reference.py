"""
What is known of an exchange beside its streams: its instruments and its clock.

Both are fetched in the background, again after a growing wait when that fails, and
the instruments once an hour from then on. Nobody waits for either for long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.engine.retry import Retry
from gateway.errors import ConnectionFault, PluginError
from gateway.model.instruments import Instruments, ListChange
from gateway.runtime.clock import ExchangeClock
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.listings import Listings
from gateway.runtime.rest import Rest
from gateway.spi.contract import Target

REFRESH: Final = 3600.0
"""Seconds between two looks at an exchange's list of instruments."""
CLOCK_KEPT: Final = 10.0
"""Seconds for which a look at an exchange's clock must do, whoever asks for another."""
PATIENCE: Final = 5.0
"""Seconds after the start for which clients wait for a list that is not there yet."""


class Reference:
    """
    One exchange's instruments and clock. Event-loop only; :meth:`run` is its one task.

    Args:
        ground: whose ``instruments`` are replaced whenever a list came.
        target: for the plugin's conversations.
        clock: is corrected.
        listed: called whenever a list came, with what has changed since the one before.
    """

    def __init__(
        self,
        ground: Ground,
        target: Target,
        clock: ExchangeClock,
        listed: Callable[[Sequence[ListChange]], None],
    ) -> None:
        self.problem = ""
        """Why there is no list, or no newer one."""
        self.is_listed = False
        self.has_list = True
        """False once it is known that the exchange's plugin keeps no list."""
        self.listings = Listings(ground)
        self._ground = ground
        self._target = target
        self._clock = clock
        self._listed = listed
        self._name = f"{ground.exchange}/rest"
        budgets = ground.budgets.for_connection(ground.info.limits, None, ground.exchange)
        self._rest = Rest(ground.exchange, ground.network, budgets, ground.info.limits, ground.now)
        self._judge = Judge(self._name, target, ground, self.resync_clock)
        self._answered = asyncio.Event()
        self._bell = asyncio.Event()
        self._patience_ends = asyncio.get_running_loop().time() + PATIENCE

    def resync_clock(self) -> None:
        """Ask the exchange what time it is."""
        self._bell.set()

    async def instruments(self) -> Instruments | None:
        """Return the list, waiting for the first one a little; :obj:`None` while there is none."""
        if not self._answered.is_set():
            try:
                async with asyncio.timeout_at(self._patience_ends):
                    await self._answered.wait()
            except TimeoutError:
                return None
        return self._ground.instruments if self.is_listed else None

    async def run(self) -> None:
        """Fetch what is due, for ever."""
        while True:
            delay = await self._renew()
            due = asyncio.get_running_loop().time() + delay
            while await self._rung_before(due):
                if fault := await self._failure_of(self._fetch_time):
                    self._judge.wait_after(fault)  # a limited address is kept quiet
                await asyncio.sleep(CLOCK_KEPT)

    async def _rung_before(self, due: float) -> bool:
        try:
            async with asyncio.timeout_at(due):
                await self._bell.wait()
        except TimeoutError:
            return False
        self._bell.clear()
        return True

    async def _renew(self) -> float:
        """Fetch the list, and return after how many seconds to do it again."""
        fault = await self._failure_of(self._fetch_list)
        if fault is None:
            self.problem = ""
            return REFRESH
        decision = self._judge.decide(fault, worked=False)
        if isinstance(decision, Retry):
            self.problem = str(fault)
            return decision.delay
        self.problem = decision.text
        return REFRESH

    async def _failure_of(self, fetch: Callable[[], Awaitable[None]]) -> ConnectionFault | PluginError | None:
        try:
            await fetch()
        except (ConnectionFault, PluginError) as fault:
            self._ground.observer.noticed(self._name, 0, "reference_failed", text=str(fault))
            return fault
        return None

    async def _fetch_list(self) -> None:
        conversation = self._ground.binding.instruments(self._target)
        if conversation is None:
            self.has_list = False
            self._answered.set()
            return
        changes = self.listings.take(await self._rest.converse(conversation))
        self.is_listed = True
        self._answered.set()
        self._listed(changes)

    async def _fetch_time(self) -> None:
        conversation = self._ground.binding.server_time(self._target)
        if conversation is None:
            return
        sent_us = self._ground.wall_us()
        theirs_us = await self._rest.converse(conversation)
        self._clock.correct(theirs_us, sent_us=sent_us, received_us=self._ground.wall_us())
