"""``python -m gateway serve`` as a process that is watched, told to end, or killed."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp

SERVE = "import sys; from gateway.cli import run; sys.exit(run(sys.argv[1:]))"
PATIENCE = 60.0


@dataclass(frozen=True)
class End:
    """How a process ended: its status, what it said on stderr, and how long it took after it was told."""

    status: int
    said: str
    seconds: float


class Process:
    """
    One gateway.

    Args:
        path: a directory of its own.
        settings: tables of ``gateway.toml``.
        environ: added to ours.
        before: Python that is executed first in the process.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *, before: str = "", **environ: str) -> None:
        path.mkdir(parents=True, exist_ok=True)
        file = path / "gateway.toml"
        file.write_text(toml(settings))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "OTEL_"))}
        self._environ = {**kept, **environ}
        self._command = (sys.executable, "-c", f"{before}\n{SERVE}", "serve", "--config", str(file))
        self._said = path / "stderr"
        self._told_at = 0.0

    async def __aenter__(self) -> Self:
        with self._said.open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environ, stdout=asyncio.subprocess.PIPE, stderr=said
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()

    @property
    def said(self) -> str:
        """What it wrote to stderr."""
        return self._said.read_text()

    async def address(self) -> str:
        """Return where clients connect, once they can."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await self._process.stdout.readline()).decode()
        assert line.startswith("Listening on http://"), f"{line}{self.said}"
        return line.removeprefix("Listening on http://").strip()

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.returncode is not None

    async def while_it_lives(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work``, which is in vain once it has ended."""
        doing, living = asyncio.ensure_future(work), asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({doing, living}, return_when=asyncio.FIRST_COMPLETED)
            assert doing.done(), f"it has ended meanwhile: {self.said}"
            doing.result()
        finally:
            doing.cancel()
            living.cancel()

    def tell(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there; the first one is when it was told to end."""
        self._told_at = self._told_at or time.monotonic()
        if not self.has_ended:
            with suppress(ProcessLookupError):  # not by the library's means, which look whether it has ended
                os.kill(self._process.pid, number)

    async def end(self) -> End:
        """Wait for its end."""
        async with asyncio.timeout(PATIENCE):
            await self._process.communicate()
        assert self._process.returncode is not None
        return End(self._process.returncode, self.said, time.monotonic() - self._told_at)


def toml(tables: dict[str, Any], place: str = "") -> str:
    """Return tables as a file; lists hold plain values, or tables without tables."""
    rows = {name: value for name, value in tables.items() if isinstance(value, list) and _are_tables(value)}
    nested = {name: value for name, value in tables.items() if isinstance(value, dict)}
    lines = [f"[{place}]"] if place else []
    lines += [f"{name} = {json.dumps(value)}" for name, value in tables.items() if name not in {*rows, *nested}]
    for name, value in rows.items():
        for row in value:
            lines += [f"[[{place}{'.' if place else ''}{name}]]"]
            lines += [f"{key} = {json.dumps(one)}" for key, one in row.items()]
    parts = [toml(value, f"{place}.{name}".removeprefix(".")) for name, value in nested.items()]
    return "\n".join([*lines, *parts])


def _are_tables(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, dict) for value in values)


async def ask(method: str, address: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Make one request and return its status and document."""
    headers = {} if body is None else {"Content-Type": "application/json"}
    data = None if body is None else json.dumps(body)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://{address}{path}", data=data, headers=headers) as reply,
    ):
        text = await reply.text()
        return reply.status, json.loads(text) if text.startswith("{") else text
