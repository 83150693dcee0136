"""The venue plays recordings back: in order, without loss, to whoever is there at the time."""

import asyncio
import socket as sockets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.engine.booksync import BookSync, Outcome
from gateway.spi import BookDelta, BookRule, BookSnapshot, SnapshotSource
from gateway_binance.book import spot_follows
from gateway_binance.venue import venue
from gateway_binance.venue.replay import CROWDED, BinanceVenue, Cut
from gateway_binance.venue.sockets import BinanceSocket

STREAMS = ("btcusdt@bookTicker", "btcusdt@trade", "btcusdt@depth@100ms")
COUNTS = {"btcusdt@bookTicker": 16000, "btcusdt@trade": 4894, "btcusdt@depth@100ms": 2182}
BITCOIN = "hft-btcusdt-20240808.jsonl"


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def bitcoin(capture: Any) -> Path:
    path: Path = capture(BITCOIN)
    return path


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """Write a recording of trades, one every ``every`` seconds, with ids from 0 on."""

    def write(count: int, every: float = 0.01) -> Path:
        path = tmp_path / "made.jsonl"
        lines = [
            orjson.dumps(
                {
                    "recv_ns": int(number * every * 1e9),
                    "frame": f'{{"stream":"btcusdt@trade","data":{{"e":"trade","t":{number}}}}}',
                }
            )
            for number in range(count)
        ]
        path.write_bytes(b"\n".join(lines))
        return path

    return write


async def start(stack: AsyncExitStack, path: Path, *arguments: str) -> BinanceVenue:
    return await stack.enter_async_context(venue.simulate(["--capture", str(path), *arguments]))


async def subscribe(socket: Any, streams: Sequence[str], number: int = 1) -> None:
    await socket.send_json({"method": "SUBSCRIBE", "params": list(streams), "id": number})


async def receive_data(socket: Any) -> dict[str, Any]:
    """Return the next datum, skipping answers."""
    while True:
        message = await socket.receive_json(loads=orjson.loads)
        if "stream" in message:
            return dict(message)


async def test_a_client_of_all_streams_gets_every_event_in_order(stack: Any, session: Any, bitcoin: Path) -> None:
    running = await start(stack, bitcoin, "--speed", "max", "--wait", ",".join(STREAMS))
    async with asyncio.timeout(40), session.ws_connect(running.addresses["stream"] + "/stream") as socket:
        await subscribe(socket, STREAMS)
        assert await socket.receive_json() == {"result": None, "id": 1}
        for frame in frames(bitcoin):
            if frame.startswith('{"stream"'):
                assert (await socket.receive()).data == frame
        await running.wait()
        assert running.sent == running.passed == COUNTS


@pytest.fixture
async def deaf(stack: AsyncExitStack) -> Any:
    """Subscribe to everything on a connection that takes in little before it is read."""
    session = await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=narrow_socket))
    )

    async def dial(running: BinanceVenue) -> Any:
        address = f"{running.addresses['stream']}/stream?streams={'/'.join(STREAMS)}"
        return await stack.enter_async_context(session.ws_connect(address))

    return dial


def narrow_socket(info: Any) -> sockets.socket:
    made = sockets.socket(family=info[0], type=info[1], proto=info[2])
    made.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    return made


async def test_full_speed_waits_for_a_slow_client(stack: Any, deaf: Any, bitcoin: Path) -> None:
    running = await start(stack, bitcoin, "--speed", "max", "--wait", "0")
    async with asyncio.timeout(40):
        socket = await deaf(running)
        await running.wait_for(lambda: any(one.waiting >= CROWDED for one in everyone(running)))
        for _ in range(sum(COUNTS.values())):
            await socket.receive()
            assert all(one.waiting <= CROWDED for one in everyone(running))
        await running.wait()
    assert running.sent == COUNTS


