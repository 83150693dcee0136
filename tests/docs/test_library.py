"""Every example of docs/library.md and of the README runs as it stands, and says what a method is called."""

import asyncio
import inspect
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.client import Client
from gateway.serving import Server
from gateway_mock.venue import MockVenue

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/library.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
TOML = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)


async def ran(example: str, folder: Path) -> str:
    """Run ``example`` as a program of its own beside a venue and return what it printed."""
    assert TOML is not None
    async with MockVenue(rate=100) as venue:
        settings = TOML[1].replace("127.0.0.1:9440", f"127.0.0.1:{venue.port}")
        (folder / "gateway.toml").write_text(settings)
        options = {"cwd": folder, "capture_output": True, "text": True, "timeout": 30}
        async with served(folder) if "gateway.client" in example else nullcontext("") as url:
            command = [sys.executable, "-c", example.replace("ws://127.0.0.1:8765", url)]
            done = await asyncio.to_thread(subprocess.run, command, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    """Serve what is configured in ``folder``; where, is returned."""
    async with Gateway(folder / "gateway.toml") as gateway:
        clocks = {"now": time.monotonic, "wall_us": lambda: time.time_ns() // 1000}
        server = Server(gateway.hub, gateway.operations, host="127.0.0.1", port=0, version="0", **clocks)
        await server.start()
        yield f"ws://127.0.0.1:{server.address[1]}"
        await server.stop()


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_runs_as_it_stands(number: int, tmp_path: Path) -> None:
    printed = await ran(EXAMPLES[number], tmp_path)
    assert len(printed.splitlines()) >= 3


def test_the_arguments_named_of_the_client_are_those_that_there_are() -> None:
    rows = PAGE.partition("| argument of `subscribe` |")[2].partition("\n\n")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE))
    assert named == set(inspect.signature(Client.subscribe).parameters) - {"self", "topics", "parts"}


async def test_the_example_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    once = example.replace("binance:", "mock:").replace("trade.side)", "trade.side)\n            return")
    printed = await ran(once, tmp_path)
    assert len(printed.split()) == 3


def test_the_methods_named_are_there() -> None:
    named = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE)) | {"listen", "subscribe"}
    assert all(callable(getattr(Gateway, name)) for name in named)
