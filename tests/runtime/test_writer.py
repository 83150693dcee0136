"""What is sent in which order and at which pace, and what becomes of a writer that cannot send."""

import asyncio
from typing import Self

import pytest

from gateway.engine.budgets import Budgets
from gateway.errors import ConnectionFault, PluginError, Reason
from gateway.runtime import writer as module
from gateway.runtime.writer import MAX_URGENT, Writer
from gateway.spi.contract import Limit, Scope
from gateway.spi.steps import Open
from gateway.testing.memory import MemoryNetwork
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.virtual import virtually

MESSAGES = Limit("messages", 10, per=1.0, scope=Scope.CONNECTION, counts_control_frames=True)
ONE = {"messages": 1}


class Desk:
    """A writer, the far side of its socket, and what it complained of."""

    def __init__(self, *limits: Limit) -> None:
        self.limits = limits or (MESSAGES,)
        self.faults: list[Exception] = []
        self.sent: list[tuple[float, str]] = []

    async def __aenter__(self) -> Self:
        network = MemoryNetwork()
        self.transport = await network.open(Open("ws://memory"), max_frame=1000)
        self.peer: MemoryPeer = network.peers[0]
        budgets = Budgets().for_connection(self.limits, None)
        now = asyncio.get_running_loop().time
        self.spared: list[float] = []
        self.writer = Writer("mock", self.transport, budgets, now, self.faults.append, self.spared.append)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.close()
        await self.writer.stop()
        assert self.peer.torn_sends == 0

    def send(self, text: str, cost=ONE) -> None:
        now = asyncio.get_running_loop().time
        self.writer.send(text, cost, lambda: self.sent.append((now(), text)))


@virtually
async def test_requests_go_out_in_their_order_at_the_pace_of_the_limit() -> None:
    """Nine of ten a second, less one unit that is left for a pong: eight, and eight more a second later."""
    async with Desk() as desk:
        for number in range(20):
            desk.send(str(number))
        await asyncio.sleep(10)
        assert desk.peer.sent == [str(number) for number in range(20)]
        assert [at for at, _ in desk.sent] == [0.0] * 8 + [1.0] * 8 + [2.0] * 4
        assert (desk.writer.frames, desk.writer.bytes) == (20, 30)


@virtually
async def test_waits_for_the_limit_are_told_before_they_begin_and_what_was_not_needed_after() -> None:
    async with Desk() as desk:
        for number in range(9):
            desk.send(str(number))
        await asyncio.sleep(0.75)
        assert desk.spared == [1.0]
        desk.writer.pong(b"pong")
        await asyncio.sleep(0.1)
        assert desk.spared == [1.0, -0.25, 0.25]
        await asyncio.sleep(5)
        assert sum(desk.spared) == 1.0
        assert [at for at, _ in desk.sent][-1] == 1.0


@virtually
async def test_pongs_pings_and_replies_overtake_what_waits_and_are_counted() -> None:
    async with Desk() as desk:
        for number in range(9):
            desk.send(str(number))
        await asyncio.sleep(0.5)
        assert len(desk.peer.sent) == 8
        desk.writer.pong(b"pong")
        desk.writer.ping(b"ping")
        desk.writer.reply("reply")
        await asyncio.sleep(0.1)
        assert (desk.peer.pongs, desk.peer.pings) == ([b"pong"], [b"ping"])
        assert desk.peer.sent[8:] == ["reply"]
        assert desk.writer.frames == 8, "what is sent at once is no request"
        await asyncio.sleep(0.5)
        assert desk.peer.sent[9:] == ["8"], "room again when the first eight have left the window"
        assert desk.sent[-1] == (1.0, "8")


@virtually
async def test_what_is_sent_at_once_takes_its_part_of_the_limit() -> None:
    async with Desk() as desk:
        for number in range(5):
            desk.writer.pong(b"%d" % number)
        await asyncio.sleep(0)
        for number in range(8):
            desk.send(str(number))
        await asyncio.sleep(10)
        assert [at for at, _ in desk.sent] == [0.0] * 3 + [1.0] * 5


