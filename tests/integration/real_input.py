"""
Whether a gateway serves exactly what a venue replays to it; run it as a command while both run.

``python tests/integration/real_input.py --capture FILE --url ws://HOST:PORT``
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from recorded import BOOK, QUOTES, TRADES, Recorded
from witness import Message, Witness

from gateway.client import Client, connect
from gateway.errors import ConnectionFault, SubscriptionError

PATIENCE: Final = 60.0
"""Seconds without any message after which no more is expected."""
SHOWN: Final = 10
"""Problems that are printed."""


async def subscribe(client: Client, on_lag: str | None = "disconnect") -> list[Message]:
    """Subscribe to all three topics and return the answers; unless told otherwise nothing is ever conflated."""
    acks = await client.subscribe([TRADES])
    return acks + await client.subscribe([QUOTES, BOOK], on_lag=on_lag)


async def receive(client: Client, recorded: Recorded) -> list[Message]:
    """
    Return all that comes up to the recording's last datum of each topic, hardly looked at.

    A quick replay waits for the gateway, but the gateway waits for no client.

    Raises:
        TimeoutError: If nothing comes for too long.
        ConnectionFault: If the connection breaks.
    """
    last = {topic: next(reversed(records)) for topic, records in recorded.records.items()}
    messages: list[Message] = []
    while last:
        async with asyncio.timeout(PATIENCE):
            message = await anext(client)
        messages.append(message)
        if "data" in message:
            record = message["data"][-1]
            if record.get("id", record.get("seq")) == last.get(message["topic"]):
                del last[message["topic"]]
    return messages


async def compare(capture: Path, url: str) -> int:
    """Say how what a gateway serves compares with ``capture`` and return the exit status."""
    recorded = Recorded(capture)
    async with connect(url, queue=sum(map(len, recorded.records.values()))) as client:
        witness = Witness(recorded, await subscribe(client))
        say("subscribed")
        for message in await receive(client, recorded):
            witness.take(message)
    for one in witness.topics.values():
        say(f"{one.topic}: {len(one.records)} of {len(recorded.records[one.topic])} recorded, offset {one.offset}")
    say(f"book: {witness.book.compared} times compared with the quotes, {witness.book.differing} times different")
    for problem in witness.problems[:SHOWN]:
        say(problem)
    say(f"{len(witness.problems)} problems")
    return 1 if witness.problems else 0


def say(sentence: str) -> None:
    """Print at once, into a pipe too."""
    print(sentence, flush=True)  # noqa: T201  # a command's way of speaking


def main() -> int:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(description="Compare what a gateway serves with the recording it replays.")
    parser.add_argument("--capture", type=Path, required=True, help="the recording that the venue replays")
    parser.add_argument("--url", default="ws://127.0.0.1:8765", help="of the gateway")
    options = parser.parse_args()
    try:
        return asyncio.run(compare(options.capture, options.url))
    except TimeoutError:
        say(f"nothing came for {PATIENCE:g} s")
    except (ConnectionFault, SubscriptionError, OSError) as exc:
        say(str(exc))
    return 1


if __name__ == "__main__":
    sys.exit(main())
