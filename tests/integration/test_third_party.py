"""
The README's first command on a copy of the sources, then a third party's plugin beside it.

Gateway and plugin are two distributions, installed by pip into a fresh virtual
environment; whatever runs there sees neither the sources nor this environment.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {"README.md", "docs/examples/gateway-acme/README.md"}
COMMANDS = {
    page: [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)]
    for page in PAGES
}
QUICK_START, TOUR = COMMANDS["README.md"][0][0], COMMANDS["README.md"][2]
(INSTALL, LIST, SIMULATE), (SERVE, SUBSCRIBE) = COMMANDS["docs/examples/gateway-acme/README.md"][:2]
SERVING = re.compile(r"Listening on http://(127\.0\.0\.1:\d+)")
PATIENCE = 60.0

pytestmark = pytest.mark.timeout(300)


def environment() -> dict[str, str]:
    """Return our environment without what would let our own packages in, and with a port that is free."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_", "COVERAGE", "GATEWAY_"))}
    return {**kept, "GATEWAY_SERVER__LISTEN": "127.0.0.1:0"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a directory in which the gateway and Acme were installed as their READMEs say."""
    place = tmp_path_factory.mktemp("fresh") / "exchange-gateway"
    shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(".*", "__pycache__", "bench"))
    install, _, _ = QUICK_START.rpartition(" && ")
    for command in (install, INSTALL):
        subprocess.run(command, shell=True, check=True, cwd=place, env=environment())
    for sources in ("gateway", "plugins", "docs"):
        shutil.rmtree(place / sources)  # `python -m` would find them before what was installed
    yield place
    shutil.rmtree(place)


class Process:
    """A command that runs until it is stopped; every wait has an end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return (await self._process.stdout.readline()).decode().rstrip("\n")

    async def told(self, pattern: re.Pattern[str]) -> str:
        """Read lines until one matches; return its group."""
        while line := await self.line():
            if match := pattern.fullmatch(line):
                return match[1]
        raise AssertionError(f"it ended without saying {pattern.pattern}")

    async def stop(self) -> int:
        async with asyncio.timeout(PATIENCE):
            if self._process.returncode is None:
                self._process.send_signal(signal.SIGTERM)
            return await self._process.wait()


@asynccontextmanager
async def running(place: Path, command: str) -> AsyncIterator[Process]:
    """Run ``command`` as the README has it; it must end in good order when it is told to."""
    process = Process(
        await asyncio.create_subprocess_shell(
            f"exec {command}", cwd=place, env=environment(), stdout=asyncio.subprocess.PIPE
        )
    )
    try:
        yield process
    finally:
        status = await process.stop()
    assert status == 0


async def messages(tail: Process, topic: str, count: int) -> list[dict[str, Any]]:
    """Return the next messages of ``topic`` that are data."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        message = json.loads(await tail.line())
        if message["topic"] == topic and message["type"] != "status":
            found.append(message)
    return found


def fetch(url: str) -> Any:
    with urlopen(url, timeout=PATIENCE) as answer:
        return json.load(answer)


async def test_the_readme_shows_a_demonstration_that_runs(place):
    serve = QUICK_START.rpartition(" && ")[2]
    subscribe, *curls = TOUR
    async with running(place, serve) as gateway:
        address = await gateway.told(SERVING)
        async with running(place, f"{subscribe} --url ws://{address}") as tail:
            for topic in subscribe.split(" subscribe ")[1].split():
                assert (await messages(tail, topic, 3))[0]["data"]
        urls = re.sub(r"127\.0\.0\.1:\d+", address, "\n".join(curls))
        ready, connections = [await asyncio.to_thread(fetch, url) for url in re.findall(r"(http[^\s']+)", urls)]
    assert ready["ready"]
    assert connections["connections"][0]["state"] == "CONNECTED"


def test_an_installed_plugin_is_listed(place):
    told = subprocess.run(LIST, shell=True, check=True, cwd=place, env=environment(), capture_output=True)
    listed = {one["name"]: one for one in json.loads(told.stdout)}
    assert listed.keys() == {"acme", "binance", "binance-coinm", "binance-usdm", "mock"}
    facts = {"distribution": "gateway-acme", "version": "0.1.0", "value": "gateway_acme.plugin:plugin"}
    assert listed["acme"] == {"name": "acme", **facts}


def configuration(place: Path, addresses: dict[str, str], region: str = "eu") -> None:
    """Write the README's configuration with the venue's addresses."""
    [block] = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs/examples/gateway-acme/README.md").read_text(), re.DOTALL
    )
    for endpoint, url in addresses.items():
        block, replaced = re.subn(rf'^{endpoint} = ".*"$', f'{endpoint} = "{url}"', block, flags=re.MULTILINE)
        assert replaced == 1
    (place / "acme.toml").write_text(block.replace('"eu"', f'"{region}"'))


async def test_its_data_reach_a_client(place):
    async with running(place, re.sub(r":\d+$", ":0", SIMULATE)) as venue:
        addresses = dict([(await venue.line()).split(), (await venue.line()).split()])
        assert addresses.keys() == {"feed", "rest"}
        configuration(place, addresses)
        async with running(place, SERVE) as gateway:
            url = f"ws://{await gateway.told(SERVING)}"
            async with running(place, f"{SUBSCRIBE} --url {url}") as tail:
                heard = await messages(tail, "acme:trades:BTC-EUR", 20)
    trades = [trade for message in heard for trade in message["data"]]
    assert [message["offset"] for message in heard] == list(range(1, 21))
    assert [trade["id"] for trade in trades] == list(range(1, 21))
    assert all(re.fullmatch(r"\d{5}\.\d0", trade["price"]) for trade in trades), "a digit of a price was lost"


async def test_its_options_are_checked_before_anything_starts(place):
    configuration(place, {}, region="moon")
    process = await asyncio.create_subprocess_shell(
        f"exec {SERVE}", cwd=place, env=environment(), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode().splitlines()[-1] == "gateway: plugins.options.acme.region: Input should be 'eu' or 'us'"
