"""Measured: the gateway inside a program, each message handed to a callback in the path of the data."""

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from callbacks import DECIMAL, PLAIN
from meter import PATIENCE, Meter
from progress import UNLIMITED, Progress
from tape import TOP, Proof

from gateway import Gateway

T = TypeVar("T")
TOPICS: Final = {
    "ticks": ("binance:trades:BTC-USDT:agg", "binance:quotes:BTC-USDT"),
    "book": ("binance:book:BTC-USDT",),
}


async def measure(given: argparse.Namespace) -> None:
    """Listen to the topics of a tape until all of it was heard."""
    done, proof = asyncio.Event(), Proof()
    progress = Progress(given.progress)
    meter = Meter(given.count, done.set, ready=lambda: progress.tell(UNLIMITED))
    callbacks = DECIMAL if given.decimals else PLAIN
    address = f"127.0.0.1:{given.port}"
    endpoints = {"stream": f"ws://{address}", "rest": f"http://{address}", "allow_plaintext": True}
    async with Gateway({"exchanges": {"binance": {"endpoints": endpoints}}}) as gateway:
        for topic in TOPICS[given.tape]:
            await gateway.listen(topic, callbacks[topic.split(":")[1]](meter, proof))
        if given.tape == "ticks":
            meter.ready()  # with a book it is once the snapshot has come
        try:
            async with asyncio.timeout(PATIENCE):
                await done.wait()
        except TimeoutError:
            pass  # the count will tell
        if given.tape == "book":
            await gateway.listen(TOPICS["book"][0], lambda whole: proof.update(top=top(whole)))
    meter.report(proof)


def top(whole: Any) -> Any:
    """Return the best levels of a snapshot."""
    record = whole.records[0]
    return [record.bids[:TOP], record.asks[:TOP]]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on the event loop that the gateway uses as a process, and return its result."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(work)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415  # absent where it does not install
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--tape", choices=TOPICS, required=True)
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--progress", type=Path, required=True)
    options.add_argument("--decimals", action="store_true")
    run(measure(options.parse_args()))
