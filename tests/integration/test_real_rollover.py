"""A recording is replayed to a gateway whose connection is replaced meanwhile: nothing is missing or doubled."""

import asyncio
import time
from pathlib import Path
from typing import Any

from real_input import receive, subscribe
from recorded import BOOK, QUOTES, TRADES, Recorded
from witness import Witness

from gateway import Gateway
from gateway.client import connect
from gateway.serving import Server
from gateway_binance.venue import venue
from gateway_binance.venue.replay import BinanceVenue

ID = "binance/stream/0"


async def roll_over(gateway: Gateway, replay: BinanceVenue, frames: int) -> bool:
    """Roll over when a quarter of the recording has passed."""
    await replay.wait_for(lambda: sum(replay.passed.values()) >= frames // 4)
    return await gateway.rollover(ID)


async def test_a_replay_goes_on_over_a_rollover_and_its_book_needs_no_other_snapshot(capture: Path) -> None:
    recorded = Recorded(capture)
    frames = sum(map(len, recorded.records.values()))
    arguments = ["--capture", str(capture), "--speed", "30", "--wait", "1", "--stay"]
    async with (
        venue.simulate(arguments) as replay,
        Gateway(
            {"exchanges": {"binance": {"endpoints": {**replay.addresses, "allow_plaintext": True}}}}
        ) as gateway,
    ):
        server = server_of(gateway)
        await server.start()
        host, port = server.address
        async with connect(f"ws://{host}:{port}", queue=100_000) as client:
            witness = Witness(recorded, await subscribe(client))
            rolling = asyncio.create_task(roll_over(gateway, replay, frames))
            for message in await receive(client, recorded):
                witness.take(message)
            assert await rolling is True
        await server.stop()
        assert witness.complete
        assert witness.problems == []
        assert [replay.counts.upgrades, [one.path for one in replay.requests].count("/api/v3/depth")] == [2, 1]
        told = {topic: [message["status"] for message in one.told] for topic, one in witness.topics.items()}
        assert told == {topic: ["live"] for topic in (TRADES, QUOTES, BOOK)}
        assert witness.book.snapshots == 1


def tables(replay: BinanceVenue) -> dict[str, Any]:
    return {"exchanges": {"binance": {"endpoints": {**replay.addresses, "allow_plaintext": True}}}}


def server_of(gateway: Gateway) -> Any:
    return Server(
        gateway.hub,
        gateway.operations,
        host="127.0.0.1",
        port=0,
        now=time.monotonic,
        wall_us=lambda: time.time_ns() // 1000,
        version="0",
    )
