"""
What is known of an exchange beside its streams: its instruments and its clock.

Both are fetched in the background, again after a growing wait when that fails, and
the instruments once an hour from then on; sooner if somebody asks for a symbol that
may have been listed since. Nobody waits for either for long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NoReturn

from gateway.engine.retry import Retry
from gateway.errors import ConnectionFault, PluginError, SubscriptionError
from gateway.model.instruments import Instrument, Instruments, ListChange
from gateway.runtime.bell import Bell
from gateway.runtime.clock import ExchangeClock
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.listings import Listings
from gateway.runtime.looks import APART, Looks
from gateway.runtime.rest import Rest
from gateway.runtime.together import together
from gateway.spi.contract import Target

REFRESH: Final = 3600.0
"""Seconds between two looks at an exchange's list of instruments."""
CLOCK_KEPT: Final = 10.0
"""Seconds for which a look at an exchange's clock must do, whoever asks for another."""
PATIENCE: Final = 5.0
"""Seconds after the start for which clients wait for a list that is not there yet."""
YIELDING: Final = 60.0
"""Seconds for which all else goes first, once there is a list."""


class Reference:
    """
    One exchange's instruments and clock. Event-loop only; :meth:`run` is all that fetches.

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
        self._looks = Looks()
        self._listed_at = 0.0
        self._bell = Bell()
        self._patience_ends = asyncio.get_running_loop().time() + PATIENCE

    def resync_clock(self) -> None:
        """Ask the exchange what time it is."""
        self._bell.ring()

    async def instruments(self) -> Instruments | None:
        """Return the list, waiting for the first one a little; :obj:`None` while there is none."""
        if not self._answered.is_set():
            try:
                async with asyncio.timeout_at(self._patience_ends):
                    await self._answered.wait()
            except TimeoutError:
                return None
        return self._ground.instruments if self.is_listed else None

    async def find(self, written: str) -> Instrument:
        """
        Return the instrument that a client means, once there is a list.

        One that is not on the list may have been listed since: then a newer list is waited for, but
        not for long, nor more often than once a minute.

        Raises:
            SubscriptionError: ``unknown_symbol``, which is ``temporary`` where no newer list could be had, or
                ``ambiguous_symbol``.
        """
        try:
            return self._ground.instruments.find(self._ground.exchange, written)
        except SubscriptionError as unknown:
            if unknown.code != "unknown_symbol":
                raise
        await self._looks.another()
        try:
            return self._ground.instruments.find(self._ground.exchange, written)
        except SubscriptionError as unknown:
            raise self._as_of_now(unknown) from None

    def _as_of_now(self, unknown: SubscriptionError) -> SubscriptionError:
        age = self._ground.now() - self._listed_at
        if age < APART:
            return unknown
        why = self.problem or "a newer one is on its way"
        text = f"{unknown.message} (its list is {age / 60:.0f} minutes old: {why})"
        return SubscriptionError(unknown.code, text, temporary=True)

    async def run(self) -> None:
        """Fetch what is due, for ever."""
        name = f"gateway reference {self._ground.exchange}"
        await together(self._keep_list(), self._keep_clock(), name=name)

    async def _keep_list(self) -> NoReturn:
        while True:
            delay = await self._renew()
            await self._looks.next(delay, failed=bool(self.problem))

    async def _keep_clock(self) -> NoReturn:
        while True:
            await self._bell.rung()
            if fault := await self._failure_of(self._fetch_time):
                self._judge.wait_after(fault)  # a limited address is kept quiet
            await asyncio.sleep(CLOCK_KEPT)

    async def _renew(self) -> float:
        """Fetch the list, and return after how many seconds to do it again."""
        fault = await self._failure_of(self._fetch_list)
        if fault is None:
            self.problem = ""
            return REFRESH
        decision = self._judge.decide(fault, worked=False)
        if isinstance(decision, Retry):
            self.problem = self._judge.words(fault)
            return decision.delay
        self.problem = decision.text
        return REFRESH

    async def _failure_of(self, fetch: Callable[[], Awaitable[None]]) -> ConnectionFault | PluginError | None:
        try:
            await fetch()
        except (ConnectionFault, PluginError) as fault:
            self._ground.observer.noticed(self._name, 0, "reference_failed", text=self._judge.words(fault))
            return fault
        return None

    async def _fetch_list(self) -> None:
        conversation = self._ground.binding.instruments(self._target)
        if conversation is None:
            self.has_list = False
            self._answered.set()
            return
        yields_until = self._ground.now() + YIELDING if self.is_listed else 0.0
        changes = self.listings.take(await self._rest.converse(conversation, yields_until=yields_until))
        self.is_listed, self._listed_at = True, self._ground.now()
        self._answered.set()
        self._listed(changes)

    async def _fetch_time(self) -> None:
        conversation = self._ground.binding.server_time(self._target)
        if conversation is None:
            return
        sent_us = self._ground.wall_us()
        theirs_us = await self._rest.converse(conversation)
        self._clock.correct(theirs_us, sent_us=sent_us, received_us=self._ground.wall_us())
