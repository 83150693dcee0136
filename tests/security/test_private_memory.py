"""N11: secrets are in no core dump, no list of processes, no child, and nothing that the process says."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CANARY = "canary-7f3b91d2a4c65e80"
WITHIN = 30.0
SHOWN = """
import ctypes, resource
from gateway.cli.undumped import keep_memory_private
keep_memory_private()
keep_memory_private()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""
CONFIGURATION = """
[server]
listen = "127.0.0.1:0"
[exchanges.mock.endpoints]
stream = "ws://127.0.0.1:1"
private = "ws://127.0.0.1:1"
rest = "http://127.0.0.1:1"
allow_plaintext = true
[accounts.main]
exchange = "mock"
api_key = "env:MOCK_KEY"
secret = "file:{secret}"
[[subscriptions]]
exchange = "mock"
channel = "orders"
account = "main"
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="what Linux has")


@linux
def test_the_kernel_dumps_no_memory_and_lets_no_debugger_of_the_same_user_in() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True, timeout=WITHIN
    )
    assert done.stdout.split() == ["0", "0"]


def limit_of_dumps(process: Path) -> str:
    (line,) = [one for one in (process / "limits").read_text().splitlines() if one.startswith("Max core")]
    return line.split()[4]


def children(process: Path) -> list[str]:
    return [child for one in process.glob("task/*/children") for child in one.read_text().split()]


@linux
async def test_a_process_that_serves_shows_no_secret_to_who_looks_at_processes(tmp_path: Path) -> None:
    (secret := tmp_path / "secret").write_text(CANARY)
    secret.chmod(0o600)
    (file := tmp_path / "gateway.toml").write_text(CONFIGURATION.format(secret=secret))
    environ = {"PATH": os.environ["PATH"], "MOCK_KEY": f"key-{CANARY}"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--config", str(file)),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WITHIN):
            line = await process.stdout.readline()
        assert line.startswith(b"Listening")
        here = Path("/proc", str(process.pid))
        assert CANARY.encode() not in (here / "cmdline").read_bytes()
        assert limit_of_dumps(here) == "0"
        assert not children(here), "a child would have the environment"
        assert process.stderr is not None
        async with asyncio.timeout(WITHIN):
            while b"mock/private@main" not in line:
                line += await process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WITHIN):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert CANARY.encode() not in line + out + err
