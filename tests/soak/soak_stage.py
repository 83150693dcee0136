"""A venue, a gateway before it, two clients and what is between them: how each is asked, stopped and killed."""

import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from process import Process, ask, toml
from soak_ledger import Ledger
from soak_report import DEFECTS
from soak_traded import Traded

from gateway.client import Client
from gateway.client.following import Following
from gateway.errors import ConnectionFault
from gateway.testing.chaos import ChaosProxy

HERE: Final = Path(__file__).resolve().parent
LINES: Final = 1 << 20
"""Bytes of an answer of the venue."""
PATIENCE: Final = 90.0
"""Seconds after which what has not come back is not waited for."""
LOOK: Final = 0.05
"""Seconds between two looks at whether something has come about."""
SAID: Final = 1000
"""Characters of a line of the log."""
QUEUE: Final = 100_000
PROBE: Final = """
import sys
sys.path.append({here!r})
import soak_probe
soak_probe.begin({socket!r})
"""
LOSING: Final = """
from gateway.engine.topics import Topic
def losing(publish):
    def published(self, *given):
        if self.offset != 20:
            return publish(self, *given)
        self.offset += 1
    return published
Topic.publish = losing(Topic.publish)
"""
DOUBLING: Final = """
from gateway.engine.topics import Topic
def doubling(publish):
    def published(self, *given):
        publish(self, *given)
        if self.offset == 30:
            publish(self, *given)
    return published
Topic.publish = doubling(Topic.publish)
"""
LEAKING: Final = """
from gateway.runtime.epoch import Epoch
kept, made = [], Epoch.__init__
def begin(self, *given, **named):
    made(self, *given, **named)
    kept.append(open("/dev/null"))
Epoch.__init__ = begin
"""
PLANTS: Final[Mapping[str, str]] = {"loss": LOSING, "double": DOUBLING, "leak": LEAKING}
"""
Bugs that the gateway is given for the harness to find.

It loses a message of each topic, sends one of each twice, keeps a descriptor of each epoch of a connection.
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How large all is: ``rate`` is messages a second in all, ``pulse`` the heartbeat interval in seconds."""

    connections: int
    rate: float
    pulse: float
    plants: Sequence[str] = ()


