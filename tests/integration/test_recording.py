"""
What clients of a real gateway were told is what clients of its recording are told, record for record.

Also where the recorder was killed in the middle, and where the disk was full.
"""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway import Gateway
from gateway.client import Client
from gateway.errors import ConnectionFault
from gateway.recording.recorder import Recorder, World
from gateway.recording.replay import replaying
from gateway.recording.writing import Writer
from gateway.serving import Server
from gateway_mock.venue import venue

TRADES = "mock:trades:BTC-USDT"
TOPICS = [
    TRADES,
    "mock:quotes:BTC-USDT",
    "mock:ticker:ETH-USDT",
    "mock:book:BTC-USDT",
    "mock:book:ETH-USDT:10",
    "mock:raw:trades.eth_usdt",
]
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from gateway.cli import run
sys.exit(run(sys.argv[1:]))
"""
"""A disk that takes 20,000 bytes of a file."""
Messages = list[dict[str, Any]]


@asynccontextmanager
async def demonstration(rate: int = 100) -> AsyncIterator[str]:
    """Serve the simulated exchange; yields where."""
    async with venue.simulate(["--listen", "127.0.0.1:0", "--rate", str(rate)]) as running:
        exchange = {"endpoints": {**running.addresses, "allow_plaintext": True}}
        async with Gateway({"exchanges": {"mock": exchange}}, environ={}) as gateway:
            server = Server(
                gateway.hub,
                gateway.operations,
                host="127.0.0.1",
                port=0,
                now=time.monotonic,
                wall_us=lambda: time.time_ns() // 1000,
                version="1",
            )
            await server.start()
            yield f"ws://127.0.0.1:{server.address[1]}"
            await server.stop()


async def hear(url: str, heard: Messages, is_enough: Callable[[Messages], bool] = lambda _: False) -> None:
    """Note all that a client of every topic is told until that is enough, or the gateway leaves."""
    with suppress(ConnectionFault):
        async with Client(url) as client:
            await client.subscribe(TOPICS, on_lag="disconnect")
            async for message in client:
                heard.append(message)
                if is_enough(heard):
                    return


async def replayed(directory: Path) -> Messages:
    """Return all that a client of every recorded topic is told."""
    heard: Messages = []
    async with replaying(directory, "127.0.0.1:0", None) as replay:
        listening = asyncio.create_task(hear(f"ws://127.0.0.1:{replay.address[1]}", heard))
        async with asyncio.timeout(100):
            await replay.run("all")
    await listening
    return heard


def told(messages: Messages, topic: str) -> list[Any]:
    """Return what was told of ``topic``, without what belongs to one gateway alone."""
    return [
        {key: one[key] for key in one if key not in {"epoch", "offset"}}
        for one in messages
        if one["topic"] == topic
    ]


def ids(messages: Messages) -> list[int]:
    return [record["id"] for one in messages if one["topic"] == TRADES and "data" in one for record in one["data"]]


async def test_a_replay_tells_record_for_record_what_the_gateway_told_and_ends_with_the_same_books(
    tmp_path: Path,
) -> None:
    witnessed: Messages = []
    async with demonstration() as url:
        writer = Writer(tmp_path / "rec", "1", "run", TOPICS, size=20_000)
        world = World(time.monotonic, lambda: time.time_ns() // 1000, Random(1))
        recording = asyncio.create_task(Recorder(url, TOPICS, writer, world, flush=0.1).run())
        async with asyncio.timeout(100):
            await hear(url, witnessed, lambda heard: len(heard) >= 1200)
        recording.cancel()
        await asyncio.wait({recording})
    assert writer.segment > 1
    heard = await replayed(tmp_path / "rec")
    for topic in TOPICS:
        expected = [one for one in told(witnessed, topic) if one["type"] == "update"]
        got = [one for one in told(heard, topic) if one["type"] == "update"]
        assert len(expected) > 100
        start = got.index(expected[0])
        assert got[start : start + len(expected)] == expected, topic
        offsets = [one["offset"] for one in heard if one["topic"] == topic and "offset" in one]
        assert offsets == list(range(1, len(offsets) + 1)), topic
    assert {one["type"] for one in heard} == {"status", "snapshot", "update"}, "no lag, no jump"
    for topic in ("mock:book:BTC-USDT", "mock:book:ETH-USDT:10"):
        books = books_of(witnessed, topic)
        assert books_of(heard, topic)[max(books)] == books[max(books)]
    assert not {one["epoch"] for one in heard if "epoch" in one} & {
        one["epoch"] for one in witnessed if "epoch" in one
    }


def books_of(messages: Messages, topic: str) -> dict[int, dict[str, dict[str, str]]]:
    """Return the whole book after each of the exchange's numbers."""
    found: dict[int, dict[str, dict[str, str]]] = {}
    book: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
    for one in messages:
        if one["topic"] != topic or "data" not in one:
            continue
        for record in one["data"]:
            for side, levels in book.items():
                if one["type"] == "snapshot":
                    levels.clear()
                levels.update(map(tuple, record[side]))
                for price in [price for price, size in levels.items() if size == "0"]:
                    del levels[price]
            found[record["seq"]] = {side: dict(levels) for side, levels in book.items()}
    return found


