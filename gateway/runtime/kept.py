"""
Answers of an exchange that are kept for a while, and asked for once however many wait for them.

Whoever cannot wait for the exchange's limits is told how long that would take; what the gateway
itself needs of them goes first.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from gateway.engine.budgets import ConnectionBudgets
from gateway.errors import ConnectionFault, GatewayError, PluginError, ReplyRefused
from gateway.runtime.rest import Rest
from gateway.spi.native import NativeFetch
from gateway.spi.steps import Fetch, HttpReply

AT_ONCE: Final = 4
"""Requests that are made at the same time."""
WAITING: Final = 64
"""Requests that may wait for their turn; one more is told to come again."""
PATIENCE: Final = 5.0
"""Seconds for which a request waits for the exchange's limits."""
ANSWERS: Final = 256
BYTES: Final = 64 * 1024 * 1024
"""What may be kept; beyond either the oldest go."""
BAD: Final = 400


class Unavailable(Exception):  # noqa: N818  # it is no error of anybody's
    """
    There is no answer now.

    Args:
        after: in how many seconds there may be one, where that is known.
    """

    def __init__(self, after: float | None) -> None:
        super().__init__(after)
        self.after = after


@dataclass(frozen=True, slots=True)
class _Answer:
    reply: HttpReply
    until: float


class Kept:
    """
    One exchange's. Event-loop only.

    Args:
        rest: asks.
        budgets: the limits of this address.
        failed: told of what befell a request, before anybody else is.
        now: monotonic seconds.
    """

    def __init__(
        self,
        rest: Rest,
        budgets: ConnectionBudgets,
        failed: Callable[[GatewayError], None],
        now: Callable[[], float],
    ) -> None:
        self._rest = rest
        self._budgets = budgets
        self._failed = failed
        self._now = now
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[str, _Answer] = {}  # the oldest first
        self._asked: dict[str, asyncio.Task[HttpReply | Unavailable]] = {}

    async def get(self, wish: NativeFetch) -> HttpReply:
        """
        Return what is kept, or what comes of asking; who gives up waiting takes it from nobody else.

        Raises:
            Unavailable: If it cannot be had now.
        """
        key = f"{wish.request.method} {wish.request.url}"
        answer = self._answers.get(key)
        if answer is not None and self._now() < answer.until:
            return answer.reply
        task = self._asked.get(key)
        if task is None:
            if len(self._asked) >= WAITING:
                raise Unavailable(PATIENCE)
            task = asyncio.create_task(self._ask(key, wish), name="gateway native request")
            self._asked[key] = task
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        result = await asyncio.shield(task)
        if isinstance(result, Unavailable):
            raise Unavailable(result.after)
        return result

    async def close(self) -> None:
        """Give up whatever is being asked."""
        tasks = tuple(self._asked.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _ask(self, key: str, wish: NativeFetch) -> HttpReply | Unavailable:
        try:
            async with self._turns:
                reply = await self._fetch(wish.request)
        except Unavailable as later:
            return later
        except (ConnectionFault, PluginError) as fault:
            self._failed(fault)
            return Unavailable(None)
        if reply.status >= BAD:
            self._failed(ReplyRefused(reply.status, reply.headers, reply.body))
        elif wish.keep > 0:
            self._keep(key, _Answer(reply, self._now() + wish.keep))
        return reply

    async def _fetch(self, request: Fetch) -> HttpReply:
        deadline = self._now() + PATIENCE
        while (wait := self._wait(request)) > 0:
            if self._now() + wait > deadline:
                raise Unavailable(ceil(wait))
            await asyncio.sleep(wait)
        return await self._rest.fetch(request)

    def _wait(self, request: Fetch) -> float:
        now = self._now()
        try:
            return max(self._budgets.quiet(now), self._budgets.wait(request.cost, now, yields=True))
        except ValueError:
            return 0.0  # what is wrong with the cost is said when it is paid

    def _keep(self, key: str, answer: _Answer) -> None:
        self._answers.pop(key, None)
        self._answers[key] = answer
        now = self._now()
        held = sum(len(one.reply.body) for one in self._answers.values())
        for oldest in tuple(self._answers):
            kept = self._answers[oldest]
            if kept.until > now and len(self._answers) <= ANSWERS and held <= BYTES:
                continue
            held -= len(kept.reply.body)
            del self._answers[oldest]
