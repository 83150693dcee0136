"""The venue speaks the exchange's protocol: requests, refusals, pings, limits, REST, and its own command line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from gateway_binance.venue import venue
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import split_symbol
from gateway_binance.venue.recording import load
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.rules import SOCKET_RULES
from gateway_binance.venue.settings import Settings

LINES = (
    {"recv_ns": 0, "frame": '{"stream":"btcusdt@trade","data":{"e":"trade","t":1,"p":"5.250","q":"1.0"}}'},
    {
        "recv_ns": 10**9,
        "frame": '{"stream":"btcusdt@depth@100ms","data":{"U":8,"u":12,"b":[["5.1","0.0"]],"a":[]}}',
    },
    {
        "recv_ns": 2 * 10**9,
        "frame": '{"lastUpdateId":10,"bids":[["5.1","1.0"],["5.0","2.0"]],"asks":[["6.0","3.0"]]}',
    },
    {
        "recv_ns": 3 * 10**9,
        "frame": '{"stream":"btcusdt@depth@100ms","data":{"U":13,"u":15,"b":[],"a":[["5.9","4.0"]]}}',
    },
)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "small.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(line) for line in LINES))
    return path


@pytest.fixture
async def running(recorded: Path) -> AsyncIterator[BinanceVenue]:
    async with venue.simulate(["--capture", str(recorded), "--wait", "never@asked"]) as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def socket(running: BinanceVenue, session: aiohttp.ClientSession) -> AsyncIterator[Any]:
    async with asyncio.timeout(20), session.ws_connect(running.addresses["stream"] + "/ws") as opened:
        yield opened


async def ask(socket: Any, message: Any) -> Any:
    await socket.send_str(message if isinstance(message, str) else orjson.dumps(message).decode())
    return await socket.receive_json()


async def test_streams_are_subscribed_listed_and_given_up(socket: Any, running: BinanceVenue) -> None:
    names = ["btcusdt@trade", "nobody@trade"]
    assert await ask(socket, {"method": "SUBSCRIBE", "params": names, "id": 41}) == {"result": None, "id": 41}
    assert await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 42}) == {"result": names, "id": 42}
    assert [stream for _, stream in running.streams()] == names
    gone = {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": "x1"}
    assert await ask(socket, gone) == {"result": None, "id": "x1"}
    assert [stream for _, stream in running.streams()] == ["nobody@trade"]


async def test_a_raw_connection_becomes_a_combined_one_when_asked(socket: Any) -> None:
    asked = {"method": "GET_PROPERTY", "params": ["combined"], "id": 1}
    assert await ask(socket, asked) == {"result": False, "id": 1}
    change = {"method": "SET_PROPERTY", "params": ["combined", True], "id": 2}
    assert await ask(socket, change) == {"result": None, "id": 2}
    assert await ask(socket, asked) == {"result": True, "id": 1}


async def test_the_address_names_streams(running: BinanceVenue, session: Any) -> None:
    async with asyncio.timeout(20):
        for path in ("/ws/a@trade/b@trade", "/stream?streams=a@trade/b@trade", "/ws/a%40trade/b%40trade"):
            async with session.ws_connect(running.addresses["stream"] + path) as socket:
                answer = await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 1})
            assert answer["result"] == ["a@trade", "b@trade"]


@pytest.mark.parametrize(
    ("message", "code", "number"),
    [
        ("{no json", 3, None),
        ("[]", 2, None),
        ({"method": "SUBSCRIBE", "params": ["a@trade"], "id": {}}, 2, None),
        ({"method": "SUBSCRIBE", "params": ["a@trade"], "id": True}, 2, None),
        ({"method": "SUBSCRIBE", "params": ["a@trade"], "id": "x" * 37}, 2, None),
        ({"params": ["a@trade"], "id": 7}, 2, 7),
        ({"method": "DANCE", "id": 7}, 2, 7),
        ({"method": [], "id": 7}, 2, 7),
        ({"method": "SUBSCRIBE", "id": 7}, 2, 7),
        ({"method": "SUBSCRIBE", "params": "a@trade", "id": 7}, 2, 7),
        ({"method": "SUBSCRIBE", "params": ["nothing"], "id": 7}, 2, 7),
        ({"method": "SUBSCRIBE", "params": ["BTCUSDT@trade"], "id": 7}, 2, 7),
        ({"method": "SUBSCRIBE", "params": [7], "id": 7}, 2, 7),
        ({"method": "SUBSCRIBE", "params": [f"s{n}@trade" for n in range(1025)], "id": 7}, 4, 7),
        ({"method": "GET_PROPERTY", "params": ["colour"], "id": 7}, 0, 7),
        ({"method": "GET_PROPERTY", "params": [1], "id": 7}, 2, 7),
        ({"method": "GET_PROPERTY", "params": ["combined", True], "id": 7}, 2, 7),
        ({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 7}, 1, 7),
    ],
)
async def test_a_bad_request_is_refused_with_its_code(socket: Any, message: Any, code: int, number: Any) -> None:
    answer = await ask(socket, message)
    assert (answer["code"], answer["id"]) == (code, number)
    assert isinstance(answer["msg"], str)
    assert await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 8}) == {"result": [], "id": 8}


async def test_a_stream_that_a_test_forbids_is_refused(socket: Any, running: BinanceVenue) -> None:
    running.faults.refused_streams.add("a@trade")
    answer = await ask(socket, {"method": "SUBSCRIBE", "params": ["a@trade"], "id": 7})
    assert (answer["code"], answer["id"]) == (2, 7)


async def test_a_sixth_message_within_a_second_ends_the_connection(socket: Any) -> None:
    for number in range(5):
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
    await socket.pong()
    for number in range(5):
        assert (await socket.receive_json())["id"] == number
    assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert socket.close_code == 1008


def pinging(every: float, within: float = 60.0) -> Settings:
    """Return a setup in which spot's clients are pinged so often."""
    rules = replace(SOCKET_RULES[Market.SPOT], ping_every=every, pong_within=within)
    return Settings(sockets={**SOCKET_RULES, Market.SPOT: rules})


