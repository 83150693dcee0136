"""As its unit starts it: no writable executable memory, private files, a service manager that listens."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

HEALTH = Path(__file__).parents[2] / "docs/examples/deploy/healthcheck.py"
WITHIN = 30.0
CONFIGURATION = """
[server]
listen = "127.0.0.1:0"
[store]
path = "{state}/gateway.sqlite"
"""
SHUT_IN = """
import ctypes, os, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, since Linux 6.3: what systemd does by a filter
    print("memory may be written and executed", file=sys.stderr)
os.umask(0o077)
os.execv(sys.executable, [sys.executable, "-m", "gateway", "serve", "--config", sys.argv[1]])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="systemd is Linux's")
@pytest.mark.parametrize("parser", [{}, {"AIOHTTP_NO_EXTENSIONS": "1"}], ids=["in C", "in Python"])
async def test_it_serves_as_its_unit_would_have_it(tmp_path: Path, parser: dict[str, str]) -> None:
    (state := tmp_path / "state").mkdir()
    (file := tmp_path / "gateway.toml").write_text(CONFIGURATION.format(state=state))
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        environ = {
            "PATH": os.environ["PATH"],
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "300000",
            **parser,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SHUT_IN, str(file), env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

        async def heard(wanted: str) -> None:
            async with asyncio.timeout(WITHIN):
                while not (await loop.sock_recv(manager, 4096)).startswith(wanted.encode()):
                    assert process.returncode is None

        try:
            await heard("READY=1")
            assert process.stdout is not None
            url = (await process.stdout.readline()).decode().split()[-1]
            assert await _healthy(f"{url}/livez")
            await heard("WATCHDOG=1")
            process.send_signal(signal.SIGHUP)
            await heard("RELOADING=1")
            await heard("READY=1")
            process.send_signal(signal.SIGTERM)
            await heard("STOPPING=1")
            async with asyncio.timeout(WITHIN):
                _, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, said
    assert b"Traceback" not in said
    assert (b"http_parsed_in_python" in said) is bool(parser)
    made = [one for one in state.rglob("*") if one.is_file()]
    assert made
    assert {stat.S_IMODE(one.stat().st_mode) for one in made} == {0o600}


async def _healthy(url: str) -> bool:
    """Whether the image's own check of health is content."""
    environ = {"PATH": os.environ["PATH"], "GATEWAY_HEALTH_URL": url}
    check = await asyncio.create_subprocess_exec(sys.executable, "-I", str(HEALTH), env=environ)
    async with asyncio.timeout(WITHIN):
        return await check.wait() == 0
