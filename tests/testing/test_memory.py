"""A network that obeys: every way in which a dial can end, and everything a peer can do to its client."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.errors import ConnectionFault, ProtocolViolation, Reason, TransportLost, UpgradeRefused
from gateway.net.transport import Kind, Network, Transport
from gateway.spi.steps import Fetch, HttpReply, Open
from gateway.testing.memory import Accept, Hang, Later, MemoryNetwork, Refuse, RefuseUpgrade
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.virtual import DeadlockError, run

STEP = Open("ws://exchange.test/ws", {"x-key": "k"})
LIMIT = 1000


def connected(scenario: Callable[[MemoryPeer, Transport], Awaitable[None]]) -> MemoryNetwork:
    """Run ``scenario`` over one socket, see nothing left, and return the network."""
    network = MemoryNetwork()

    async def main() -> None:
        transport = await network.open(STEP, max_frame=LIMIT)
        await scenario(network.peers[0], transport)

    run(main())
    return network


async def now() -> float:
    return asyncio.get_running_loop().time()


# --- dials


def test_a_dial_succeeds_unless_told_otherwise() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        assert not transport.closed
        assert transport.subprotocol is None
        assert peer.step == STEP

    network = connected(scenario)
    assert [dial.step for dial in network.dials] == [STEP]
    assert (network.accepted, network.dialling, network.most_held) == (1, 0, 1)


@pytest.mark.parametrize(
    ("outcome", "fault", "facts"),
    [
        (
            Refuse(Reason.TLS_FAILED, "no cipher"),
            TransportLost,
            {"reason": Reason.TLS_FAILED, "text": "no cipher"},
        ),
        (Refuse(), TransportLost, {"reason": Reason.CONNECTION_REFUSED}),
        (
            RefuseUpgrade(429, {"retry-after": "7"}),
            UpgradeRefused,
            {"status": 429, "headers": {"retry-after": "7"}},
        ),
    ],
)
def test_a_dial_is_refused_as_scripted(outcome, fault, facts) -> None:
    async def main() -> tuple[ConnectionFault, float]:
        with pytest.raises(ConnectionFault) as caught:
            await network.open(STEP, max_frame=LIMIT)
        return caught.value, await now()

    for late in (0, 2.5):
        network = MemoryNetwork(lambda _, late=late: Later(late, outcome))
        raised, at = run(main())
        assert type(raised) is fault
        assert at == late
        assert {name: getattr(raised, name) for name in facts} == facts
        assert (network.accepted, network.dialling, network.held) == (0, 0, ())


def test_a_dial_hangs_until_it_is_cancelled() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await network.open(STEP, max_frame=LIMIT)
        assert await now() == 10

    network = MemoryNetwork(lambda _: Hang())
    run(main())
    assert (network.accepted, network.dialling, network.held) == (0, 0, ())
    with pytest.raises(DeadlockError):
        run(network.open(STEP, max_frame=LIMIT))


def test_a_dial_cancelled_on_its_way_opens_nothing() -> None:
    async def main() -> None:
        dial = asyncio.create_task(network.open(STEP, max_frame=LIMIT))
        await asyncio.sleep(0.5)
        assert network.dialling == 1
        dial.cancel()

    network = MemoryNetwork(lambda _: Later(1, Accept()))
    run(main())
    assert (network.accepted, network.dialling) == (0, 0)


def test_the_script_greets_whom_it_accepts() -> None:
    network = MemoryNetwork(lambda _: Accept(lambda peer: peer.say("welcome"), subprotocol="v1"))

    async def main() -> None:
        transport = await network.open(STEP, max_frame=LIMIT)
        assert transport.subprotocol == "v1"
        assert await transport.receive() == (Kind.TEXT, b"welcome")

    run(main())


# --- requests


@pytest.mark.parametrize("late", [0, 3])
def test_a_request_is_answered_as_scripted(late: float) -> None:
    async def main() -> tuple[HttpReply, float]:
        return await network.fetch(Fetch("GET", "http://exchange.test/time")), await now()

    network = MemoryNetwork(on_fetch=lambda request: Later(late, HttpReply(200, body=request.url.encode())))
    assert run(main()) == (HttpReply(200, body=b"http://exchange.test/time"), late)
    assert [asked.step.method for asked in network.fetches] == ["GET"]


def test_a_request_without_a_script_finds_nothing() -> None:
    assert run(MemoryNetwork().fetch(Fetch("GET", "http://exchange.test/"))).status == 404


def test_a_request_can_fail() -> None:
    with pytest.raises(TransportLost, match="refused"):
        run(MemoryNetwork(on_fetch=lambda _: Refuse()).fetch(Fetch("GET", "http://exchange.test/")))


# --- what the peer says


def test_messages_arrive_in_order_whatever_their_kind() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.say("text")
        peer.say(b"binary")
        peer.ping(b"p")
        peer.pong(b"q")
        assert [await transport.receive() for _ in range(4)] == [
            (Kind.TEXT, b"text"), (Kind.BINARY, b"binary"), (Kind.PING, b"p"), (Kind.PONG, b"q"),
        ]  # fmt: skip

    connected(scenario)


def test_cancelling_a_receive_loses_nothing() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        for number in range(20):
            reading = asyncio.create_task(transport.receive())
            await asyncio.sleep(0)
            peer.say(str(number))
            reading.cancel()
            await asyncio.wait({reading})
            assert reading.cancelled()
            assert await transport.receive() == (Kind.TEXT, str(number).encode())

    connected(scenario)


def test_a_pump_hands_over_everything_and_ends_with_the_socket() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        got: list[Any] = []
        pumping = asyncio.create_task(
            transport.pump(lambda *data: got.append(data), lambda *control: got.append(control))
        )
        await asyncio.sleep(1)
        peer.say("a")
        peer.say(b"b")
        await asyncio.sleep(1)
        peer.ping(b"c")
        peer.close(1012, "restart")
        with pytest.raises(TransportLost, match="restart") as caught:
            await pumping
        assert caught.value.code == 1012
        assert got == [(b"a", False), (b"b", True), (Kind.PING, b"c")]

    connected(scenario)


def test_a_second_reader_is_a_mistake() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        reading = asyncio.create_task(transport.receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one task at a time"):
            await transport.receive()
        reading.cancel()

    connected(scenario)


@pytest.mark.parametrize(
    ("end", "fault", "reason", "code"),
    [
        (lambda peer: peer.close(1001), TransportLost, Reason.CLOSED_BY_PEER, 1001),
        (lambda peer: peer.drop(), TransportLost, Reason.CONNECTION_RESET, None),
        (lambda peer: peer.drop(Reason.CLOSED_BY_PEER), TransportLost, Reason.CLOSED_BY_PEER, None),
        (lambda peer: peer.violate(), ProtocolViolation, Reason.PROTOCOL_ERROR, None),
        (lambda peer: peer.say("x" * (LIMIT + 1)), ProtocolViolation, Reason.PROTOCOL_ERROR, None),
    ],
)
def test_the_client_hears_the_rest_and_then_why_it_is_over(end, fault, reason, code) -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.say("last words")
        end(peer)
        peer.say("too late")
        assert transport.closed
        assert await transport.receive() == (Kind.TEXT, b"last words")
        for use in (transport.receive, lambda: transport.send("x"), lambda: transport.ping(b"")):
            with pytest.raises(ConnectionFault) as caught:
                await use()
            assert type(caught.value) is fault
            assert (caught.value.reason, getattr(caught.value, "code", None)) == (reason, code)

    connected(scenario)


# --- what the client says


def test_the_peer_sees_what_the_client_sent() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        await transport.send("text")
        await transport.send(b"binary")
        await transport.ping(b"1")
        await transport.pong(b"2")
        assert (peer.sent, peer.pings, peer.pongs) == (["text", b"binary"], [b"1"], [b"2"])

    connected(scenario)


@pytest.mark.parametrize("how", ["itself", "not", "muted"])
def test_pings_are_answered_unless_told_otherwise(how: str) -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.auto_pong = how == "itself"
        if how == "muted":
            peer.mute()
        await transport.ping(b"token")
        await asyncio.sleep(1)
        peer.unmute()
        peer.say("end")
        heard = [await transport.receive() for _ in range(2 if how == "itself" else 1)]
        assert heard == [(Kind.PONG, b"token"), (Kind.TEXT, b"end")][-len(heard) :]

    connected(scenario)


def test_a_muted_peer_says_nothing_until_it_is_unmuted() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.mute()
        peer.say("unheard")
        peer.unmute()
        peer.say("heard")
        assert await transport.receive() == (Kind.TEXT, b"heard")

    connected(scenario)


class Echo:
    def __init__(self, peer: MemoryPeer) -> None:
        self.peer = peer
        self.over = False

    def heard(self, kind: Kind, payload: bytes) -> None:
        self.peer.put(kind, payload.upper())

    def ended(self) -> None:
        self.over = True


def test_a_script_answers_what_it_hears() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        echo = peer.hearing = Echo(peer)
        await transport.send("a")
        assert await transport.receive() == (Kind.TEXT, b"A")
        peer.mute()
        await transport.send("b")
        await asyncio.sleep(1)
        peer.drop()
        await asyncio.sleep(1)
        assert echo.over

    assert connected(scenario).peers[0].sent == ["a", "b"]


def test_a_send_can_be_held_up() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.send_takes = 2
        await transport.send("slow")
        assert await now() == 2
        sending = asyncio.create_task(transport.send("never"))
        await asyncio.sleep(1)
        peer.drop()
        with pytest.raises(TransportLost):
            await sending

    assert connected(scenario).peers[0].sent == ["slow"]


def test_a_send_that_is_cancelled_is_remembered() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.send_takes = 2
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await transport.send("torn")

    assert connected(scenario).peers[0].torn_sends == 1


# --- the client leaves


@pytest.mark.parametrize(("takes", "seconds", "code"), [(0, 0, 1000), (2, 2, 1000), (math.inf, 3, None)])
def test_closing_takes_the_peers_time_but_not_for_ever(takes: float, seconds: float, code: int | None) -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.close_takes = takes
        await transport.close(within=3)
        assert await now() == seconds
        assert transport.closed
        with pytest.raises(TransportLost) as caught:
            await transport.receive()
        assert caught.value.reason is Reason.STOPPED

    peer = connected(scenario).peers[0]
    assert peer.close_code == code
    assert peer.released


def test_a_muted_peer_is_left_by_force() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.mute()
        await transport.close()
        assert await now() == 3

    assert connected(scenario).peers[0].close_code is None


def test_a_close_that_is_cancelled_leaves_the_socket_to_be_closed_again() -> None:
    async def scenario(peer: MemoryPeer, transport: Transport) -> None:
        peer.close_takes = 2
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await transport.close()
        assert not transport.closed
        await transport.close()
        assert transport.closed

    connected(scenario)


def test_a_socket_is_held_until_the_client_gives_it_back_even_if_the_peer_is_gone() -> None:
    async def main() -> None:
        first = await network.open(STEP, max_frame=LIMIT)
        second = await network.open(STEP, max_frame=LIMIT)
        network.peers[0].drop()
        assert network.held == tuple(network.peers)
        assert network.open_peers == (network.peers[1],)
        first.abort()
        await second.close()

    network = MemoryNetwork()
    run(main())
    assert (network.held, network.most_held) == ((), 2)


def test_a_test_can_wait_for_what_happens() -> None:
    async def main() -> float:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(network.wait_for(lambda: bool(network.peers and network.peers[0].sent)))
            transport = await network.open(STEP, max_frame=LIMIT)
            await asyncio.sleep(5)
            await transport.send("now")
            await waiting
            return await now()

    network = MemoryNetwork()
    assert run(main()) == 5


def test_it_is_a_network_and_a_transport() -> None:
    """Checked by mypy alone; here only that nothing is missing."""
    network: Network = MemoryNetwork()

    async def main() -> None:
        transport: Transport = await network.open(STEP, max_frame=LIMIT)
        await transport.close()
        await network.close()

    run(main())