@pytest.fixture
async def punctual(recorded: Path) -> AsyncIterator[BinanceVenue]:
    """A venue at which it is always the same second, the twentieth of its minute."""
    settings = Settings(now=lambda: 1_700_000_000.0)
    async with BinanceVenue(load(recorded), settings=settings, wait=frozenset({"never@asked"})) as opened:
        yield opened


async def test_everybody_is_pinged(recorded: Path, session: Any) -> None:
    running = BinanceVenue(load(recorded), settings=pinging(0.02))
    async with (
        asyncio.timeout(20),
        running,
        session.ws_connect(running.addresses["stream"] + "/ws", autoping=False) as socket,
    ):
        message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.PING
        await socket.pong(message.data)
        await running.wait_for(lambda: any(one.pongs for one in running.sockets.values()))
        (client,) = running.sockets.values()
        assert client.pongs[0][1] == message.data


async def test_whoever_never_answers_a_ping_is_closed(recorded: Path, session: Any) -> None:
    running = BinanceVenue(load(recorded), settings=pinging(0.02, 0.06))
    async with (
        asyncio.timeout(20),
        running,
        session.ws_connect(running.addresses["stream"] + "/ws", autoping=False) as socket,
    ):
        messages = [message.type async for message in socket]
        assert set(messages) == {aiohttp.WSMsgType.PING}
        assert socket.close_code == 1008


async def get(session: Any, running: BinanceVenue, path: str) -> tuple[int, Any, str]:
    async with asyncio.timeout(20), session.get(running.addresses["rest"] + path) as answer:
        return answer.status, await answer.json(), answer.headers["x-mbx-used-weight-1m"]


async def test_rest_tells_what_is_asked_and_what_it_weighs(punctual: BinanceVenue, session: Any) -> None:
    running = punctual
    assert await get(session, running, "/api/v3/ping") == (200, {}, "1")
    status, clock, weight = await get(session, running, "/api/v3/time")
    assert (status, weight) == (200, "2")
    assert isinstance(clock["serverTime"], int)
    _, info, weight = await get(session, running, "/api/v3/exchangeInfo")
    assert weight == "22"
    (symbol,) = info["symbols"]
    names = [symbol[name] for name in ("symbol", "baseAsset", "quoteAsset", "status")]
    assert names == ["BTCUSDT", "BTC", "USDT", "TRADING"]
    rules = {rule["filterType"]: rule for rule in symbol["filters"]}
    assert rules["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert rules["LOT_SIZE"]["stepSize"] == "1.00000000"
    for limit, expected in ((100, "27"), (500, "52"), (1000, "102"), (5000, "352"), (9999, "602")):
        assert (await get(session, running, f"/api/v3/depth?symbol=BTCUSDT&limit={limit}"))[2] == expected


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("depth", -1102),
        ("depth?symbol=NOPE", -1121),
        ("depth?symbol=BTCUSDT&limit=x", -1100),
        ("depth?symbol=BTCUSDT&limit=0", -1100),
        ("exchangeInfo?symbol=NOPE", -1121),
    ],
)
async def test_a_bad_rest_request_has_the_exchanges_code(
    running: BinanceVenue, session: Any, path: str, code: int
) -> None:
    status, body, _ = await get(session, running, f"/api/v3/{path}")
    assert (status, body["code"]) == (400, code)


