"""
One dial of a connection, from the first step of its handshake to the last byte given back.

Whatever ends it is raised by :meth:`Epoch.live`: by then nothing of this epoch is
heard any more, every stream has been told, and only the clean-up of
:meth:`Epoch.close` is left.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final, NoReturn

from gateway.errors import ConnectionFault, GatewayError, PluginError, ProtocolViolation, Reason
from gateway.model.states import Phase
from gateway.net.transport import Transport
from gateway.runtime.attempt import Ties
from gateway.runtime.connection import Connection
from gateway.runtime.ground import Ground
from gateway.runtime.handshake import Opening
from gateway.runtime.judge import Judge
from gateway.runtime.means import Means
from gateway.runtime.rest import Rest
from gateway.runtime.service import Service
from gateway.runtime.writer import Writer
from gateway.spi.contract import Session
from gateway.spi.steps import Open

CLOSING: Final = 3.0
"""Seconds that a socket may take to close politely."""
RELEASING: Final = 2.0
"""Seconds that giving a session back may take."""


class Epoch:
    """
    An :class:`~gateway.runtime.attempt.Attempt`. Event-loop only.

    Args:
        number: of the epoch; fences whatever comes too late.
        connection: which it serves.
        ground: what all connections of the exchange stand on.
        judge: says what faults mean.
        ties: to its supervisor.
    """

    def __init__(self, number: int, connection: Connection, ground: Ground, judge: Judge, ties: Ties) -> None:
        self.number = number
        self._connection = connection
        self._ground = ground
        self._judge = judge
        self._ties = ties
        self._budgets = ground.budgets.for_connection(ground.info.limits, connection.account, ground.exchange)
        self._rest = Rest(
            ground.exchange, ground.network, self._budgets, ground.info.limits, ground.now, ground.asked
        )
        self._given_up = False
        self._fault: GatewayError | None = None
        self._is_deaf = False
        """Whether the peer has missed a heartbeat: it would not hear a goodbye either."""
        self._close_code = 1000
        self._interrupt: asyncio.Timeout | None = None
        self._session = Session()
        self._transport: Transport | None = None
        self._writer: Writer | None = None
        self._service: Service | None = None

    # --- its life, driven by the supervisor

    async def live(self) -> None:
        """Open, restore and serve; ends only by raising, with every stream told unless another epoch serves it."""
        reason = Reason.INTERNAL_ERROR
        try:
            await self._until_failed()
        except asyncio.CancelledError:
            self._given_up = True
            reason = Reason.STOPPED
            raise
        except ConnectionFault as fault:
            reason = fault.reason
            self._is_deaf = reason is Reason.HEARTBEAT_MISSED
            if isinstance(fault, ProtocolViolation):
                self._close_code = fault.close_code
            raise
        except PluginError:
            reason = Reason.PLUGIN_ERROR
            raise
        finally:
            self._over(reason)

    def fail(self, fault: GatewayError) -> None:
        """End :meth:`live` with ``fault``; the first stands, and nothing happens once it has ended."""
        if self._fault is None and self._interrupt is not None:
            self._fault = fault
            self._interrupt.reschedule(asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Give everything back; bounded, whatever the peer does."""
        if self._transport is None:
            return
        with self._during("close"):
            try:
                await self._part(self._transport)
            finally:
                self._transport.abort()  # one that is closed stays so

    async def _until_failed(self) -> None:
        try:
            async with asyncio.timeout(None) as self._interrupt:
                await self._run()
        except (TimeoutError, GatewayError):
            if self._fault is None:
                raise
            raise self._fault from None
        finally:
            self._interrupt = None

    def _over(self, reason: Reason) -> None:
        """Nothing of this epoch is heard from here on: tell every stream, in the same step."""
        connection = self._connection
        if not self._given_up and self._ties.succeed(reason):
            return
        connection.serving = None
        if self._service is not None:
            self._service.stop()
        connection.end_overlap()
        at_us = self._ground.wall_us()
        for feed in connection.feeds.values():
            feed.broke(reason, at_us)

    async def _part(self, transport: Transport) -> None:
        if self._service is not None:
            await self._service.close()
        giving_back = asyncio.create_task(self._give_back())  # meanwhile: a peer may not answer its Close
        try:
            await self._hang_up(transport)
        finally:
            await giving_back

    async def _hang_up(self, transport: Transport) -> None:
        if self._is_deaf:
            transport.abort()
        else:
            await transport.close(self._close_code, within=CLOSING)
        if self._writer is not None:
            await self._writer.stop()

    async def _give_back(self) -> None:
        """Give the session back, if nobody will need it."""
        if not self._given_up or self._connection.set_aside or self._session.release is None:
            return
        try:
            async with asyncio.timeout(RELEASING):
                await self._rest.fetch(self._session.release)
        except (TimeoutError, ConnectionFault, PluginError) as fault:
            self._notice("release_failed", type(fault).__name__)

    # --- what it does

    async def _run(self) -> NoReturn:
        connection = self._connection
        streams = connection.begin_epoch()
        self._session = await self._open(streams)
        if self._transport is None or self._writer is None:
            raise AssertionError("a handshake that ended well has opened a socket")
        self._service = Service(
            Means(
                number=self.number,
                connection=connection,
                ground=self._ground,
                judge=self._judge,
                rest=self._rest,
                session=self._session,
                transport=self._transport,
                writer=self._writer,
                during=self._during,
                notice=self._notice,
                fail=self.fail,
                ties=self._ties,
            )
        )
        connection.serving = self._service
        self._enter(Phase.RESTORE)
        await self._service.run(streams)

    async def _open(self, streams: Sequence[str]) -> Session:
        handshake = self._ground.binding.handshake(self._connection.target, streams)
        opening = Opening(self._ground.exchange, self._rest, self._dial, self._equip, self._enter, self._during)
        return await opening.perform(handshake)

    async def _dial(self, step: Open) -> Transport:
        self._connection.counters.dials += 1
        self._ground.asked(step.url)
        limit = self._connection.endpoint.max_frame
        self._transport = await self._ground.network.open(step, max_frame=limit)
        return self._transport

    def _equip(self, transport: Transport) -> Writer:
        ground, spare = self._ground, self._ties.spare
        self._writer = Writer(ground.exchange, transport, self._budgets, ground.now, self.fail, spare)
        return self._writer

    def _enter(self, phase: Phase) -> None:
        if self._ground.registry.set_phase(self._connection.id, phase, epoch=self.number):
            self._ground.observer.entered(self._connection.id, self.number, phase)

    def _during(self, what: str) -> AbstractContextManager[None]:
        return self._ground.observer.during(self._connection.id, self.number, what)

    def _notice(self, what: str, text: str) -> None:
        self._ground.observer.noticed(self._connection.id, self.number, what, text=text)
