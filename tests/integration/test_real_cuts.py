"""A recording is replayed while the gateway is cut off again and again: holes are filled or told, books mend."""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from measured import counted, happened, took
from real_input import PATIENCE, subscribe
from recorded import BOOK, QUOTES, TRADES, Recorded
from witness import Witness

from gateway.client import Client, connect
from gateway.testing.records import Watch
from gateway_binance.venue import venue
from gateway_binance.venue.calls.public import Public
from gateway_binance.venue.replay import BinanceVenue, Cut

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
SECONDS = 219.0 if FULL else 24.0
CUTS = (Cut.FIN, Cut.RST, Cut.SILENCE, Cut.RST, Cut.SILENCE)
REASONS = {Cut.FIN: "closed_by_peer", Cut.RST: "connection_reset", Cut.SILENCE: "heartbeat_missed"}
STREAMS = ("btcusdt@trade", "btcusdt@bookTicker", "btcusdt@depth@100ms")
PAGE = (Path(__file__).parents[2] / "docs/real-input.md").read_text()
REPLAY, PACE = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.timeout(SECONDS + 240)


@dataclass
class Stage:
    """A venue in this process, a gateway in its own, and a client of it."""

    venue: BinanceVenue
    client: Client
    witness: Witness
    address: str
    heard: Watch = field(default_factory=Watch)

    async def listen(self) -> None:
        """Take what comes until the recording's end."""
        while not self.witness.complete:
            async with asyncio.timeout(PATIENCE):
                self.witness.take(await anext(self.client))
            self.heard.changed()

    async def passed(self, count: int) -> None:
        """Wait until so many of the recording's frames were due."""
        await self.venue.wait_for(lambda: sum(self.venue.passed.values()) >= count)

    async def pinged(self) -> None:
        """Wait for the gateway's next ping."""
        before = self.venue.counts.pings
        await self.venue.wait_for(lambda: self.venue.counts.pings > before)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what a message brings about."""
        async with asyncio.timeout(PATIENCE + SECONDS):  # the recording may take so long to get there
            await self.heard.wait_for(holds)

    def mended(self, times: int) -> bool:
        """Whether all is well again after so many cuts."""
        topics = self.witness.topics.values()
        restored = all(one.count("restored") == times and one.status == "live" for one in topics)
        return restored and self.witness.book.count("synced") == times

    async def connection(self) -> Any:
        """Return what the gateway says of its connection."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.address}/api/v1/connections/binance/stream/0") as answer,
        ):
            return await answer.json()


@pytest.fixture(autouse=True)
def distant(monkeypatch: pytest.MonkeyPatch) -> None:
    """REST answers take their time: a book has changed before its snapshot arrives, so updates wait for it."""
    at_once = BinanceVenue._request

    async def request(self: BinanceVenue, *about: Any) -> Any:
        answer = await at_once(self, *about)
        await asyncio.sleep(0.2)
        return answer

    monkeypatch.setattr(BinanceVenue, "_request", request)


@pytest.fixture
def stage(run: Any, tmp_path: Path) -> Any:
    """Replay ``capture`` to a gateway that pings every second, with a client that takes all of it."""

    @asynccontextmanager
    async def staging(capture: Path, speed: str) -> AsyncIterator[Stage]:
        recorded = Recorded(capture)
        arguments = ["--capture", str(capture), "--speed", speed, "--wait", "1", "--stay"]
        async with venue.simulate(arguments) as running:
            replay = REPLAY.replace("ws://127.0.0.1:9443", running.addresses["stream"])
            replay = replay.replace("http://127.0.0.1:9443", running.addresses["rest"])
            (tmp_path / "cuts.toml").write_text(PACE + replay)
            serve = ".venv/bin/python -m gateway serve --config cuts.toml"
            async with run(serve, GATEWAY_SERVER__LISTEN="127.0.0.1:0") as gateway:
                address = await gateway.told("Listening on http://(.*)")
                async with connect(f"ws://{address}", queue=100_000) as client:
                    witness = Witness(recorded, await subscribe(client))
                    yield Stage(running, client, witness, address)
            assert "internal_error" not in gateway.errors

    return staging


@pytest.fixture
def beginning(capture: Path, tmp_path: Path) -> tuple[Path, list[float]]:
    """The recording's first seconds, and when each of its frames is due."""
    lines = capture.read_bytes().splitlines(keepends=True)
    times = [orjson.loads(line)["recv_ns"] / 1e9 for line in lines]
    due = [at - times[0] for at in times if at - times[0] <= SECONDS]
    path = tmp_path / "beginning.jsonl"
    path.write_bytes(b"".join(lines[: len(due)]))
    return path, due