async def test_more_weight_than_a_minute_allows_is_refused(punctual: BinanceVenue, session: Any) -> None:
    running = punctual
    for _ in range(24):
        assert (await get(session, running, "/api/v3/depth?symbol=BTCUSDT&limit=5000"))[0] == 200
    async with session.get(running.addresses["rest"] + "/api/v3/ping") as answer:
        assert answer.status == 429
        assert answer.headers["retry-after"] == "40"
        assert (await answer.json())["code"] == -1003


async def test_our_own_book_joins_updates_older_and_younger_than_the_snapshot(
    recorded: Path, session: Any
) -> None:
    async with AsyncExitStack() as stack:
        arguments = ["--capture", str(recorded), "--speed", "max", "--wait", "0"]
        running = await stack.enter_async_context(venue.simulate(arguments))
        path = "/api/v3/depth?symbol=BTCUSDT&limit=1"
        before = {"lastUpdateId": 10, "bids": [["5.1", "1.0"]], "asks": [["6.0", "3.0"]]}
        assert (await get(session, running, path))[1] == before
        async with asyncio.timeout(20), session.ws_connect(running.addresses["stream"] + "/ws/btcusdt@trade"):
            await running.wait()
        after = {"lastUpdateId": 15, "bids": [["5.0", "2.0"]], "asks": [["5.9", "4.0"]]}
        assert (await get(session, running, path))[1] == after


@pytest.mark.parametrize(
    ("symbol", "parts"),
    [
        ("BTCUSDT", ("BTC", "USDT")),
        ("XMRBTC", ("XMR", "BTC")),
        ("USDCUSDT", ("USDC", "USDT")),
        ("ABCXYZ", ("ABC", "XYZ")),
    ],
)
def test_a_symbol_is_split_at_its_quote(symbol: str, parts: tuple[str, str]) -> None:
    assert split_symbol(symbol) == parts


def files(recorded: Path) -> dict[str, Path]:
    """Return good and bad recordings by what the tests call them."""
    folder = recorded.parent
    (folder / "empty").write_bytes(b"")
    (folder / "bad").write_bytes(recorded.read_bytes().splitlines()[0] + b"\n{}")
    return {"FILE": recorded, "MISSING": folder / "missing", "EMPTY": folder / "empty", "BAD": folder / "bad"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--capture", "FILE", "--capture", "FILE"], "second recording of spot"),
        (["--rate", "0"], "above 0 and up to"),
        (["--max-age", "0"], "seconds above 0"),
        (["--symbols", "many"], "0 to 10000"),
        (["--accounts", "MISSING"], "cannot read"),
        (["--capture", "FILE", "--speed", "0"], "above 0"),
        (["--capture", "FILE", "--speed", "nan"], "above 0"),
        (["--capture", "FILE", "--speed", "fast"], "above 0"),
        (["--capture", "FILE", "--wait", "soon"], "names of streams"),
        (["--capture", "FILE", "--wait", "-1"], "names of streams"),
        (["--capture", "FILE", "--listen", "nowhere"], "HOST:PORT"),
        (["--capture", "FILE", "--listen", "8.8.8.8:80"], "loopback"),
        (["--capture", "FILE", "--colour", "red"], "--colour"),
        (["--capture", "MISSING"], "cannot read"),
        (["--capture", "EMPTY"], "no frame"),
        (["--capture", "BAD"], "line 2"),
    ],
)
async def test_wrong_arguments_are_one_sentence_and_exit_status_2(
    recorded: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    places = files(recorded)
    with pytest.raises(SystemExit) as left:
        await AsyncExitStack().enter_async_context(
            venue.simulate([str(places.get(one, one)) for one in arguments])
        )
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.startswith("simulate binance: ")
    assert error.count("\n") == 1


async def test_an_address_that_is_taken_is_one_sentence_and_exit_status_2(
    recorded: Path, running: BinanceVenue, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--capture", str(recorded), "--listen", f"127.0.0.1:{running.port}"]
    with pytest.raises(SystemExit) as left:
        await AsyncExitStack().enter_async_context(venue.simulate(arguments))
    assert left.value.code == 2
    assert "cannot listen" in capsys.readouterr().err
