"""The simplest epoch that there can be, so that what goes wrong is the supervisor's."""

import asyncio
from functools import partial
from random import Random

from supervised import T_CLOSE, World

from gateway.engine.retry import GiveUp, Retry, RetryPolicy, usual_verdict
from gateway.errors import ConnectionFault, GatewayError, Reason
from gateway.net.transport import Kind, Transport
from gateway.runtime.attempt import Attempt, Candidate, Ties
from gateway.runtime.deadlines import deadline
from gateway.spi.steps import Open
from gateway.testing.memory import Accept, Dialled, Hang, MemoryNetwork, Refuse, RefuseUpgrade
from gateway.testing.memory_peer import MemoryPeer


class Played(World):
    """Two words are said and answered, then it is up; every step can be held up or fail."""

    modes = ("ok", "refuse", "hang", "silent", "unavailable", "forbidden")
    handshake = 10.0

    def __init__(self, seed: int) -> None:
        self.worked = False
        self.policy = RetryPolicy(Random(seed), self.wall_us)
        super().__init__(seed)

    def make_network(self) -> MemoryNetwork:
        return MemoryNetwork(self._dial)

    def make_attempt(self, number: int, ties: Ties) -> Attempt:
        return PlayedAttempt(self, number, ties)

    def make_candidate(self, number: int, ties: Ties) -> Candidate:
        return PlayedAttempt(self, number, ties)

    def judge(self, fault: GatewayError) -> Retry | GiveUp:
        verdict = usual_verdict(fault) if isinstance(fault, ConnectionFault) else None
        return self.policy.decide(fault, verdict, worked=self.worked)

    def established(self, peer: MemoryPeer) -> bool:
        return isinstance(peer.hearing, PlayedPeer) and peer.hearing.answered == 2

    def _dial(self, step: Open) -> Dialled:
        match self.mode:
            case "refuse":
                return Refuse()
            case "hang":
                return Hang()
            case "unavailable":
                return RefuseUpgrade(503)
            case "forbidden":
                return RefuseUpgrade(401)
            case _:
                return Accept(partial(PlayedPeer, self))


class PlayedPeer:
    """Answers each word a moment later, unless the world is silent."""

    def __init__(self, world: World, peer: MemoryPeer) -> None:
        self.answered = 0
        self._world = world
        self._peer = peer
        self._later: list[asyncio.TimerHandle] = []
        peer.hearing = self

    def heard(self, kind: Kind, payload: bytes) -> None:
        self._later.append(asyncio.get_running_loop().call_later(0.02, self._answer))

    def ended(self) -> None:
        for handle in self._later:
            handle.cancel()

    def _answer(self) -> None:
        if self._world.mode != "silent" and not self._peer.closed:
            self.answered += 1
            self._peer.say("ok")


class PlayedAttempt:
    """Dial, log in, restore, listen; whoever cancels it twice tears its clean-up apart."""

    def __init__(self, world: Played, number: int, ties: Ties) -> None:
        self._world = world
        self._number = number
        self._ties = ties
        self._fault: GatewayError | None = None
        self._interrupt: asyncio.Timeout | None = None
        self._transport: Transport | None = None
        self._restored_at = 0.0

    def is_ready(self) -> bool:
        """After a while, and unless it is mute."""
        return self._world.mode != "silent" and self._world.loop.time() - self._restored_at >= 0.5

    def take_over(self, reason: Reason) -> None:
        """There is nobody to tell."""

    async def live(self) -> None:
        self._world.worked = False
        try:
            async with asyncio.timeout(None) as self._interrupt:
                await self._serve()
        except asyncio.CancelledError:
            raise
        except BaseException as exc:
            self._ties.succeed(Reason.CLOSED_BY_PEER)
            if self._fault is None or not isinstance(exc, TimeoutError):
                raise
            raise self._fault from None
        finally:
            self._interrupt = None

    def fail(self, fault: GatewayError) -> None:
        if self._fault is None and self._interrupt is not None:
            self._fault = fault
            self._interrupt.reschedule(asyncio.get_running_loop().time())

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.close(within=T_CLOSE)

    async def _serve(self) -> None:
        try:
            async with deadline(self._world.handshake, "connection"):
                self._transport = await self._world.network.open(Open("ws://played"), max_frame=1000)
                for word in ("login", "restore"):
                    await self._transport.send(word)
                    await self._transport.receive()
            self._restored_at = self._world.loop.time()
            self._ties.up()
            await self._transport.pump(self._datum, lambda *_: None)
        finally:
            await self._tidy_up()

    def _datum(self, payload: bytes, binary: bool) -> None:
        self._world.worked = True

    async def _tidy_up(self) -> None:
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._count_cancels()
            raise

    def _count_cancels(self) -> None:
        task = asyncio.current_task()
        allowed = 1 + (self._fault is not None)  # which the interrupt has cancelled, too
        if task is not None and task.cancelling() > allowed and self._number not in self._world.strays:
            self._world.wrong.append("an epoch was cancelled twice")
