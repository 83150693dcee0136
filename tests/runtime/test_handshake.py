"""Each step of a handshake is performed under the deadline of the whole, and a plugin that misbehaves is named."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from gateway.engine.budgets import Budgets
from gateway.errors import (
    LoginRefused,
    PeerSilent,
    PluginError,
    ProtocolViolation,
    Reason,
    TransportLost,
    UpgradeRefused,
)
from gateway.model.states import Phase
from gateway.runtime.handshake import Opening
from gateway.runtime.rest import Rest
from gateway.runtime.writer import Writer
from gateway.spi.contract import Limit, Scope, Session
from gateway.spi.steps import Fetch, HttpReply, Open, Receive, Send
from gateway.testing.memory import Accept, Hang, Later, MemoryNetwork, Refuse, RefuseUpgrade
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.virtual import virtually

LIMITS = (
    Limit("dials", 2, per=60.0),
    Limit("weight", 100, per=60.0),
    Limit("messages", 10, per=1.0, scope=Scope.CONNECTION),
)
OPEN = Open("ws://memory")
SESSION = Session(details={"key": "value"})


class Door:
    """An opening, and all that it did."""

    def __init__(self, opened: Callable[[MemoryPeer], None] | None = None, **scripts: Any) -> None:
        self.network = MemoryNetwork(**scripts) if scripts else MemoryNetwork(lambda _: Accept(opened))
        self.phases: list[Phase] = []
        self.steps: list[str] = []
        self.faults: list[Exception] = []
        self.transport = self.writer = None

    async def perform(self, handshake: Generator[Any, Any, Any]) -> Session:
        loop = asyncio.get_running_loop()
        self.budgets = Budgets().for_connection(LIMITS, None)
        rest = Rest("mock", self.network, self.budgets, LIMITS, loop.time)
        opening = Opening("mock", rest, self.dial, self.equip, self.phases.append, self.during)
        try:
            return await opening.perform(handshake)
        finally:
            self.took = loop.time()
            if self.transport is not None:
                await self.transport.close()
                await self.writer.stop()

    async def dial(self, step: Open):
        self.transport = await self.network.open(step, max_frame=1000)
        return self.transport

    def equip(self, transport) -> Writer:
        now = asyncio.get_running_loop().time
        self.writer = Writer("mock", transport, self.budgets, now, self.faults.append)
        return self.writer

    @contextmanager
    def during(self, what: str):
        self.steps.append(what)
        yield

    @property
    def peer(self) -> MemoryPeer:
        [peer] = self.network.peers
        return peer


def says(*frames: str) -> Callable[[MemoryPeer], None]:
    def opened(peer: MemoryPeer) -> None:
        for frame in frames:
            peer.say(frame)

    return opened


@virtually
async def test_every_step_is_performed_and_answered_in_turn() -> None:
    answers = []

    def handshake():
        answers.append((yield Fetch("POST", "http://memory/token", cost={"weight": 1})))
        answers.append((yield Open("ws://memory/answer", cost={"dials": 1})))
        answers.append((yield Send("login", cost={"messages": 1})))
        answers.append((yield Receive()))
        return SESSION

    def opened(peer: MemoryPeer) -> None:
        asyncio.get_running_loop().call_later(1, peer.say, "hello")

    door = Door(on_dial=lambda _: Accept(opened), on_fetch=lambda _: HttpReply(201, body=b"token"))
    assert await door.perform(handshake()) is SESSION
    assert answers == [HttpReply(201, body=b"token"), None, None, b"hello"]
    assert door.steps == ["fetch", "open", "send", "receive"]
    assert door.phases == [Phase.DIAL, Phase.LOGIN]
    assert [asked.step.url for asked in door.network.dials] == ["ws://memory/answer"]
    assert door.peer.sent == ["login"]


@virtually
async def test_while_a_login_is_awaited_pings_are_answered_and_pongs_passed_over() -> None:
    def opened(peer: MemoryPeer) -> None:
        peer.ping(b"you?")
        peer.pong(b"unasked")
        peer.say(b"\x01")

    def handshake():
        yield OPEN
        assert (yield Receive()) == b"\x01"
        yield Receive()
        return SESSION

    door = Door(opened)
    with pytest.raises(PeerSilent):
        await door.perform(handshake())
    assert door.peer.pongs == [b"you?"]


@pytest.mark.parametrize(
    ("dialled", "fault", "reason"),
    [
        (Refuse(), TransportLost, Reason.CONNECTION_REFUSED),
        (RefuseUpgrade(403), UpgradeRefused, Reason.UPGRADE_REFUSED),
        (Later(3.0, Refuse(Reason.TLS_FAILED)), TransportLost, Reason.TLS_FAILED),
    ],
)
@virtually
async def test_a_dial_that_fails_is_what_the_handshake_fails_with(dialled, fault, reason) -> None:
    def handshake():
        yield OPEN
        return SESSION

    door = Door(on_dial=lambda _: dialled)
    with pytest.raises(fault) as caught:
        await door.perform(handshake())
    assert caught.value.reason is reason
    assert door.phases == [Phase.DIAL]


# --- deadlines


def patient():
    yield OPEN
    while True:
        yield Receive(within=100.0)


@virtually
async def test_the_whole_has_ten_seconds() -> None:
    door = Door(on_dial=lambda _: Hang())
    with pytest.raises(PeerSilent, match="no connection within 10 s"):
        await door.perform(patient())
    assert door.took == 10.0


@virtually
async def test_a_chatty_exchange_that_never_comes_to_the_point_has_ten_seconds_too() -> None:
    door = Door(lambda peer: [asyncio.get_running_loop().call_later(n, peer.say, "so") for n in range(10)])
    with pytest.raises(PeerSilent, match="no connection within 10 s"):
        await door.perform(patient())
    assert door.took == 10.0


@virtually
async def test_a_receive_has_its_own_deadline_and_the_plugin_may_go_on_after_it() -> None:
    def handshake():
        yield OPEN
        with suppress(PeerSilent):
            yield Receive(within=2.0)
        yield Send("hello?", cost={"messages": 1})
        return SESSION

    door = Door()
    assert await door.perform(handshake()) is SESSION
    assert door.took == 2.0


@virtually
async def test_a_receive_that_the_plugin_does_not_expect_to_fail_ends_the_handshake() -> None:
    def handshake():
        yield OPEN
        yield Receive(within=2.0)
        return SESSION

    door = Door()
    with pytest.raises(PeerSilent, match="no answer to the login within 2 s"):
        await door.perform(handshake())


@virtually
async def test_the_wait_for_the_exchanges_limits_does_not_count() -> None:
    """The third dial in a minute waits for 59 s and still has its ten."""

    def handshake():
        yield Fetch("GET", "http://memory", cost={"dials": 1})
        yield Open("ws://memory", cost={"dials": 1})
        return SESSION

    door = Door(on_dial=lambda _: Later(8.0, Accept()), on_fetch=lambda _: Later(1.0, HttpReply(200)))
    assert await door.perform(handshake()) is SESSION
    assert door.took == 68.0


@virtually
async def test_what_the_limits_cost_is_given_back_only_once() -> None:
    def handshake():
        yield Fetch("GET", "http://memory", cost={"dials": 1})
        yield Open("ws://memory", cost={"dials": 1})
        return SESSION

    door = Door(on_dial=lambda _: Hang(), on_fetch=lambda _: Later(1.0, HttpReply(200)))
    with pytest.raises(PeerSilent, match="no connection within 10 s"):
        await door.perform(handshake())
    assert door.took == 69.0


# --- plugins that misbehave


def no_open():
    yield Fetch("GET", "http://memory")
    return SESSION


def two_opens():
    yield OPEN
    yield OPEN
    return SESSION


def send_first():
    yield Send("x")
    return SESSION


def receive_first():
    yield Receive()
    return SESSION


def no_step():
    yield OPEN
    yield "login"
    return SESSION


def no_session():
    yield OPEN
    return None  # noqa: PLR1711  # what a forgotten return is


def raises():
    yield OPEN
    raise KeyError("secret")


def unpayable():
    yield OPEN
    yield Send("x", cost={"unknown": 1})
    return SESSION


def no_frame():
    yield OPEN
    yield Send({"op": "login"})
    return SESSION


def no_seconds():
    yield OPEN
    yield Receive(within="soon")
    return SESSION


@pytest.mark.parametrize(
    ("handshake", "problem"),
    [
        (no_open, "gateway_handshake opened no connection"),
        (two_opens, "gateway_handshake opened a second connection"),
        (send_first, "gateway_handshake must open a connection first"),
        (receive_first, "gateway_handshake must open a connection first"),
        (no_step, "gateway_handshake yielded str, no step"),
        (no_session, "gateway_handshake must return a Session, not NoneType"),
        (raises, "gateway_handshake raised KeyError"),
        (unpayable, "cost names undeclared limits: unknown"),
        (no_frame, "a frame must be bytes, or text"),
        (no_seconds, "gateway_handshake raised TypeError"),
    ],
)
@virtually
async def test_a_plugin_that_breaks_the_contract_is_named(handshake, problem) -> None:
    door = Door(on_dial=lambda _: Accept(), on_fetch=lambda _: HttpReply(200))
    with pytest.raises(PluginError, match=problem) as caught:
        await door.perform(handshake())
    assert "secret" not in str(caught.value)
    assert door.network.held == ()
    assert door.network.accepted <= 1


@virtually
async def test_a_senseless_answer_is_the_exchanges_fault() -> None:
    def handshake():
        yield OPEN
        return int((yield Receive()))

    with pytest.raises(ProtocolViolation, match=r"senseless answer during the handshake \(ValueError\)"):
        await Door(says("<html>")).perform(handshake())


@virtually
async def test_a_refused_login_is_passed_on() -> None:
    def handshake():
        yield OPEN
        raise LoginRefused((yield Receive()).decode(), retry_after=30.0)

    with pytest.raises(LoginRefused, match="no such key") as caught:
        await Door(says("no such key")).perform(handshake())
    assert caught.value.retry_after == 30.0


# --- faults are thrown into the generator, and whatever it does then, it is closed


@virtually
async def test_a_fault_may_be_answered_with_another_way() -> None:
    urls = []

    def handshake():
        try:
            yield Fetch("GET", "http://memory/token")
        except TransportLost as fault:
            urls.append(fault.reason)
        yield OPEN
        return SESSION

    door = Door(on_dial=lambda _: Accept(), on_fetch=lambda _: Refuse(Reason.UNREACHABLE))
    assert await door.perform(handshake()) is SESSION
    assert urls == [Reason.UNREACHABLE]


@virtually
async def test_a_dial_that_failed_may_be_tried_at_another_address() -> None:
    def handshake():
        try:
            yield Open("ws://first")
        except TransportLost:
            yield Open("ws://second")
        return SESSION

    door = Door(on_dial=lambda step: Refuse() if "first" in step.url else Accept())
    assert await door.perform(handshake()) is SESSION


@virtually
async def test_a_fault_may_end_in_a_session_that_has_no_connection() -> None:
    def handshake():
        with suppress(TransportLost):
            yield OPEN
        return SESSION

    with pytest.raises(PluginError, match="opened no connection"):
        await Door(on_dial=lambda _: Refuse()).perform(handshake())


@pytest.mark.parametrize("ends", ["cancelled", "late", "fault"])
@virtually
async def test_the_generator_is_closed_however_it_ends(ends: str) -> None:
    closed = []

    def handshake():
        try:
            yield OPEN
        finally:
            closed.append(True)

    door = Door(on_dial=lambda _: Refuse() if ends == "fault" else Hang())
    task = asyncio.create_task(door.perform(handshake()))
    await asyncio.sleep(1)
    if ends == "cancelled":
        task.cancel()
    await asyncio.wait({task})
    assert closed == [True]
    assert task.cancelled() is (ends == "cancelled")
