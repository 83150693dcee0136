"""A process that was told to end ends: in good order, or at all, whatever holds its event loop."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.app.ending import OVERDUE, heard
from gateway_mock.venue import MockVenue

HELD = """
import asyncio, signal, sys, threading
from functools import partial
from gateway.app.ending import heard, last_resort

def hold():
    print("held", flush=True)
    {how}

async def main():
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stopped.set)
    with heard((signal.SIGTERM, signal.SIGINT), partial(last_resort, 0.5)):
        loop.call_soon({what})
        print("ready", flush=True)
        await stopped.wait()
    print("stopped", flush=True)
    {after}

with asyncio.Runner(loop_factory={factory}) as runner:
    runner.run(main())
"""
PIPE = asyncio.subprocess.PIPE
LOOPS = [None, "uvloop"] if find_spec("uvloop") else [None]


def program(loop: str | None, *, how: str = "pass", what: str = "lambda: None", after: str = "pass") -> str:
    factory = "None" if loop is None else "__import__('uvloop').new_event_loop"
    return HELD.format(how=how, what=what, after=after, factory=factory)


async def ended(code: str, wait_for: str, number: signal.Signals) -> tuple[int, str, str, float]:
    """Run ``code`` and signal it at ``wait_for``; returns status, stdout, stderr and the seconds it took."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(100):
            said = ""
            while wait_for not in said:
                line = (await process.stdout.readline()).decode()
                assert line, (await process.stderr.read()).decode()
                said += line
            process.send_signal(number)
            begun = time.monotonic()
            out, err = await process.communicate()
            return process.returncode, said + out.decode(), err.decode(), time.monotonic() - begun
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("how", "number"),
    [
        ("threading.Event().wait(60)", signal.SIGTERM),
        ("__import__('time').sleep(60)", signal.SIGINT),
        ("[None for _ in iter(int, 1)]", signal.SIGTERM),
    ],
    ids=["waits", "sleeps", "works"],
)
async def test_a_loop_that_is_held_ends_with_status_70_and_a_line(
    how: str, loop: str | None, number: signal.Signals
) -> None:
    status, _, said, took = await ended(program(loop, how=how, what="hold"), "held", number)
    assert status == OVERDUE == 70
    assert said.startswith("gateway: not ended 0.5 s after the signal: __main__:hold")
    assert said.endswith("ends now with status 70\n")
    assert len(said.splitlines()) == 1
    assert 0.5 <= took < 10


@pytest.mark.parametrize("loop", LOOPS)
async def test_a_clean_up_that_never_ends_is_no_hindrance(loop: str | None) -> None:
    """Here it is a thread that the end of the process waits for."""
    after = "await loop.run_in_executor(None, threading.Event().wait, 60)"
    status, _, said, _ = await ended(program(loop, after=after), "ready", signal.SIGTERM)
    assert status == OVERDUE
    assert said == "gateway: not ended 0.5 s after the signal; ends now with status 70\n"


@pytest.mark.parametrize("loop", LOOPS)
async def test_whoever_does_not_read_stderr_cannot_put_the_end_off(loop: str | None) -> None:
    """The pipe is full, so the line finds no room."""
    full = "[sys.stderr.write('x' * 4096) and sys.stderr.flush() for _ in iter(int, 1)]"
    code = program(loop, how=full, what="hold")
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE, stderr=writing)
    try:
        async with asyncio.timeout(100):
            while await process.stdout.readline() != b"held\n":
                pass
            process.send_signal(signal.SIGTERM)
            assert (await process.communicate(), process.returncode) == ((b"", None), OVERDUE)
    finally:
        os.close(reading)
        os.close(writing)
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("loop", LOOPS)
async def test_one_that_ends_in_good_order_has_status_0_and_says_nothing(loop: str | None) -> None:
    status, out, said, took = await ended(program(loop), "ready", signal.SIGTERM)
    assert (status, said) == (0, "")
    assert out.endswith("stopped\n")
    assert took < 10


@pytest.fixture
def ignored() -> Iterator[list[str]]:
    """A signal that somebody else hears already."""
    told: list[str] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: told.append("theirs"))
    yield told
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_is_heard_once_and_whoever_heard_it_before_still_does(ignored: list[str]) -> None:
    theirs = signal.getsignal(signal.SIGUSR1)
    with heard((signal.SIGUSR1,), lambda: ignored.append("ours")):
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
    assert ignored == ["ours", "theirs", "theirs"]
    assert signal.getsignal(signal.SIGUSR1) is theirs


# --- the gateway itself

BLOCKING = """
import sys, time
from gateway.cli import run
from gateway_mock.plugin import MockDialect

def decode(self, payload, binary, /, *, original=MockDialect.decode):
    time.sleep(2)
    return original(self, payload, binary)

MockDialect.decode = decode
sys.exit(run(["serve", "--config", sys.argv[1]]))
"""
STANDING = """
[server]
listen = "127.0.0.1:0"
[[subscriptions]]
exchange = "mock"
channel = "trades"
symbols = ["BTC-USDT"]
[exchanges.mock.endpoints]
allow_plaintext = true
"""


async def test_serve_names_a_dialect_that_blocks_and_ends_in_time(tmp_path: Path) -> None:
    """It blocks at each message, so that the good order of the end hardly has its turn."""
    file = tmp_path / "gateway.toml"
    async with MockVenue(rate=20) as venue, asyncio.timeout(40):
        await asyncio.to_thread(
            file.write_text, STANDING + "\n".join(f"{n} = '{u}'" for n, u in venue.addresses.items())
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", BLOCKING, str(file), stdout=PIPE, stderr=PIPE
        )
        try:
            while b"loop_blocked" not in (line := await process.stderr.readline()):
                assert line
            process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            await process.communicate()
            took = time.monotonic() - begun
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    told = json.loads(line)
    assert (told["level"], told["function"], told["package"]) == ("error", "__main__:decode", "__main__")
    assert told["seconds"] >= 2
    assert took < 11
    assert process.returncode in {0, OVERDUE}
