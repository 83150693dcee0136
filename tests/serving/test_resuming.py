"""A client that breaks off at any moment and comes back where it stood gets each message once, or is told."""

import asyncio
import os
from random import Random
from typing import Any

import pytest

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
BREAKS = 1000 if FULL else 60
RING = 1024
CHANNELS = {"mock:trades:A": "trades", "mock:quotes:A": "quotes"}


class Reader:
    """A client over all its sockets."""

    def __init__(self, rig: Any, rng: Random) -> None:
        self.rig = rig
        self.rng = rng
        self.at: dict[str, tuple[str, int]] = {}
        self.outcomes: dict[tuple[bool, bool], int] = {}
        """How often what was missed was in the ring, and was recovered."""

    async def connect(self) -> Any:
        client = await self.rig.client()
        for topic, channel in CHANNELS.items():
            at = self.at.get(topic)
            resume = {} if at is None else {"A": {"epoch": at[0], "offset": at[1]}}
            await client.subscribe("A", channel=channel, on_lag="disconnect", resume=resume)
        return client

    def acknowledged(self, ack: dict[str, Any]) -> None:
        before, now = self.at.get(ack["topic"]), (ack["epoch"], ack["offset"])
        if before is not None:
            fits = now[1] - before[1] <= RING
            self.outcomes[fits, ack["recovered"]] = self.outcomes.get((fits, ack["recovered"]), 0) + 1
        self.at[ack["topic"]] = before if before is not None and ack["recovered"] else now

    def take(self, message: dict[str, Any]) -> None:
        epoch, last = self.at[message["topic"]]
        assert message["epoch"] == epoch
        if message["type"] == "snapshot":
            assert (message["topic"], message["offset"]) == ("mock:quotes:A", last), "for what was not recovered"
        else:
            assert message["offset"] == last + 1, "each once, and in order"
            assert message["data"][0]["bid"] == str(message["offset"])
        self.at[message["topic"]] = (epoch, message["offset"])

    async def read(self, client: Any, many: int) -> None:
        for _ in range(many):
            message = await client.next()
            if "method" in message:
                self.acknowledged(message)
            elif message["type"] != "status":
                self.take(message)


async def publish(rig: Any) -> None:
    """As fast as the event loop turns, until cancelled."""
    while True:
        for channel in CHANNELS.values():
            topic = rig.topic("A", channel)
            for _ in range(3):
                rig.publish(str(topic.offset + 1), "A", channel)
        await asyncio.sleep(0)


@pytest.mark.timeout(300 if FULL else 240)
async def test_whoever_breaks_off_at_random_gets_each_message_once_or_is_told(start: Any) -> None:
    rig = await start()
    rng = Random(20)
    reader = Reader(rig, rng)
    client = await reader.connect()
    await reader.read(client, 2)
    publishing = asyncio.create_task(publish(rig))
    for _ in range(BREAKS):
        await reader.read(client, rng.randrange(400))
        client.ws._response.close()  # no goodbye
        until = rig.topic("A", "trades").offset + rng.choice([0, 0, 50, 500, 2000])
        await rig.until(lambda until=until: rig.topic("A", "trades").offset >= until)
        client = await reader.connect()
    publishing.cancel()
    await asyncio.wait([publishing])
    while any(reader.at[topic][1] < rig.hub.topics[topic].offset for topic in CHANNELS):
        await reader.read(client, 1)
    assert set(reader.outcomes) == {(True, True), (False, False)}, "recovered if and only if the ring has it all"
    assert sum(reader.outcomes.values()) >= BREAKS
    assert min(reader.outcomes.values()) > BREAKS // 20
