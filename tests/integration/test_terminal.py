"""``gateway subscribe`` on a real terminal: a table that fits, also once the terminal has another size."""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

CHANNELS = ("trades", "quotes", "book", "ticker")
TOPICS = [f"mock:{channel}:{symbol}" for channel in CHANNELS for symbol in ("BTC-USDT", "ETH-USDT", "SOL-USDT")]
COMMAND = "import sys; from gateway.cli import run; sys.exit(run(sys.argv[1:]))"


class Terminal:
    """A pseudo-terminal and what was written to it."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.text = ""
        self._more = asyncio.Event()
        os.set_blocking(self.master, False)
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self) -> None:
        try:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        except OSError:  # nobody writes any more
            asyncio.get_running_loop().remove_reader(self.master)
        self._more.set()

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def shows(self, pattern: str, start: int = 0) -> None:
        while re.search(pattern, self.text[start:]) is None:
            self._more.clear()
            await self._more.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self.slave)


@asynccontextmanager
async def subscribed(address: str, *arguments: str) -> AsyncIterator[tuple[Terminal, asyncio.subprocess.Process]]:
    terminal = Terminal()
    terminal.resize(40, 140)
    environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, "subscribe", *arguments, "--url", f"ws://{address}",
        stdin=terminal.slave, stdout=terminal.slave, stderr=terminal.slave, env={**environ, "TERM": "xterm"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(100):
            yield terminal, process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        terminal.close()


@pytest.fixture
async def address(run) -> AsyncIterator[str]:
    async with run(".venv/bin/python -m gateway serve --demo --listen 127.0.0.1:0") as demo:
        yield await demo.told(r"Listening on http://(\S+)")


async def test_a_table_fits_the_terminal_and_survives_another_size_and_ctrl_c(address):
    async with subscribed(address, *TOPICS) as (terminal, process):
        await terminal.shows(r"mock:ticker:SOL-USDT[^\n]*live")
        await terminal.shows(r"x [\d.]+ (buy|sell)")
        await terminal.shows(r"\d \| \d")
        assert "hidden" not in terminal.text
        terminal.resize(9, 120)
        before = len(terminal.text)
        await terminal.shows("more topics are hidden", before)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        await terminal.shows(r"\x1b\[\?1049l")  # the other screen was left


async def test_lines_are_had_where_they_are_asked_for(address):
    async with subscribed(address, TOPICS[0], "--lines") as (terminal, process):
        await terminal.shows(r"mock:trades:BTC-USDT\S* id=\d+ price=")
        assert "\x1b[?1049h" not in terminal.text
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