async def test_a_client_that_reads_nothing_does_not_hold_the_others_up_for_ever(
    stack: Any, deaf: Any, bitcoin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_binance.venue.sockets.PATIENCE", 0.1)
    running = await start(stack, bitcoin, "--speed", "max", "--wait", "0")
    async with asyncio.timeout(40):
        await deaf(running)
        await running.wait_for(lambda: bool(running.closed))
    assert not running.sockets
    assert not running.ended


def everyone(running: BinanceVenue) -> list[BinanceSocket]:
    return [one for one in running.sockets.values() if isinstance(one, BinanceSocket)]


async def test_depth_is_the_recorded_snapshot_before_and_our_own_book_after(
    stack: Any, session: Any, bitcoin: Path
) -> None:
    running = await start(stack, bitcoin, "--speed", "max", "--wait", "btcusdt@bookTicker")
    url = f"{running.addresses['rest']}/api/v3/depth?symbol=BTCUSDT&limit=1000"
    recorded = orjson.loads(next(frame for frame in frames(bitcoin) if frame.startswith('{"lastUpdateId"')))
    async with asyncio.timeout(40):
        async with session.get(url) as answer:
            assert answer.headers["x-mbx-used-weight-1m"] == "50"
            before = await answer.json()
        assert before == {
            side: value[:1000] if isinstance(value, list) else value for side, value in recorded.items()
        }
        async with session.ws_connect(f"{running.addresses['stream']}/ws/btcusdt@bookTicker") as socket:
            for _ in range(16000):
                await socket.receive()
            await running.wait()
        async with session.get(url) as answer:
            after = await answer.json()
    assert after == whole_book(bitcoin, recorded)


def whole_book(path: Path, snapshot: Any) -> Any:
    """Return the book at the recording's end as the gateway's own engine makes it."""
    sync = BookSync(BookRule(follows=spot_follows, snapshot=SnapshotSource.IN_BAND))
    for frame in frames(path):
        if "@depth" in frame[:40]:
            update = orjson.loads(frame)["data"]
            sync.update(BookDelta(update["b"], update["a"], update["u"], update["U"]))
    assert (
        sync.load(BookSnapshot(snapshot["bids"], snapshot["asks"], snapshot["lastUpdateId"])) is Outcome.REPLACED
    )
    bids, asks = sync.book.top(1000)
    return {"lastUpdateId": sync.seq, "bids": [list(one) for one in bids], "asks": [list(one) for one in asks]}


def frames(path: Path) -> list[str]:
    """Return what was recorded, in order."""
    return [orjson.loads(line)["frame"] for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("how", [Cut.FIN, Cut.RST])
async def test_a_cut_loses_data_and_time_goes_on(stack: Any, session: Any, made: Any, how: Cut) -> None:
    running = await start(stack, made(200), "--wait", "0")
    address = f"{running.addresses['stream']}/stream?streams=btcusdt@trade"
    async with asyncio.timeout(20):
        async with session.ws_connect(address) as socket:
            before = [(await receive_data(socket))["data"]["t"] for _ in range(10)]
            running.cut(how)
            rest = [message async for message in socket]
            assert all(message.type is aiohttp.WSMsgType.TEXT for message in rest)
            assert socket.close_code in {None, 1006}
        passed = running.passed["btcusdt@trade"]
        await running.wait_for(lambda: running.passed["btcusdt@trade"] >= passed + 20)
        async with session.ws_connect(address) as socket:
            after = [(await receive_data(socket))["data"]["t"] for _ in range(10)]
    assert before == list(range(10))
    assert after[0] >= passed + 20
    assert after == list(range(after[0], after[0] + 10))


async def test_silence_keeps_the_socket_open_and_loses_what_is_due(stack: Any, session: Any, made: Any) -> None:
    running = await start(stack, made(200), "--wait", "0")
    async with (
        asyncio.timeout(20),
        session.ws_connect(f"{running.addresses['stream']}/stream?streams=btcusdt@trade") as socket,
    ):
        seen = [(await receive_data(socket))["data"]["t"]]
        running.cut(Cut.SILENCE, 0.3)
        while seen[-1] < 150:
            seen.append((await receive_data(socket))["data"]["t"])
    holes = [later - earlier - 1 for earlier, later in pairwise(seen) if later != earlier + 1]
    assert len(holes) == 1
    assert 15 < holes[0] < 100


async def test_time_at_full_speed_is_as_recorded_while_nobody_listens(stack: Any, session: Any, made: Any) -> None:
    running = await start(stack, made(3000), "--speed", "max", "--wait", "0")
    async with asyncio.timeout(20):
        async with session.ws_connect(f"{running.addresses['stream']}/ws/btcusdt@trade") as socket:
            await socket.receive()
            running.cut(Cut.RST)
            await running.wait_for(lambda: not running.sockets)
        passed = running.passed["btcusdt@trade"]
        await running.wait_for(lambda: running.passed["btcusdt@trade"] > passed + 5)
        assert not running.ended


async def test_speed_divides_the_recorded_time(stack: Any, session: Any, made: Any) -> None:
    running = await start(stack, made(101, every=1.0), "--speed", "200", "--wait", "0")
    clock = asyncio.get_running_loop()
    async with (
        asyncio.timeout(20),
        session.ws_connect(f"{running.addresses['stream']}/stream?streams=btcusdt@trade") as socket,
    ):
        begun = clock.time()
        for number in range(101):
            assert (await receive_data(socket))["data"]["t"] == number
        assert 0.4 < clock.time() - begun < 20


async def test_the_replay_waits_until_clients_have_asked_for_everything(
    stack: Any, session: Any, capture: Any
) -> None:
    running = await start(stack, capture("cf-20210814.jsonl"), "--speed", "max", "--wait", "0.2")
    asked = ("ftmusdt@depth@100ms", "xmrbtc@bookTicker", "sxpbtc@kline_1m")
    seen: Counter[str] = Counter()
    async with asyncio.timeout(20), session.ws_connect(running.addresses["stream"] + "/stream") as socket:
        await subscribe(socket, ["unknown@trade"])
        for number, name in enumerate(asked, 2):
            await subscribe(socket, [name], number)
        while not running.ended or seen != running.sent:
            seen[(await receive_data(socket))["stream"]] += 1
    assert set(seen) == set(asked)
    assert seen == {name: running.passed[name] for name in asked}
    assert [wish.streams for wish in running.subscribes] == [("unknown@trade",), *[(name,) for name in asked]]


@pytest.mark.parametrize("name", ["btcusdt@depth", "btcusdt@depth@100ms", "btcusdt@depth@1000ms"])
async def test_any_pace_of_a_books_changes_is_the_recorded_one(
    stack: Any, session: Any, bitcoin: Path, name: str
) -> None:
    running = await start(stack, bitcoin, "--wait", "0")
    async with (
        asyncio.timeout(20),
        session.ws_connect(f"{running.addresses['stream']}/stream?streams={name}") as socket,
    ):
        message = await receive_data(socket)
    assert message["stream"] == name
    assert message["data"]["u"] == 50093239202


async def test_a_raw_connection_gets_the_data_alone(stack: Any, session: Any, bitcoin: Path) -> None:
    first = next(frame for frame in frames(bitcoin) if "@trade" in frame[:40])
    running = await start(stack, bitcoin, "--speed", "max", "--wait", "0")
    async with (
        asyncio.timeout(20),
        session.ws_connect(f"{running.addresses['stream']}/ws/btcusdt@trade") as socket,
    ):
        data = (await socket.receive()).data
    assert first == f'{{"stream":"btcusdt@trade","data":{data}}}'


async def test_a_venue_that_stays_outlives_its_recording(stack: Any, session: Any, made: Any) -> None:
    running = await start(stack, made(3), "--speed", "max", "--wait", "0", "--stay")
    async with (
        asyncio.timeout(20),
        session.ws_connect(f"{running.addresses['stream']}/ws/btcusdt@trade") as socket,
    ):
        waiting = asyncio.ensure_future(running.wait())
        for _ in range(3):
            await socket.receive()
        await running.wait_for(lambda: running.ended)
        assert not waiting.done()
        await running.stop()
        await waiting


async def test_a_scenario_is_played_while_the_recording_is(
    stack: Any, session: Any, made: Any, tmp_path: Path
) -> None:
    file = tmp_path / "cut.toml"
    file.write_text('[[steps]]\nat = 0.1\ndo = "drop"\ncode = 1012\n')
    running = await start(stack, made(3), "--wait", "60", "--scenario", str(file))
    async with (
        asyncio.timeout(20),
        session.ws_connect(f"{running.addresses['stream']}/ws/btcusdt@trade") as socket,
    ):
        assert (await socket.receive()).data == 1012
