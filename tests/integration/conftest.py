"""What the tests on recordings share: where these are, and commands that run as processes of their own."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CAPTURES = Path(os.environ.get("GATEWAY_CAPTURES", ROOT.parent / "shared" / "captures"))
PATIENCE = 60.0

sys.path.append(str(Path(__file__).parent))  # real_input and what it imports are a command, and tests import them


class Command:
    """A process; every wait has an end."""

    def __init__(self, process: asyncio.subprocess.Process, said: Path) -> None:
        self._process = process
        self._said = said

    async def told(self, pattern: str) -> str:
        """Read lines until one matches, and return its group."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self._process.stdout.readline()).decode():
                if match := re.fullmatch(pattern, line.rstrip("\n")):
                    return match[1]
        raise AssertionError(f"it ended without saying {pattern}: {self.errors}")

    async def ended(self) -> tuple[int, list[str]]:
        """Wait for its end by itself and return its status and the lines that were left."""
        async with asyncio.timeout(PATIENCE):
            out, _ = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, out.decode().splitlines()

    @property
    def has_ended(self) -> bool:
        """Whether it has."""
        return self._process.returncode is not None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def stop(self) -> int:
        """End it and return its status."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        status, _ = await self.ended()
        return status

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        return self._said.read_text()


@pytest.fixture
def capture() -> Path:
    """The recording of Bitcoin."""
    path = CAPTURES / "binance-spot" / "hft-btcusdt-20240808.jsonl"
    if not path.exists():
        pytest.skip(f"{path.name} is not here: set GATEWAY_CAPTURES to the directory of the captures")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run a command of the documentation in a directory of its own; when told to, it must end in good order."""

    numbers = count()

    @asynccontextmanager
    async def running(command: str, **environ: str) -> AsyncIterator[Command]:
        whole = command.replace(".venv/bin/python", sys.executable).replace(" tests/", f" {ROOT}/tests/")
        said = tmp_path / f"said-{next(numbers)}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        with said.open("wb") as errors:
            process = await asyncio.create_subprocess_shell(
                f"exec {whole}",
                cwd=tmp_path,
                env={**kept, **environ},
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        started = Command(process, said)
        try:
            yield started
        finally:
            status = await started.stop()
        assert status == 0, started.errors

    return running
