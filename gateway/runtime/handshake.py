"""
Drives a plugin's handshake: performs each step it yields and sends back the result.

The whole has one deadline; only the wait for the exchange's own limits does not
count towards it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from gateway.errors import ConnectionFault, PluginError, ProtocolViolation, UpgradeRefused
from gateway.model.states import Phase
from gateway.net.transport import Kind, Transport
from gateway.runtime.deadlines import deadline
from gateway.runtime.rest import REFUSED, Rest
from gateway.runtime.writer import Writer
from gateway.spi.contract import Handshake, Session
from gateway.spi.steps import Fetch, HttpReply, Open, Receive, Send, Step
from gateway.telemetry import SCRUBBER

PATIENCE = 10.0
"""Seconds for dial, upgrade and login together."""


class Opening:
    """
    One attempt to open a connection.

    Args:
        exchange: named where its plugin breaks the contract.
        rest: performs and pays for REST steps and dials.
        dial: opens the socket.
        equip: makes the writer of the socket that was opened; whoever calls
            :meth:`perform` owns both from then on, however it ends.
        entered: told of each phase.
        during: told of each step.
    """

    def __init__(
        self,
        exchange: str,
        rest: Rest,
        dial: Callable[[Open], Any],
        equip: Callable[[Transport], Writer],
        entered: Callable[[Phase], None],
        during: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._exchange = exchange
        self._rest = rest
        self._dial = dial
        self._equip = equip
        self._entered = entered
        self._during = during
        self._transport: Transport | None = None
        self._writer: Writer | None = None
        self._timer: asyncio.Timeout | None = None

    async def perform(self, handshake: Handshake) -> Session:
        """
        Drive ``handshake`` to its end.

        Raises:
            ConnectionFault: If the exchange refuses, stays silent or is not there.
            PluginError: If the plugin breaks the contract.
        """
        self._entered(Phase.DIAL)
        try:
            async with deadline(PATIENCE, "connection") as self._timer:
                return await self._drive(handshake)
        finally:
            handshake.close()

    async def _drive(self, handshake: Handshake) -> Session:
        try:
            step = next(handshake)
            while True:
                try:
                    result = await self._perform(step)
                except ConnectionFault as fault:
                    step = handshake.throw(fault)
                else:
                    step = handshake.send(result)
        except StopIteration as end:
            return self._established(end.value)
        except (ConnectionFault, PluginError, asyncio.CancelledError, TimeoutError):
            raise
        except ValueError as exc:
            raise ProtocolViolation(f"senseless answer during the handshake ({type(exc).__name__})") from exc
        except Exception as exc:
            raise PluginError(self._exchange, f"gateway_handshake raised {type(exc).__name__}") from exc

    def _established(self, session: object) -> Session:
        if not isinstance(session, Session):
            raise PluginError(
                self._exchange, f"gateway_handshake must return a Session, not {type(session).__name__}"
            )
        if self._transport is None:
            raise PluginError(self._exchange, "gateway_handshake opened no connection")
        return session

    async def _perform(self, step: Step) -> Any:
        with self._during(type(step).__name__.lower()):
            match step:
                case Fetch():
                    return await self._fetch(step)
                case Open():
                    return await self._open(step)
                case Send():
                    return self._opened()[1].send(step.frame, step.cost)
                case Receive():
                    return await self._receive(step.within)
                case _:
                    raise PluginError(self._exchange, f"gateway_handshake yielded {type(step).__name__}, no step")

    async def _fetch(self, step: Fetch) -> HttpReply:
        reply = await self._rest.fetch(step, self._spare)
        if reply.status < REFUSED:
            SCRUBBER.know_handed_out(reply.body)
        return reply

    def _spare(self, seconds: float) -> None:
        """Give a wait for the exchange's limits back to the deadline."""
        when = self._timer.when() if self._timer is not None else None
        if self._timer is not None and when is not None:
            self._timer.reschedule(when + seconds)

    async def _open(self, step: Open) -> None:
        if self._transport is not None:
            raise PluginError(self._exchange, "gateway_handshake opened a second connection")
        await self._rest.pay(step.cost, self._spare)
        try:
            self._transport = await self._dial(step)
        except UpgradeRefused as refused:
            refused.body = SCRUBBER.scrub_bytes(refused.body)
            raise
        self._writer = self._equip(self._transport)
        self._entered(Phase.LOGIN)

    def _opened(self) -> tuple[Transport, Writer]:
        if self._transport is None or self._writer is None:
            raise PluginError(self._exchange, "gateway_handshake must open a connection first")
        return self._transport, self._writer

    async def _receive(self, within: float) -> bytes:
        transport, writer = self._opened()
        async with deadline(within, "answer to the login"):
            while True:
                kind, payload = await transport.receive()
                if kind is Kind.PING:
                    writer.pong(payload)
                elif kind is not Kind.PONG:
                    return SCRUBBER.scrub_bytes(payload)  # a refusal may repeat what it was shown
