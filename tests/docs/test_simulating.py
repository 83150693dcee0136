"""docs/simulating.md: its tables are the code's, and its examples run as they stand."""

import inspect
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.testing.catalogue import Row, catalogue
from gateway.testing.chaos import ChaosProxy
from gateway.testing.faults import Noise
from gateway.testing.scenario_files import read
from gateway.testing.ways import Ack, Body, Pong, Upgrade
from gateway.testing.words import WORDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/simulating.md").read_text()
[SCENARIO] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
[COMMAND] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
[TOLD] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
IN_MEMORY, PROXY = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
BENT = {"bend_upgrades": Upgrade, "bend_acks": Ack, "bend_pongs": Pong, "bend_replies": Body}


def rows(first: str) -> list[str]:
    """Return the lines of the table whose head begins with ``first``."""
    [found] = re.findall(rf"^{re.escape(first)}[^\n]*\n\|[-| ]+\|\n((?:\|[^\n]*\n)+)", PAGE, re.MULTILINE)
    return str(found).splitlines()


def test_every_word_is_there_with_its_keys() -> None:
    expected = []
    for name, word in WORDS.items():
        keys = ", ".join(f"`{key}`" if one.needed else f"[`{key}`]" for key, one in word.keys.items())
        expected.append(f"| `{name}` | {keys} | {'yes' if word.heal else ''} | {word.does} |")
    assert rows("| word | keys") == expected


def test_every_way_is_there() -> None:
    expected = [
        f"| `{word}` | `{one.name.lower()}` | {one.value} |" for word, ways in BENT.items() for one in ways
    ]
    assert rows("| word | `how`") == expected
    [noises] = re.findall(r"in small letters: (.*)\.\n", PAGE)
    assert noises.split(", ") == [f"`{one.name.lower()}`" for one in Noise]


def played_by(row: Row) -> str:
    words = dict.fromkeys(step.do for step in row.scenario.steps) if row.scenario else {}
    parts = [", ".join(f"`{word}`" for word in words)] if words else []
    parts += [f"proxy: `{row.proxy}`"] if row.proxy else []
    parts += [f"not by a venue: {row.reason}"] if row.reason else []
    return "; ".join(parts)


def test_every_row_of_the_catalogue_is_there() -> None:
    expected = [f"| {row.id} | {row.fault} | {played_by(row)} |" for row in catalogue().values()]
    assert rows("| id | what goes wrong") == expected


@pytest.mark.parametrize(
    ("head", "of"), [("| of the proxy", ChaosProxy(1)), ("| of a direction", ChaosProxy(1).up)]
)
def test_all_of_the_proxy_is_told(head: str, of: object) -> None:
    told = {name for row in rows(head) for name in re.findall(r"`(\w+)", row.split("|")[1])}
    links_ask = {"opened", "healed", "cut", "first", "swallows", "target", "port", "stop", "wait_for"}
    there_are = {name for name, _ in inspect.getmembers(of) if not name.startswith("_")}
    assert told == there_are - links_ask


# --- the examples


@contextmanager
def simulated(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the command of the page, on a free port."""
    (folder / "outage.toml").write_text(SCENARIO)
    command = COMMAND.replace("127.0.0.1:9440", "127.0.0.1:0").replace(".venv/bin/python", sys.executable)
    arguments = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command.split(), **arguments) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_the_command_plays_the_scenario_and_tells_it(tmp_path: Path) -> None:
    lines = TOLD.splitlines()
    with simulated(tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        addresses = dict(process.stdout.readline().split() for _ in range(3))
        assert list(addresses) == [line.split()[0] for line in lines[:3]]
        began = time.monotonic()
        async with aiohttp.ClientSession() as session, session.ws_connect(addresses["stream"]) as ws:
            closed = await ws.receive(timeout=30)
            assert (closed.data, closed.extra) == (1012, "restart")
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.ws_connect(addresses["stream"])
        assert [process.stderr.readline().rstrip() for _ in lines[3:]] == lines[3:]
        assert 4.0 <= time.monotonic() - began <= 60.0


def test_the_example_in_memory_tells_the_outage_and_the_holes(tmp_path: Path) -> None:
    (tmp_path / "outage.toml").write_text(SCENARIO)
    printed = ran(IN_MEMORY, tmp_path)
    assert re.search(r"1\.0: disconnected(.|\n)*: restored(.|\n)*: gap sequence_gap", printed), printed
    assert [str(moment) for moment in read(SCENARIO).moments()] == re.findall(
        r"^[\d.]+ s: .*", printed, re.MULTILINE
    )


def test_the_example_of_the_proxy_runs(tmp_path: Path) -> None:
    assert re.fullmatch(r"clients dial port \d+ instead of \d+\n", ran(PROXY, tmp_path))


def ran(example: str, folder: Path) -> str:
    command = [sys.executable, "-W", "error", "-c", example]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
