"""A recording is served by the very server that a gateway has, to any client of the stream protocol."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.client import Client
from gateway.errors import ConfigError, ConnectionFault, RecordingError, SubscriptionError, UnsafeError
from gateway.recording import exchanges
from gateway.recording.replay import Replay, replaying

TRADES, BOOK = "mock:trades:BTC-USDT", "mock:book:BTC-USDT"
HERE = "127.0.0.1:0"


def url(replay: Replay) -> str:
    host, port = replay.address
    return f"ws://{host}:{port}"


class Listener:
    """A client that notes what it is told until the gateway leaves."""

    def __init__(self, replay: Replay, *topics: str, **options: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        self.acks: list[dict[str, Any]] = []
        self.subscribed = asyncio.Event()
        self._client = Client(url(replay))
        self._topics, self._options = topics, options
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with suppress(ConnectionFault):
            async with self._client:
                self.acks = await self._client.subscribe(self._topics, **self._options)
                self.subscribed.set()
                async for message in self._client:
                    self.heard.append(message)

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [one for one in self.heard if one["topic"] == topic]


@pytest.fixture
def many(tape: Callable[..., Any], tmp_path: Path) -> Path:
    """A recording with far more than a client may have waiting: 20,000 trades and a book in one instant."""
    one = tape(topics=[TRADES, BOOK])
    one.ack(TRADES)
    one.ack(BOOK)
    for number in range(1, 20_001):
        one.at = 0
        one.trade(number)
        one.at = 0
        if number % 2 == 0:
            continue
        kind = "snapshot" if number == 1 else "update"
        level = [f"{number}.0", "1"]
        one.say(topic=BOOK, type=kind, recv=number, at=1, data=[{"bids": [level], "asks": [], "seq": number}])
    one.end()
    return tmp_path / "rec"


async def test_as_fast_as_clients_read_none_of_them_misses_anything(many: Path) -> None:
    """With their channels' own policies: nothing is conflated, nobody is too slow, and nothing is left behind."""
    async with replaying(many, HERE, None) as replay:
        listeners = [Listener(replay, TRADES, BOOK) for _ in range(3)]
        for one in listeners:
            await one.subscribed.wait()
        await replay.run("all")
    for one in listeners:
        await one.task
        trades = [message for message in one.of(TRADES) if "offset" in message]
        assert [message["offset"] for message in trades] == list(range(1, 20_001))
        assert [message["data"][0]["id"] for message in trades] == list(range(1, 20_001))
        book = [message for message in one.of(BOOK) if "offset" in message]
        assert [message["data"][0]["seq"] for message in book] == list(range(1, 20_001, 2))
        assert all("first" not in message for message in book)
        assert one.heard[-1]["reason"] == "end_of_recording"


async def test_nothing_is_told_before_somebody_listens(
    tape: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "CALM", 0.01)
    one = tape(topics=[TRADES, BOOK])
    one.ack(TRADES)
    one.ack(BOOK)
    one.trade(1)
    one.end()
    async with replaying(tmp_path / "rec", HERE, None) as replay:
        running = asyncio.create_task(replay.run("all"))
        first = Listener(replay, TRADES)
        await first.subscribed.wait()
        assert [ack["status"] for ack in first.acks] == ["pending"]
        await asyncio.sleep(0.05)
        assert not running.done()
        assert replay.player.messages == 0
        second = Listener(replay, BOOK)
        await running
        assert replay.player.messages == 3
    await asyncio.gather(first.task, second.task)
    assert [message["type"] for message in first.heard] == ["status", "update", "status"]


async def test_it_may_begin_at_once_or_with_the_first(tape: Callable[..., Any], tmp_path: Path) -> None:
    one = tape(topics=[TRADES, BOOK])
    one.ack(TRADES)
    one.ack(BOOK)
    one.end()
    async with replaying(tmp_path / "rec", HERE, None) as replay:
        await replay.run("none")
    async with replaying(tmp_path / "rec", HERE, None) as replay:
        listener = Listener(replay, BOOK)
        await replay.run("first")
    await listener.task
    assert [message["status"] for message in listener.heard] == ["live", "closed"]


