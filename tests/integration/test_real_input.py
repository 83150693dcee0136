"""What was recorded at Binance is what clients get, through real processes and forty times as fast."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from real_input import PATIENCE, receive, subscribe
from recorded import BOOK, QUOTES, TRADES, Recorded
from witness import Witness

from gateway.client import connect

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/real-input.md").read_text()
SIMULATE, SERVE, COMPARE = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
REPLAY = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
[FOUND] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
VENUE, GATEWAY = "127.0.0.1:9443", "127.0.0.1:8765"
TOPICS = 3
SERVING = r"Listening on http://(.*)"


@pytest.fixture
def recorded(capture: Path) -> Recorded:
    return Recorded(capture)


@pytest.fixture
def simulate(run: Any, capture: Path) -> Any:
    """Start the documented venue on a port that is free."""
    return lambda: run(SIMULATE.replace(VENUE, "127.0.0.1:0"), CAPTURE=str(capture))


@pytest.fixture
def serve(run: Any, tmp_path: Path) -> Any:
    """Start the documented gateway, pointed at a venue, on a port that is free."""

    def start(address: str) -> Any:
        (tmp_path / "replay.toml").write_text(REPLAY.replace(VENUE, address))
        return run(SERVE, GATEWAY_SERVER__LISTEN="127.0.0.1:0")

    return start


async def test_the_documented_commands_find_nothing_wrong(run, capture, simulate, serve):
    async with simulate() as venue, serve(await venue.told("stream ws://(.*)")) as gateway:
        url = await gateway.told(SERVING)
        async with run(COMPARE.replace(GATEWAY, url), CAPTURE=str(capture)) as comparison:
            assert await comparison.ended() == (0, FOUND.splitlines())
        assert (await venue.ended())[0] == 0


async def until_disconnected(client, messages):
    """Add what comes until each topic has told that its connection is over; they may tell it in any order."""
    async with asyncio.timeout(PATIENCE):
        while sum(message.get("status") == "disconnected" for message in messages) < TOPICS:
            messages.append(await anext(client))


async def test_clients_get_every_record_in_order_and_a_book_that_agrees_with_every_quote(
    recorded, simulate, serve
):
    async with simulate() as venue, serve(await venue.told("stream ws://(.*)")) as gateway:
        url = f"ws://{await gateway.told(SERVING)}"
        async with connect(url, queue=100_000) as exact, connect(url, queue=100_000) as usual:
            every = Witness(recorded, await subscribe(exact))
            conflated = Witness(recorded, await subscribe(usual, on_lag=None))
            received = await asyncio.gather(receive(exact, recorded), receive(usual, recorded))
            await venue.ended()
            await asyncio.gather(*map(until_disconnected, (exact, usual), received))
    assert "internal_error" not in gateway.errors
    for witness, messages in zip((every, conflated), received, strict=True):
        for message in messages:
            if message.get("status") == "disconnected":
                assert witness.topics[message["topic"]].complete
            witness.take(message)
        assert not witness.problems, witness.problems[:5]
        last = {message["topic"]: message for message in messages if "topic" in message}
        assert {message.get("status") for message in last.values()} == {"disconnected"}, "something came after"
        assert {topic: one.offset for topic, one in witness.topics.items()} == {
            TRADES: 4894,
            QUOTES: 16000,
            BOOK: 2181,
        }
        assert witness.trades.records == list(recorded.records[TRADES].values())
        assert witness.book.differing == 0
    assert every.quotes.records == list(recorded.records[QUOTES].values())
    assert every.book.records == list(recorded.records[BOOK].values())[2:]
    assert (every.book.snapshots, every.book.compared) == (1, 2180)
