"""
Public clients of Binance against the simulated one, with nothing but their base URLs replaced.

They are run by ``tox -e clients`` alone: the clients are other people's and are never
installed with the gateway, and what they release must not be able to break its tests.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from place import Place

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def pytest_configure(config: pytest.Config) -> None:
    """Let the clients' own warnings pass: they are their authors'."""
    config.addinivalue_line("filterwarnings", "default")


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No client may reach the real exchange, whatever URL it made by itself."""
    look_up = socket.getaddrinfo

    def guarded(host: Any, *about: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        assert name in LOOPBACK, f"a client looked for {name}"
        return look_up(host, *about, **more)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """The whole exchange, at its real pace."""
    async with asyncio.timeout(50), Place() as opened:
        yield opened