@virtually
async def test_a_peer_that_does_not_read_makes_no_queue_of_pongs_grow() -> None:
    async with Desk() as desk:
        desk.peer.send_takes = 1.0
        desk.writer.pong(b"first")
        await asyncio.sleep(0.5)
        for number in range(MAX_URGENT * 10):
            desk.writer.pong(b"%d" % number)
        await asyncio.sleep(1000)
        assert desk.peer.pongs == [b"first", *(b"%d" % number for number in range(MAX_URGENT))]


@virtually
async def test_too_many_requests_are_the_plugins_fault() -> None:
    async with Desk() as desk:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MAX_WAITING", 3)
            for number in range(3):
                desk.send(str(number))
            with pytest.raises(PluginError, match="more than 3 requests wait to be sent"):
                desk.send("one too many")


@pytest.mark.parametrize(
    ("frame", "cost", "problem"),
    [
        ("x", {"mesages": 1}, "cost names undeclared limits: mesages"),
        ("x", {"messages": 9}, "limit messages allows 8 units at once, not 9"),
        ("x", {"messages": "1"}, "a cost must be a mapping of limits to units"),
        ("x", None, "a cost must be a mapping of limits to units"),
        ("\ud800", {}, "a frame must be bytes, or text that UTF-8 can express"),
        (None, {}, "a frame must be bytes, or text that UTF-8 can express"),
        (bytearray(b"x"), {}, "a frame must be bytes, or text that UTF-8 can express"),
    ],
)
@virtually
async def test_a_request_that_can_never_be_sent_is_refused_at_once(frame, cost, problem) -> None:
    """It would otherwise stop everything behind it."""
    async with Desk() as desk:
        with pytest.raises(PluginError, match=problem):
            desk.writer.send(frame, cost)
        desk.send("goes on")
        await asyncio.sleep(1)
        assert desk.peer.sent == ["goes on"]


@virtually
async def test_a_reply_that_can_never_be_sent_is_refused_at_once() -> None:
    async with Desk() as desk:
        with pytest.raises(PluginError, match="a frame must be bytes"):
            desk.writer.reply({"op": "pong"})


@virtually
async def test_a_send_that_fails_ends_the_connection_and_says_why() -> None:
    async with Desk() as desk:
        desk.peer.drop(Reason.CONNECTION_RESET)
        desk.send("into the void")
        await asyncio.sleep(1)
        [fault] = desk.faults
        assert fault.reason is Reason.CONNECTION_RESET
        assert desk.transport.closed
        desk.send("nobody minds")


@virtually
async def test_a_defect_of_ours_while_sending_is_a_fault_and_no_silence() -> None:
    async with Desk() as desk:
        desk.writer.send("x", ONE, lambda: {}["x"])
        await asyncio.sleep(1)
        [fault] = desk.faults
        assert isinstance(fault, ConnectionFault)
        assert (fault.reason, fault.text) == (Reason.INTERNAL_ERROR, "unexpected KeyError")
        assert desk.transport.closed


@virtually
async def test_a_stop_does_not_wait_for_the_limits() -> None:
    async with Desk() as desk:
        for number in range(9):
            desk.send(str(number))
        await asyncio.sleep(0.5)
        await desk.transport.close()
        await desk.writer.stop()
        assert asyncio.get_running_loop().time() == 0.5
        assert len(desk.peer.sent) == 8


@virtually
async def test_a_stop_ends_a_send_that_hangs_without_tearing_it() -> None:
    async with Desk() as desk:
        desk.peer.send_takes = 1000.0
        desk.send("slow")
        await asyncio.sleep(1)
        await desk.transport.close(within=3.0)
        await desk.writer.stop()
        assert asyncio.get_running_loop().time() <= 4.0
        assert desk.faults, "nobody listens any more, but it was told"
