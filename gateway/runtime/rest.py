"""REST towards one exchange: every request is paid for first, and every reply corrects what we think was used."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from gateway.engine.budgets import ConnectionBudgets
from gateway.errors import ConnectionFault, PluginError, ProtocolViolation
from gateway.net.transport import Network
from gateway.runtime.deadlines import deadline
from gateway.spi.contract import Limit
from gateway.spi.steps import Conversation, Fetch, HttpReply
from gateway.telemetry import SCRUBBER

T = TypeVar("T")
PATIENCE: Final = 10.0
"""Seconds for one reply."""
REFUSED: Final = 400
"""From this status on a reply says what is wrong, and may repeat whatever it was shown."""
DIGITS: Final = 9
"""Of a count that can be meant."""


class Rest:
    """
    Performs an exchange's REST requests. Event-loop only.

    Args:
        exchange: named where its plugin breaks the contract.
        network: does the work.
        budgets: the limits of the IP and the account.
        limits: the exchange's, for their usage headers.
        now: monotonic seconds.
        asked: told of each request's URL, and of the status of its reply if one came.
    """

    def __init__(  # its seams, bound once
        self,
        exchange: str,
        network: Network,
        budgets: ConnectionBudgets,
        limits: tuple[Limit, ...],
        now: Callable[[], float],
        asked: Callable[[str, int | None], None] = lambda *_: None,
    ) -> None:
        self._asked = asked
        self._exchange = exchange
        self._network = network
        self._budgets = budgets
        self._headers = {limit.usage_header: limit.name for limit in limits if limit.usage_header}
        self._now = now

    async def pay(
        self,
        cost: Mapping[str, int],
        spare: Callable[[float], None] | None = None,
        *,
        yields_until: float = 0.0,
    ) -> None:
        """
        Wait until ``cost`` can be had and take it; ``spare`` is told of each wait before it begins.

        Until ``yields_until``, monotonic seconds, others go first: a reserve of each limit is left to them.
        Nothing is had while the exchange wants to hear nothing of us, even what costs nothing.

        Raises:
            PluginError: If the cost names a limit that the exchange does not declare.
        """
        try:
            while (wait := self._wait(cost, yields_until)) > 0:
                if spare is not None:
                    spare(wait)
                await asyncio.sleep(wait)
            self._budgets.take(cost, self._now())
        except ValueError as exc:
            raise PluginError(self._exchange, str(exc)) from exc

    def _wait(self, cost: Mapping[str, int], yields_until: float) -> float:
        now = self._now()
        quiet, yielding = self._budgets.quiet(now), yields_until - now
        if yielding <= 0:
            return max(quiet, self._budgets.wait(cost, now))
        return min(yielding, max(quiet, self._budgets.wait(cost, now, yields=True)))

    async def fetch(
        self, request: Fetch, spare: Callable[[float], None] | None = None, *, yields_until: float = 0.0
    ) -> HttpReply:
        """
        Return the reply to ``request``, whatever its status; the rest as in :meth:`pay`.

        Raises:
            TransportLost: If no reply came about.
            PeerSilent: If it took too long.
        """
        await self.pay(request.cost, spare, yields_until=yields_until)
        status = None
        try:
            async with deadline(PATIENCE, "REST reply"):
                reply = await self._network.fetch(request)
            status = reply.status
        finally:
            self._asked(request.url, status)
        self._correct(reply)
        return replace(reply, body=SCRUBBER.scrub_bytes(reply.body)) if reply.status >= REFUSED else reply

    async def converse(
        self,
        conversation: Conversation[T],
        spare: Callable[[float], None] | None = None,
        *,
        yields_until: float = 0.0,
    ) -> T:
        """
        Drive ``conversation`` to its end and return its value; the rest as in :meth:`pay`.

        Raises:
            ConnectionFault: What the exchange or the network did.
            PluginError: What the plugin did.
        """
        try:
            request = next(conversation)
            while True:
                reply = await self.fetch(self._checked(request), spare, yields_until=yields_until)
                request = conversation.send(reply)
        except StopIteration as end:
            value: T = end.value
            return value
        except (ConnectionFault, PluginError):
            raise
        except ValueError as exc:
            raise ProtocolViolation(f"senseless REST reply ({type(exc).__name__})") from exc
        except Exception as exc:
            raise PluginError(self._exchange, f"its conversation raised {type(exc).__name__}") from exc
        finally:
            with suppress(Exception):  # what ended it matters more than what it says to that
                conversation.close()

    def _checked(self, request: object) -> Fetch:
        if not isinstance(request, Fetch):
            raise PluginError(self._exchange, f"a conversation may only fetch, not {type(request).__name__}")
        return request

    def _correct(self, reply: HttpReply) -> None:
        for header, limit in self._headers.items():
            used = reply.headers.get(header, "")
            if used.isdecimal() and len(used) <= DIGITS:
                self._budgets.correct(limit, int(used), self._now())