class VenueProcess:
    """The venue, which can be killed and begun again."""

    def __init__(self, size: Size, traded: Path) -> None:
        given = ("--streams", size.connections, "--rate", size.rate, "--traded", traded)
        self._words = [str(HERE / "soak_venue.py"), *map(str, given)]

    async def begin(self) -> int:
        """Start it and return its port."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._words, stdin=pipe, stdout=pipe, limit=LINES
        )
        return int(await self._told())

    async def order(self, do: str, **given: Any) -> Any:
        """
        Have it do something and return the answer.

        Raises:
            ChildProcessError: If it has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **given}).encode() + b"\n")
        return json.loads(await self._told())

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def kill(self) -> None:
        """End it as an accident would."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()

    async def _told(self) -> str:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise ChildProcessError("the venue is gone")
        return line.decode().strip()


@dataclass(slots=True)
class Reader:
    """One client: what it was sent, and why it could not go on."""

    name: str
    ledger: Ledger
    ended: list[str] = field(default_factory=list)


class Stage:
    """All of them. An async context manager; the clients read from when it is entered to its end."""

    def __init__(self, size: Size, place: Path) -> None:
        self.size = size
        self.traded = Traded(place / "traded", size.connections)
        self.venue = VenueProcess(size, place / "traded")
        self.topics = [f"mock:trades:{symbol}" for symbol in symbols(size.connections)]
        self.steady = Reader("the steady client", Ledger(self.topics))
        self.harried = Reader("the client whose line is bad", Ledger(self.topics))
        self.pulse = size.pulse
        self._place = place
        self._reading: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.venue.kill)
            self.exchange = await stack.enter_async_context(ChaosProxy(await self.venue.begin()))
            unknown = self.exchange.port
            self.clients, self.crowd = [await stack.enter_async_context(ChaosProxy(unknown)) for _ in range(2)]
            probe = PROBE.format(here=str(HERE), socket=str(self._place / "probe"))
            before = "".join([probe, *(PLANTS[name] for name in self.size.plants)])
            self.gateway = Process(self._place / "gateway", self._settings(), before=before)
            await stack.enter_async_context(self.gateway)
            self.address = await self.gateway.address()
            self.clients.target = self.crowd.target = ("127.0.0.1", int(self.address.rpartition(":")[2]))
            stack.push_async_callback(self._stop_reading)
            self._reading = [asyncio.create_task(one) for one in (self._read_steadily(), self._read_on())]
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def readers(self) -> tuple[Reader, Reader]:
        """Both clients."""
        return self.steady, self.harried

    @property
    def over(self) -> bool:
        """Whether it makes no sense to go on: the gateway has ended, or a client that was to stay."""
        return self.gateway.has_ended or any(one.ended for one in self.readers)

    @property
    def pid(self) -> int:
        """The gateway's."""
        return self.gateway._process.pid  # its tests need no number

    # --- the clients

    async def _read_steadily(self) -> None:
        try:
            async with Client(f"ws://{self.address}", queue=QUEUE) as client:
                async for message in client.subscribe(self.topics):
                    self.steady.ledger.take(message)
        except (ConnectionFault, OSError) as exc:
            self.steady.ended.append(repr(exc))

    async def _read_on(self) -> None:
        try:
            async for message in Following(self.topics, f"ws://127.0.0.1:{self.clients.port}", queue=QUEUE):
                self.harried.ledger.take(message)
        except (ConnectionFault, OSError) as exc:
            self.harried.ended.append(repr(exc))

    async def _stop_reading(self) -> None:
        for task in self._reading:
            task.cancel()
        await asyncio.wait(self._reading)

    async def reached(self, numbers: Sequence[int]) -> bool:
        """Wait until both clients have all streams live and up to ``numbers``; false if it takes too long."""
        return await self.until(lambda: all(one.ledger.has_reached(numbers) for one in self.readers))

    async def until(self, holds: Any) -> bool:
        """Wait until ``holds``; false if it takes too long, or somebody has ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    if self.over:
                        return False
                    await asyncio.sleep(LOOK)
                return True
        return False

    # --- the gateway

    async def probe(self) -> dict[str, int]:
        """Return what its process holds and does not show."""
        reader, writer = await asyncio.open_unix_connection(self._place / "probe")
        told: dict[str, int] = json.loads(await reader.read())
        writer.close()
        return told

    async def connections(self) -> list[dict[str, Any]]:
        """Return what it says of its connections."""
        _, document = await ask("GET", self.address, "/api/v1/connections")
        found: list[dict[str, Any]] = document["connections"]
        return found

    async def metrics(self) -> dict[str, float]:
        """Return its metrics, by name and labels."""
        _, page = await ask("GET", self.address, "/metrics")
        lines = (line.rpartition(" ") for line in page.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    async def reload(self) -> str:
        """Have it take another heartbeat interval; return what is wrong if it does not, or drops a connection."""
        before = _epochs(await self.connections())
        self.pulse = self.size.pulse * 1.25 if self.pulse == self.size.pulse else self.size.pulse
        (self._place / "gateway" / "gateway.toml").write_text(toml(self._settings()))
        self.gateway.tell(signal.SIGHUP)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not self._beats(after := await self.connections()):  # noqa: ASYNC110  # another process
                    await asyncio.sleep(LOOK)
                lost = [one["history"] for one in after if before.get(one["id"]) != one["epoch"]]
                lost = [history for history in lost if not _was_missed(history)]
                return f"a reload cost {len(lost)} connections, the first of them: {lost[0]}" if lost else ""
        return "a reload was not taken"

    def _beats(self, connections: Sequence[Mapping[str, Any]]) -> bool:
        return {one["heartbeat_interval"] for one in connections} == {self.pulse}

    async def end(self) -> list[str]:
        """Have it end in good order, and return what was wrong with that."""
        await self._stop_reading()
        self.gateway.tell(signal.SIGTERM)
        ended = await self.gateway.end()
        wrong = [] if ended.status == 0 else [f"it ended with status {ended.status}: {ended.said[-500:]}"]
        lines = [line for line in ended.said.splitlines() if any(f'"{one}"' in line for one in DEFECTS)]
        return wrong + [f"the gateway said: {line[:SAID]}" for line in lines[:3]]

    async def ghosts(self) -> str:
        """Wait until gateway and venue agree on connections and streams; return how they differ if they do not."""
        differing = "nobody answered"
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while differing := await self._differing():  # noqa: ASYNC110  # other processes
                    await asyncio.sleep(LOOK)
        return differing

    async def _differing(self) -> str:
        states = [one["state"] for one in await self.connections()]
        return differing(self.size.connections, states, await self.venue.order("census"))

    def _settings(self) -> dict[str, Any]:
        address = f"127.0.0.1:{self.exchange.port}"
        endpoints = {"stream": f"ws://{address}", "rest": f"http://{address}", "allow_plaintext": True}
        hosts = [f"127.0.0.1:{proxy.port}" for proxy in (self.clients, self.crowd)]
        mock = {"streams_per_connection": 1, "heartbeat_interval": self.pulse, "endpoints": endpoints}
        return {
            "server": {"listen": "127.0.0.1:0", "allowed_hosts": hosts},
            "log": {"level": "warning"},
            "retention": {"changes": 8},
            "exchanges": {"mock": mock},
        }


def _epochs(connections: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {one["id"]: one["epoch"] for one in connections}


def _was_missed(history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a connection was lost since a busy machine was late with a pong, which no reload brings about."""
    reasons = [change["reason"] for change in history if change["after"] == "ERROR"]
    return reasons[-1:] == ["heartbeat_missed"]


def differing(many: int, states: Sequence[str], there: Mapping[str, Any]) -> str:
    """Say how the ``states`` of a gateway's connections and what is there at the venue differ from one of each."""
    distinct = len(set(there["streams"]))
    found = (states.count("CONNECTED"), len(states), there["sockets"], len(there["streams"]), distinct)
    if found == (many,) * len(found):
        return ""
    return "{} of {} connections up; the venue has {} sockets with {} streams, {} distinct".format(*found)


def symbols(count: int) -> list[str]:
    """Return the symbols of a mock venue that has so many, in its order."""
    return [*("BTC-USDT", "ETH-USDT", "SOL-USDT"), *(f"SYM{number:03}-USDT" for number in range(1, count - 2))]