async def test_a_client_may_ask_for_its_topics_one_after_the_other(
    tape: Callable[..., Any], tmp_path: Path
) -> None:
    one = tape(topics=[TRADES, BOOK, "mock:trades:OTHER"])
    for topic in (TRADES, BOOK, "mock:trades:OTHER"):
        one.ack(topic)
    one.end()
    async with replaying(tmp_path / "rec", HERE, None) as replay:
        running = asyncio.create_task(replay.run("first"))
        async with Client(url(replay)) as client:
            for topic in (TRADES, BOOK):
                [ack] = await client.subscribe(topic)
                assert ack["status"] == "pending"
                await asyncio.sleep(0.05)
            await running
            assert {(await anext(client))["topic"] for _ in range(2)} == {TRADES, BOOK}


async def test_a_client_that_comes_late_resumes_or_gets_the_book_whole(
    tape: Callable[..., Any], tmp_path: Path
) -> None:
    one = tape(topics=[BOOK])
    one.ack(BOOK)
    for number in range(1, 4):
        kind = "snapshot" if number == 1 else "update"
        level = [f"{number}", "1"]
        one.say(topic=BOOK, type=kind, recv=number, at=1, data=[{"bids": [level], "asks": [], "seq": number}])
    one.say(topic=BOOK, type="update", recv=9, at=600_000_000, data=[{"bids": [["9", "1"]], "asks": [], "seq": 9}])
    one.end()
    async with replaying(tmp_path / "rec", HERE, 1.0) as replay:
        running = asyncio.create_task(replay.run("first"))
        async with Client(url(replay)) as client:
            [ack] = await client.subscribe(BOOK)
            first = [await anext(client) for _ in range(4)]
        assert [message["type"] for message in first] == ["status", "snapshot", "update", "update"]
        async with Client(url(replay)) as client:
            [again] = await client.subscribe(BOOK, resume={BOOK: (ack["epoch"], 1)})
            assert again["recovered"]
            assert [(await anext(client))["offset"] for _ in range(2)] == [2, 3]
        async with Client(url(replay)) as client:
            await client.subscribe(BOOK)
            whole = await anext(client)
            assert (whole["type"], whole["offset"]) == ("snapshot", 3)
            assert whole["data"][0]["bids"] == [["3", "1"], ["2", "1"], ["1", "1"]]
        running.cancel()


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("mock:quotes:BTC-USDT", "unknown_channel"),
        ("mock:trades:NOPE", "unknown_symbol"),
        ("mock:book:BTC-USDT:10", "unknown_variant"),
        ("other:trades:BTC-USDT", "unknown_exchange"),
        ("mock:orders:@other", "unknown_account"),
    ],
)
async def test_what_was_not_recorded_is_refused(
    topic: str, code: str, tape: Callable[..., Any], tmp_path: Path
) -> None:
    one = tape(topics=[TRADES, BOOK, "mock:orders:@main"])
    for name in (TRADES, BOOK, "mock:orders:@main"):
        one.ack(name)
    one.end()
    async with replaying(tmp_path / "rec", HERE, 1.0) as replay, Client(url(replay)) as client:
        with pytest.raises(SubscriptionError) as raised:
            await client.subscribe(topic)
        assert raised.value.code == code


async def test_it_is_ready_and_speaks_rest(many: Path) -> None:
    async with replaying(many, HERE, 1.0) as replay, aiohttp.ClientSession() as session:
        base = url(replay).replace("ws", "http", 1)
        async with session.get(f"{base}/readyz") as reply:
            assert await reply.text() == "ok"
        async with session.get(f"{base}/api/v1/connections") as reply:
            assert await reply.json() == {"connections": []}


async def test_only_this_machine_is_served(many: Path) -> None:
    with pytest.raises(UnsafeError):
        async with replaying(many, "0.0.0.0:0", 1.0):
            pass


async def test_an_address_that_is_taken_is_named(many: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"{listen} cannot be had: "):
            async with replaying(many, listen, 1.0):
                pass


async def test_without_a_recording_nothing_is_served(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no recording"):
        async with replaying(tmp_path, HERE, 1.0):
            pass
