"""The mock exchange without its port: the plugin's own words are understood, and every fault strikes."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from gateway.errors import ConnectionFault, ProtocolViolation, Reason, TransportLost, UpgradeRefused
from gateway.model.instruments import Instruments
from gateway.net.transport import Kind, Transport
from gateway.spi.steps import Fetch, Open
from gateway.testing.faults import Noise, Refusal
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import run
from gateway_mock.plugin import MockDialect
from gateway_mock.venue import MockVenue

STREAM = "trades.btc_usdt"


def over(scenario: Callable[[MemoryVenue], Awaitable[None]], **options: float) -> MemoryVenue:
    """Run ``scenario`` beside a mock venue in virtual time and see nothing left."""
    venues = []

    async def main() -> None:
        async with MemoryVenue(MockVenue(now=lambda: 1, **options)) as venue:
            venues.append(venue)
            await scenario(venue)

    run(main())
    return venues[0]


async def dial(venue: MemoryVenue, endpoint: str = "stream") -> Transport:
    return await venue.open(Open(venue.addresses[endpoint]), max_frame=1_000_000)


async def subscribed(venue: MemoryVenue) -> tuple[Transport, MockDialect]:
    transport, dialect = await dial(venue), MockDialect(Instruments(()))
    [request] = dialect.subscribe([STREAM])
    await transport.send(request.frame)
    assert json.loads((await transport.receive())[1]) == {"op": "ok", "id": request.id}
    return transport, dialect


def test_a_stream_is_subscribed_and_its_data_arrive() -> None:
    async def scenario(memory: MemoryVenue) -> None:
        transport, dialect = await subscribed(memory)
        trade = memory.venue.emit_trade("BTC-USDT", price="1.5")
        _, payload = await transport.receive()
        assert dialect.stream(payload, False) == STREAM
        [datum] = dialect.decode(payload, False)
        assert (datum.records[0].id, datum.records[0].price) == (trade["id"], "1.5")
        await transport.close()

    over(scenario)


class Named(MockVenue):
    """Names parts of its paths."""

    socket_paths = ("/", "/ws/{streams:.+}", "/user/{key}/data")


async def dial_at(path: str) -> None:
    async with MemoryVenue(Named(now=lambda: 1)) as memory:
        transport = await memory.open(Open(f"ws://memory{path}"), max_frame=1000)
        await transport.close()


@pytest.mark.parametrize("path", ["/ws/a", "/ws/a/b", "/user/k/data"])
def test_a_path_may_have_parts_with_names(path: str) -> None:
    run(dial_at(path))


@pytest.mark.parametrize("path", ["/ws/", "/user/k/l/data", "/user/k", "/x/ws/a"])
def test_others_are_not_there(path: str) -> None:
    with pytest.raises(UpgradeRefused, match="404"):
        run(dial_at(path))


def test_an_account_must_log_in() -> None:
    async def scenario(memory: MemoryVenue) -> None:
        transport = await dial(memory, "private")
        assert json.loads((await transport.receive())[1])["op"] == "hello"
        await transport.send('{"op":"login","key":"mock-key","signature":"wrong"}')
        assert json.loads((await transport.receive())[1])["op"] == "error"
        await transport.close()

    over(scenario)


def test_the_venue_ticks_at_its_rate_in_virtual_time() -> None:
    async def scenario(memory: MemoryVenue) -> None:
        await subscribed(memory)
        await asyncio.sleep(100)
        assert memory.venue.counts.published == pytest.approx(200, abs=1)

    over(scenario, rate=2)


def test_leaving_hangs_up() -> None:
    transports = []

    async def scenario(memory: MemoryVenue) -> None:
        transports.append(await dial(memory))

    memory = over(scenario)
    assert transports[0].closed
    assert memory.venue.sockets == {}


@pytest.mark.parametrize(
    ("arm", "fault", "facts"),
    [
        (lambda faults: faults.reset_dials.arm(), TransportLost, {"reason": Reason.CONNECTION_RESET}),
        (
            lambda faults: faults.refuse_upgrades.arm(Refusal(429, {"retry-after": "3"})),
            UpgradeRefused,
            {"status": 429, "headers": {"retry-after": "3"}},
        ),
        (lambda faults: faults.hang_upgrades.arm(), TimeoutError, {}),
    ],
)
def test_a_dial_fails_as_armed(arm, fault, facts) -> None:
    async def scenario(memory: MemoryVenue) -> None:
        arm(memory.venue.faults)
        with pytest.raises(fault) as caught:
            async with asyncio.timeout(10):
                await dial(memory)
        assert {name: getattr(caught.value, name) for name in facts} == facts

    over(scenario)


def test_a_path_that_the_venue_does_not_know_is_refused() -> None:
    async def scenario(memory: MemoryVenue) -> None:
        with pytest.raises(UpgradeRefused, match="404"):
            await memory.open(Open("ws://memory/nowhere"), max_frame=1000)

    over(scenario)


@pytest.mark.parametrize(
    ("end", "fault", "reason"),
    [
        (lambda venue: venue.drop(), TransportLost, Reason.CLOSED_BY_PEER),
        (lambda venue: venue.drop(rst=True), TransportLost, Reason.CONNECTION_RESET),
        (lambda venue: venue.drop(code=1012), TransportLost, Reason.CLOSED_BY_PEER),
        (lambda venue: venue.sockets[1].noise(Noise.BAD_FRAME), ProtocolViolation, Reason.PROTOCOL_ERROR),
    ],
)
def test_a_socket_ends_as_the_venue_wants(end, fault, reason) -> None:
    async def scenario(memory: MemoryVenue) -> None:
        transport, _ = await subscribed(memory)
        end(memory.venue)
        with pytest.raises(ConnectionFault) as caught:
            await transport.receive()
        assert (type(caught.value), caught.value.reason) == (fault, reason)

    over(scenario)


def test_the_venue_sees_pings_and_answers_them_unless_it_is_mute() -> None:
    async def scenario(memory: MemoryVenue) -> None:
        transport = await dial(memory)
        await transport.ping(b"1")
        assert await transport.receive() == (Kind.PONG, b"1")
        memory.venue.faults.mute = True
        await transport.ping(b"2")
        await asyncio.sleep(60)
        memory.venue.faults.mute = False
        await transport.ping(b"3")
        assert await transport.receive() == (Kind.PONG, b"3")
        assert [payload for _, payload in memory.venue.sockets[1].pings] == [b"1", b"2", b"3"]

    over(scenario)


def test_the_venue_pings_and_sees_the_answer() -> None:
    async def scenario(memory: MemoryVenue) -> None:
        transport = await dial(memory)
        await memory.venue.wait_for(lambda: bool(memory.venue.sockets))
        memory.venue.sockets[1].ping(b"you?")
        assert await transport.receive() == (Kind.PING, b"you?")
        await transport.pong(b"you?")
        await memory.venue.wait_for(lambda: bool(memory.venue.sockets[1].pongs))

    over(scenario)


def test_requests_are_answered() -> None:
    async def scenario(memory: MemoryVenue) -> None:
        reply = await memory.fetch(Fetch("GET", f"{memory.addresses['rest']}/symbols"))
        assert (reply.status, reply.headers["x-mock-used-weight"]) == (200, "10")
        assert {one["symbol"] for one in reply.json()} == {"BTC-USDT", "ETH-USDT", "SOL-USDT"}
        bad = await memory.fetch(Fetch("GET", f"{memory.addresses['rest']}/trades?symbol=none"))
        assert (bad.status, bad.body) == (400, b"need symbol, after and before")
        assert (await memory.fetch(Fetch("GET", f"{memory.addresses['rest']}/nowhere"))).status == 404
        memory.venue.faults.refuse_requests.arm(Refusal(503))
        assert (await memory.fetch(Fetch("GET", f"{memory.addresses['rest']}/time"))).status == 503

    assert [request.path for request in over(scenario).venue.requests] == ["/symbols", "/trades", "/time"]


def test_what_the_venue_does_wrong_is_raised() -> None:
    async def scenario(memory: MemoryVenue) -> None:
        memory.venue.received = lambda *_: 1 / 0
        transport = await dial(memory)
        await transport.send("x")
        await memory.venue.wait_for(lambda: bool(memory.venue.failures))

    with pytest.raises(ExceptionGroup, match="the venue failed"):
        over(scenario)
