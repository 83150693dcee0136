"""
Measured: cryptofeed at the same work, in a process and an environment of its own.

cryptofeed dials encrypted addresses only. So it is given one, and its dialler is
handed the plain one instead: the venue here does no TLS.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cryptofeed.connection
from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import ASK, BID, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import Binance
from meter import PATIENCE, Meter
from progress import UNLIMITED, Progress
from tape import TOP, Proof


def point_at(port: int) -> None:
    """Have cryptofeed's Binance talk to the venue."""
    dial = cryptofeed.connection.connect

    def plainly(address: str, **settings: Any) -> Any:
        return dial("ws://" + address.removeprefix("wss://"), **settings)

    cryptofeed.connection.connect = plainly
    routes = Routes("/api/v3/exchangeInfo", l2book="/api/v3/depth?symbol={}&limit={}")
    Binance.websocket_endpoints = [WebsocketEndpoint(f"wss://127.0.0.1:{port}")]
    Binance.rest_endpoints = [RestEndpoint(f"http://127.0.0.1:{port}", routes=routes)]


def callbacks(meter: Meter, proof: Proof) -> dict[str, Any]:
    """Return what reads the same fields as the gateway's callbacks do; cryptofeed made numbers of them."""

    async def trade(one: Any, _: float) -> None:
        _ = one.side, one.price, one.amount, one.timestamp
        proof["trades"] = int(one.id)
        meter.count()

    async def quote(one: Any, _: float) -> None:
        _ = one.bid, one.ask
        proof["quotes"] = one.raw["u"]
        meter.count()

    async def book(one: Any, _: float) -> None:
        if one.delta is None:  # the snapshot
            meter.ready()
            return
        _ = one.delta[BID], one.delta[ASK], one.timestamp
        proof["book"] = one.sequence_number
        proof["kept"] = one.book
        meter.count()

    return {TRADES: trade, TICKER: quote, L2_BOOK: book}


async def measure(given: argparse.Namespace) -> None:
    """Run cryptofeed until it has called back for the whole tape."""
    point_at(given.port)
    done, proof = asyncio.Event(), Proof()
    progress = Progress(given.progress)
    meter = Meter(given.count, done.set, ready=lambda: progress.tell(UNLIMITED))
    if given.tape == "ticks":
        meter.ready()
    channels = [TRADES, TICKER] if given.tape == "ticks" else [L2_BOOK]
    heard = {name: one for name, one in callbacks(meter, proof).items() if name in channels}
    handler = FeedHandler(config={"log": {"disabled": True}})
    handler.add_feed(Binance(symbols=["BTC-USDT"], channels=channels, callbacks=heard))
    running = asyncio.create_task(handler.run_async(install_signal_handlers=False))
    try:
        async with asyncio.timeout(PATIENCE):
            await done.wait()
    except TimeoutError:
        pass  # the count will tell
    if kept := proof.pop("kept", None):
        proof["top"] = [top(kept.bids), top(kept.asks)]
    meter.report(proof)
    running.cancel()


def top(side: Any) -> list[list[str]]:
    """Return the best levels of a side; a float would spoil a price."""
    return [[str(price), str(size)] for price, size in (side.index(i) for i in range(min(TOP, len(side))))]


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--tape", choices=("ticks", "book"), required=True)
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--progress", type=Path, required=True)
    import uvloop  # what FeedHandler.run() would choose

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(options.parse_args()))
    os._exit(0)