async def cut_off(on: Stage, due: Sequence[float]) -> None:
    """
    Cut the gateway off five times, evenly spread; each cut has healed before the next.

    Each comes right after a ping: an end with something unread would be a reset.
    """
    for number, how in enumerate(CUTS, 1):
        await on.passed(sum(at < SECONDS * number / (len(CUTS) + 2) for at in due))
        await on.pinged()
        on.venue.cut(how, seconds=SECONDS)
        cut = time.monotonic()
        await on.until(partial(on.mended, number))
        ended = "falls silent" if how is Cut.SILENCE else "ends"
        took(f"seconds until data and book are whole again after a connection {ended}", [time.monotonic() - cut])


async def join_while_it_is_down(on: Stage) -> Witness:
    """Return what a client is sent that comes during the third cut."""
    await on.until(lambda: on.witness.book.count("disconnected") == 3)
    async with connect(f"ws://{on.address}", queue=100_000) as client:
        late = replace(on, client=client, witness=Witness(on.witness.recorded, await subscribe(client)))
        assert {one.status for one in late.witness.topics.values()} == {"disconnected"}
        await late.listen()
    return late.witness


async def test_five_cuts_at_the_recorded_pace(stage, beginning):
    path, due = beginning
    async with stage(path, "1") as on:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(on.listen())
            tasks.create_task(cut_off(on, due))
            joining = tasks.create_task(join_while_it_is_down(on))
        connection = await on.connection()
        assert Counter(stream for _, stream in on.venue.streams()) == dict.fromkeys(STREAMS, 1)
        assert Counter(stream for wish in on.venue.subscribes for stream in wish.streams) == dict.fromkeys(
            STREAMS, 6
        )
    late = joining.result()
    for witness in (on.witness, late):
        assert not witness.problems, witness.problems[:5]
    assert late.book.count("synced") == late.book.snapshots == 3
    assert late.trades.records == on.witness.trades.records[-len(late.trades.records) :]
    reasons = [REASONS[how] for how in CUTS]
    for one in on.witness.topics.values():
        assert [message["reason"] for message in one.told if message["status"] == "disconnected"] == reasons
    assert [change["reason"] for change in connection["history"] if change["after"] == "ERROR"] == reasons
    assert (connection["state"], connection["epoch"]) == ("CONNECTED", 6)
    trades, quotes, book = on.witness.trades, on.witness.quotes, on.witness.book
    assert [record["id"] for record in trades.records] == list(on.witness.recorded.records[TRADES]), "none is lost"
    assert connection["counters"]["filled"] > 0, "a silence of seconds loses trades, which are fetched"
    assert quotes.count("gap") == book.count("gap") == book.count("synced") == len(CUTS)
    assert book.snapshots == len(CUTS) + 1
    assert book.differing == 0
    assert book.compared > len(on.witness.recorded.records[BOOK]) / 2
    assert len(quotes.records) > len(on.witness.recorded.records[QUOTES]) / 2
    counted("cuts", len(CUTS))
    tell(on.witness, late)


def tell(*witnesses: Witness) -> None:
    """Add what they saw to what is shown."""
    for one in witnesses:
        came = sum(len(topic.records) for topic in one.topics.values())
        happened("records wrong, doubled, reordered, or missing and not told", len(one.problems), came)
        happened("changes after which a book was not the exchange's", one.book.differing, one.book.compared)


def told_missing(told):
    return [(message["from"], message["to"]) for message in told if message["status"] == "gap"]


async def lose(on: Stage) -> None:
    """Have the exchange lose seven trades and three changes of the book, twice."""
    frames = sum(map(len, on.witness.recorded.records.values()))
    for number in (1, 2):
        await on.passed(frames * number // 3)
        on.venue.faults.lose("btcusdt@trade", 7)
        on.venue.faults.lose("btcusdt@depth@100ms", 3)
        await on.until(lambda: on.witness.book.count("synced") == number)  # noqa: B023  # awaited at once


async def test_holes_in_a_connection_that_stays(stage, capture, monkeypatch):
    """The exchange knows nothing of the past, so that nothing can be filled."""
    monkeypatch.setattr(Public, "_old", lambda *_: [])
    async with stage(capture, "40") as on:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(on.listen())
            tasks.create_task(lose(on))
        connection = await on.connection()
    assert not on.witness.problems, on.witness.problems[:5]
    recorded = on.witness.recorded.records
    trades, quotes, book = on.witness.trades, on.witness.quotes, on.witness.book
    assert connection["epoch"] == 1
    assert (connection["counters"]["filled"], connection["counters"]["unfilled"]) == (0, 14)
    assert [last - first + 1 for first, last in told_missing(trades.told)] == [7, 7]
    assert len(trades.records) == len(recorded[TRADES]) - 14
    assert quotes.records == list(recorded[QUOTES].values())
    assert book.count("gap") == book.count("resyncing") == book.count("synced") == 2
    assert (book.snapshots, book.differing) == (3, 0)
    assert len(recorded[BOOK]) / 2 < book.compared <= len(recorded[BOOK]) - 2 - 6
    counted("trades that the exchange lost, told with their bounds", 14)
    tell(on.witness)