@asynccontextmanager
async def recorder(
    directory: Path, url: str, *, program: tuple[str, ...] = ("-m", "gateway")
) -> AsyncIterator[Any]:
    """Run ``gateway record``."""
    command = (*program, "record", *TOPICS, "--to", str(directory), "--url", url, "--flush", "50ms")
    pipe = asyncio.subprocess.PIPE
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=pipe, stderr=pipe, env=environ)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def bytes_of(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("*.zst"))


async def grown(directory: Path, size: int) -> None:
    """Wait until so many bytes are there."""
    async with asyncio.timeout(100):
        while bytes_of(directory) < size:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)


async def test_a_recorder_that_is_killed_leaves_what_it_had_and_the_next_tells_the_gap(tmp_path: Path) -> None:
    directory = tmp_path / "rec"
    async with demonstration() as url:
        async with recorder(directory, url) as killed:
            await grown(directory, 20_000)
            killed.send_signal(signal.SIGKILL)
            await killed.wait()
        first = ids(await replayed(directory))
        assert first == list(range(first[0], first[0] + len(first)))
        assert len(first) > 50
        async with recorder(directory, url) as ended:
            await grown(directory, 40_000)
            ended.send_signal(signal.SIGINT)
            out, err = await ended.communicate()
        assert (ended.returncode, err) == (0, b"")
        assert re.fullmatch(
            r"Recorded [\d,]+ messages in 1 file, 0\.\d MiB, the last .*000002\.jsonl\.zst\n", out.decode()
        )
    heard = await replayed(directory)
    both = ids(heard)
    assert both[: len(first)] == first
    second = both[len(first) :]
    assert second == list(range(second[0], second[0] + len(second)))
    assert second[0] > first[-1] + 1
    statuses = [
        (one["status"], one["reason"]) for one in heard if one["topic"] == TRADES and one["type"] == "status"
    ]
    cut = [(status, "not_recorded") for status in ("disconnected", "restored", "gap")]
    assert statuses == [("live", ""), *cut, ("live", ""), ("closed", "end_of_recording")]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of that kind")
async def test_a_disk_that_is_full_ends_the_recorder_and_what_is_there_is_whole(tmp_path: Path) -> None:
    directory = tmp_path / "rec"
    async with demonstration() as url, recorder(directory, url, program=("-c", LIMITED)) as process:
        async with asyncio.timeout(100):
            out, err = await process.communicate()
        assert process.returncode == 1
        said = f"gateway: {directory}/000001.jsonl.zst cannot be written: File too large; lines on disk: "
        assert re.fullmatch(re.escape(said) + r"\d+\n", err.decode()), err
        assert out.startswith(b"Recorded ")
    heard = await replayed(directory)
    assert len(ids(heard)) > 20
    assert "gap" not in {one.get("status") for one in heard}, "something was torn"


async def test_a_pipeline_of_ordinary_tools_reads_it(tmp_path: Path, tape_of: Callable[[Path], Path]) -> None:
    """Frames that follow each other are one file to every program that knows the format."""
    path = tape_of(tmp_path / "rec")
    try:
        process = await asyncio.create_subprocess_exec("zstd", "-dc", str(path), stdout=asyncio.subprocess.PIPE)
    except FileNotFoundError:
        pytest.skip("there is no zstd on this machine")
    out, _ = await process.communicate()
    header, *lines = [json.loads(line) for line in out.splitlines()]
    assert header["format"] == 1
    assert [line["message"]["topic"] for line in lines] == [TRADES, TRADES]


@pytest.fixture
def tape_of() -> Callable[[Path], Path]:
    def written(directory: Path) -> Path:
        writer = Writer(directory, "1", "run", [TRADES])
        writer.open(0.0, 1)
        for number in (1, 2):
            writer.put(b'{"at":%d,"message":{"topic":"mock:trades:BTC-USDT"}}\n' % number)
            writer.flush(0.0, 1)
        writer.close()
        return writer.path

    return written
