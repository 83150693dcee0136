"""A gateway that is played messages while everything can listen, and what was run on their way."""

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from gateway import Gateway, Message
from gateway.engine.lines import LagPolicy, Line
from gateway.engine.outbox import Outbox
from gateway.spi.steps import HttpReply
from gateway.telemetry import Logs
from gateway.telemetry.tracing import Tracing
from gateway.testing.memory import MemoryNetwork
from gateway.testing.memory_peer import MemoryPeer
from gateway_mock.plugin import MockExchange

TOPICS = ("trades:BTC-USDT", "quotes:BTC-USDT", "book:BTC-USDT", "book:BTC-USDT:5", "raw:trades.btc_usdt")
SYMBOLS = b'[{"symbol":"BTC-USDT","native":"btc_usdt","base":"BTC","quote":"USDT"}]'


class Profile:
    """Which modules were entered, and which code was run."""

    def __init__(self) -> None:
        self.entered: Counter[str] = Counter()
        self.code: set[CodeType] = set()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        before = sys.getprofile()
        gc.disable()  # what others have left may be told of as it is collected
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(before)
            gc.enable()

    def entries(self, *modules: str) -> dict[str, int]:
        """Return how often each of ``modules``, or a module of theirs, was entered, if it was."""
        return {
            name: count
            for name, count in self.entered.items()
            if any(name == one or name.startswith(f"{one}.") for one in modules)
        }

    def _see(self, frame: FrameType, event: str, arg: object) -> None:
        if event == "call":
            self.entered[str(frame.f_globals.get("__name__"))] += 1
            self.code.add(frame.f_code)
        elif event == "c_call":
            owner = getattr(arg, "__self__", None)
            self.entered[getattr(arg, "__module__", None) or type(owner).__module__] += 1


class Client:
    """The engine's half of one client: an outbox, and a line to each topic, as the server has them."""

    def __init__(self, gateway: Gateway, policy: LagPolicy) -> None:
        self.woken = 0
        self.outbox = Outbox(self._wake)
        self.lines = [Line(topic, self.outbox, policy) for topic in gateway.hub.topics.values()]
        for line in self.lines:
            line.topic.attach(line)

    def _wake(self) -> None:
        self.woken += 1


def messages(count: int) -> Iterator[bytes]:
    """Yield what the mock exchange says: trades, quotes and changes of a book in turn."""
    for number in range(1, count + 1):
        match number % 4:
            case 0:
                yield (
                    b'{"stream":"trades.btc_usdt","ts":%d,"data":'
                    b'[{"id":%d,"price":"60000.1","size":"2","side":"buy","ts":1}]}' % (number, number // 4)
                )
            case 1 | 2:
                yield (
                    b'{"stream":"quotes.btc_usdt","ts":%d,"data":'
                    b'[{"bid":"1.%d","bid_size":"1","ask":"2","ask_size":"1","ts":1}]}' % (number, number)
                )
            case _:
                last = number // 4 + 1
                yield (
                    b'{"stream":"book.btc_usdt","ts":%d,"data":[{"bids":[["60000.%d","%d"]],"asks":[],'
                    b'"last":%d,"previous":%d}]}' % (number, number % 9, number, last, last - 1)
                )


class Playing:
    """A gateway with all that can listen: logs, traces, clients, a callback, an iteration."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.profile = Profile()

    @contextmanager
    def observers(self) -> Iterator[list[object]]:
        provider = TracerProvider(shutdown_on_exit=False)
        tracing = Tracing(provider.get_tracer("hot"))
        yield [tracing, Logs(tracing.trace_id)]
        provider.shutdown()

    async def play(self, count: int, *extra: Callable[[object], None]) -> list[Client]:
        loop = asyncio.get_running_loop()
        network = MemoryNetwork(on_fetch=lambda _: HttpReply(200, body=SYMBOLS))
        with self.observers() as observers:
            gateway = Gateway(
                {"exchanges": {"mock": {}}},
                plugins={"mock": MockExchange()},
                network=network,
                observers=observers,
                now=loop.time,
                wall_us=lambda: round(loop.time() * 1e6),  # a machine that is held up makes no message late
            )
            async with gateway:
                for topic in TOPICS:
                    await gateway.listen(f"mock:{topic}", self.heard.append)
                for heard in extra:
                    await gateway.listen("mock:trades:BTC-USDT", heard)
                listening = gateway.subscribe(*(f"mock:{topic}" for topic in TOPICS), queue=10 * count)
                await asyncio.sleep(0.1)
                await bring_up(network.peers[0])
                async with listening:
                    clients = [Client(gateway, policy) for policy in LagPolicy for _ in range(2)]
                    take, frames = receipt_of(gateway), list(messages(count))
                    with self.profile():
                        for frame in frames:
                            take(frame, False)
        return clients


def receipt_of(gateway: Gateway) -> Callable[[bytes, bool], None]:
    """Return what the socket's reader hands each frame to."""
    link = gateway._assembly.exchanges["mock"].links.all["mock/stream/0"]
    service: Any = link.connection.serving
    return service._intake.take


async def bring_up(peer: MemoryPeer) -> None:
    for number in range(1, 10):
        peer.say(f'{{"op":"ok","id":{number}}}')
    peer.say('{"stream":"book.btc_usdt","kind":"snapshot","ts":0,"data":[{"bids":[],"asks":[],"last":0}]}')
    await asyncio.sleep(0.1)
