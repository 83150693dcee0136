"""Every example of docs/library.md and of the README runs as it stands, and says what a method is called."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app import Gateway
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
        command = [sys.executable, "-c", example]
        options = {"cwd": folder, "capture_output": True, "text": True, "timeout": 30}
        done = await asyncio.to_thread(subprocess.run, command, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_runs_as_it_stands(number: int, tmp_path: Path) -> None:
    printed = await ran(EXAMPLES[number], tmp_path)
    assert len(printed.splitlines()) >= 3


async def test_the_example_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    once = example.replace("binance:", "mock:").replace("trade.side)", "trade.side)\n            return")
    printed = await ran(once, tmp_path)
    assert len(printed.split()) == 3


def test_the_methods_named_are_there() -> None:
    named = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE)) | {"listen", "subscribe"}
    assert all(callable(getattr(Gateway, name)) for name in named)
