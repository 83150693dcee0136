"""
The one writer of a connection: it paces what we ask and sends what cannot wait at once.

Requests wait for the exchange's limits; pongs and pings do not, but are counted
in them. A send is never cancelled: the writer ends when its transport does.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.engine.budgets import ConnectionBudgets
from gateway.errors import ConnectionFault, GatewayError, PluginError, Reason
from gateway.net.transport import Transport
from gateway.spi.steps import Frame

MAX_WAITING: Final = 10_000
"""Requests that may wait: a plugin that needs more asks for too few streams in each."""
MAX_URGENT: Final = 64
"""Pings, pongs and replies that may wait; further ones are left out, for such a peer does not read."""


@dataclass(frozen=True, slots=True)
class _Paced:
    frame: Frame
    cost: Mapping[str, int]
    sent: Callable[[], None] | None


class Writer:
    """
    Owns the sending half of ``transport``. Event-loop only.

    Args:
        exchange: named where its plugin's frames or costs make no sense.
        transport: an open one; it is aborted when a send fails.
        budgets: the limits that this connection lives under.
        now: monotonic seconds.
        failed: told why nothing more can be sent, if it comes to that.
        spare: see :class:`~gateway.runtime.attempt.Ties`.
    """

    def __init__(
        self,
        exchange: str,
        transport: Transport,
        budgets: ConnectionBudgets,
        now: Callable[[], float],
        failed: Callable[[GatewayError], None],
        spare: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.frames = 0
        self.bytes = 0
        self._exchange = exchange
        self._transport = transport
        self._budgets = budgets
        self._now = now
        self._failed = failed
        self._spare = spare
        self._urgent: deque[Callable[[], Awaitable[None]]] = deque()
        self._paced: deque[_Paced] = deque()
        self._bell = asyncio.Event()
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="gateway writer")

    @property
    def waiting(self) -> int:
        """How many requests wait for the exchange's limits."""
        return len(self._paced)

    def send(self, frame: Frame, cost: Mapping[str, int], sent: Callable[[], None] | None = None) -> None:
        """
        Queue ``frame``; ``sent`` is called once it is on its way.

        Raises:
            PluginError: If the frame cannot be sent, the cost cannot be paid, or too many wait.
        """
        self._check(frame)
        self._check_cost(cost)
        if len(self._paced) >= MAX_WAITING:
            raise PluginError(
                self._exchange, f"more than {MAX_WAITING} requests wait to be sent; each must ask for more streams"
            )
        self._paced.append(_Paced(frame, cost, sent))
        self._bell.set()

    def ping(self, payload: bytes) -> None:
        """Send a ping before everything that waits."""
        self._at_once(partial(self._transport.ping, payload))

    def pong(self, payload: bytes) -> None:
        """Answer a ping before everything that waits."""
        self._at_once(partial(self._transport.pong, payload))

    def reply(self, frame: Frame) -> None:
        """
        Send what the exchange wants answered at once before everything that waits.

        Raises:
            PluginError: If the frame cannot be sent.
        """
        self._check(frame)
        self._at_once(partial(self._transport.send, frame))

    async def stop(self) -> None:
        """Wait for the writer's end; the transport must have been closed first, so that no send lingers."""
        self._stopping = True
        self._bell.set()
        await self._task

    # --- what a plugin may ask for

    def _check(self, frame: object) -> None:
        if not isinstance(frame, bytes) and not (isinstance(frame, str) and _is_utf8(frame)):
            raise PluginError(self._exchange, "a frame must be bytes, or text that UTF-8 can express")

    def _check_cost(self, cost: Mapping[str, int]) -> None:
        try:
            self._budgets.wait(cost, self._now())
        except ValueError as exc:
            raise PluginError(self._exchange, str(exc)) from exc
        except Exception as exc:
            raise PluginError(self._exchange, "a cost must be a mapping of limits to units") from exc

    # --- the one task

    def _at_once(self, send: Callable[[], Awaitable[None]]) -> None:
        if len(self._urgent) < MAX_URGENT:
            self._urgent.append(send)
            self._bell.set()

    async def _run(self) -> None:
        try:
            while not self._stopping:
                self._bell.clear()
                if self._urgent:
                    await self._send_urgent()
                elif self._paced:
                    await self._send_paced()
                else:
                    await self._bell.wait()
        except ConnectionFault as fault:
            self._end(fault)
        except Exception as exc:  # noqa: BLE001  # a writer that died in silence would leave a mute connection
            self._end(ConnectionFault(f"unexpected {type(exc).__name__}", reason=Reason.INTERNAL_ERROR))

    def _end(self, fault: ConnectionFault) -> None:
        self._failed(fault)
        self._transport.abort()

    async def _send_urgent(self) -> None:
        send = self._urgent.popleft()
        self._budgets.charge_control_frame(self._now())
        await send()

    async def _send_paced(self) -> None:
        request = self._paced[0]
        wait = self._budgets.wait(request.cost, self._now())
        if wait > 0:
            await self._rest(wait)
            return
        self._paced.popleft()
        self._budgets.take(request.cost, self._now())
        self.frames += 1
        self.bytes += len(request.frame)
        if request.sent is not None:
            request.sent()
        await self._transport.send(request.frame)

    async def _rest(self, seconds: float) -> None:
        began = self._now()
        self._spare(seconds)
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return
        self._spare(self._now() - began - seconds)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
