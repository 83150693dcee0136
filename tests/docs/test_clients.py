"""
Every client of docs/clients.md runs as it stands against ``gateway serve --demo``, and is right.

Its connection is cut, and it must resume without a message lost or told twice; then another gateway is in the
place of the first, and it must say that something is missing.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/clients.md").read_text()
CLIENTS = dict(re.findall(r"<!-- client: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
ADDRESS = "127.0.0.1:8765"
TOPIC = "mock:trades:BTC-USDT"
SERVE = "import sys; from gateway.cli import run; sys.exit(run(['serve', '--demo', '--listen', '127.0.0.1:0']))"
PATIENCE = 60.0
CAN_DIAL = (
    'process.exit(typeof WebSocket === "function" || '
    'process.allowedNodeEnvironmentFlags.has("--experimental-websocket") ? 0 : 1)'
)


@asynccontextmanager
async def demo(*hosts: str) -> AsyncIterator[str]:
    """Run a demonstration that may be reached as ``hosts`` too; where it listens is returned."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVE),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**kept, "GATEWAY_SERVER__ALLOWED_HOSTS": json.dumps(hosts)},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        yield line.removeprefix("Listening on http://").strip()
    finally:
        process.terminate()
        await process.communicate()


class Cutter:
    """Stands between a client and a gateway; cuts what is open, and leads elsewhere from then on."""

    def __init__(self) -> None:
        self._to = ""
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = "{}:{}".format(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.lead(self._to)

    def lead(self, to: str) -> None:
        self._to = to
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._to.split(":")
        onward, back = await asyncio.open_connection(host, int(port))
        self._open |= {writer, back}
        with suppress(OSError):
            await asyncio.gather(_carry(reader, back), _carry(onward, writer))
        for one in (writer, back):
            self._open.discard(one)
            one.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.transport.abort()


class Client:
    """One program of the page, as a process; its lines as they come."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, said: Path) -> None:
        self._name = name
        self._process = process
        self._said = said
        self.lines: list[str] = []

    async def tells(self, data: int, missed: int = 0) -> None:
        """Read until it told so many messages and so many losses since now."""
        seen = len(self.lines)
        while True:
            told = self.lines[seen:]
            after = [n for n, line in enumerate(told) if line.startswith("missed")]
            if len(after) >= missed and len(offsets(told[after[-1] if missed else 0 :])) >= data:
                return
            assert self._process.stdout is not None
            line = (await self._process.stdout.readline()).decode()
            assert line, f"{self._name} ended after {self.lines[-5:]}: {self._said.read_text()}"
            self.lines.append(line.rstrip())


def offsets(lines: list[str]) -> list[int]:
    return [int(match[1]) for line in lines if (match := re.match(rf"{TOPIC} update (\d+) ", line))]


@asynccontextmanager
async def running(name: str, command: list[str], folder: Path) -> AsyncIterator[Client]:
    said = folder / f"{name}.err"
    with said.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=errors, cwd=folder, start_new_session=True
        )
    try:
        yield Client(name, process, said)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # all of it: a node may be a script that runs the real one
        await process.communicate()


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each client that can run here, and how."""
    for name in ("following", "blocking", "websockets"):
        yield name, [sys.executable, str(folder / name)]
    if (node := node_that_dials()) is not None:
        yield "javascript", [*node, str(folder / "javascript")]


def node_that_dials() -> list[str] | None:
    """Return how to run JavaScript that has WebSocket, if that is possible here."""
    node = shutil.which("node")
    if node is None or subprocess.run([node, "-e", CAN_DIAL], check=False).returncode != 0:
        return None
    known = subprocess.run([node, "-p", "typeof WebSocket"], check=True, capture_output=True, text=True)
    return [node] if known.stdout.strip() == "function" else [node, "--experimental-websocket"]


async def is_right(name: str, command: list[str], folder: Path, gateways: tuple[str, str], cutter: Cutter) -> None:
    first, second = gateways
    cutter.lead(first)
    (folder / name).write_text(CLIENTS[name].replace(ADDRESS, cutter.address))
    async with running(name, command, folder) as client, asyncio.timeout(PATIENCE):
        await client.tells(3)
        cutter.lead(first)
        await client.tells(8)
        told = offsets(client.lines)
        assert told == list(range(told[0], told[0] + len(told))), f"{name}: {client.lines}"
        assert not [line for line in client.lines if line.startswith("missed")], f"{name}: {client.lines}"
        cutter.lead(second)
        await client.tells(2, missed=1)


async def test_every_client_resumes_counts_and_says_what_is_missing(tmp_path):
    pytest.importorskip("websockets")
    every = dict(commands(tmp_path))
    async with AsyncExitStack() as stack:
        cutters = [await stack.enter_async_context(Cutter()) for _ in every]
        hosts = [cutter.address for cutter in cutters]
        gateways = [await stack.enter_async_context(demo(*hosts)) for _ in range(2)]
        clients = await stack.enter_async_context(asyncio.TaskGroup())
        for (name, command), cutter in zip(every.items(), cutters, strict=True):
            clients.create_task(is_right(name, command, tmp_path, (gateways[0], gateways[1]), cutter))


def test_the_javascript_is_run_where_there_is_a_node_for_it():
    if node_that_dials() is None:
        pytest.skip("no node with WebSocket is here, so the client in JavaScript was not run")
    assert "javascript" in dict(commands(Path()))


async def shell(block: str, address: str) -> list[str]:
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}  # wscat ends with its input
    process = await asyncio.create_subprocess_exec("sh", "-ec", block.replace(ADDRESS, address), **pipes)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        out = await process.stdout.read()
        await process.communicate()
    assert process.returncode == 0, out
    return out.decode().splitlines()


@pytest.mark.skipif(shutil.which("wscat") is None, reason="wscat is not installed, so its line was not run")
async def test_wscat_shows_a_topic():
    async with demo() as address:
        lines = await shell(CLIENTS["wscat"], address)
    answer, *messages = [json.loads(line.lstrip("< ")) for line in lines if line]
    assert answer["success"]
    assert {one["topic"] for one in messages} == {TOPIC}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed, so its lines were not run")
async def test_curl_asks_once():
    async with demo() as address:
        for block in CLIENTS["curl"].splitlines():
            said = "".join(await shell(block, address))
            assert said == "" if "DELETE" in block else json.loads(said), block


def test_every_program_of_the_page_is_run():
    assert set(CLIENTS) == {"following", "blocking", "websockets", "javascript", "wscat", "curl"}
    assert len(CLIENTS) == PAGE.count("\n```\n")
