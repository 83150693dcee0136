"""What the dashboard looks at: a gateway as a process of its own, and its venue in this one."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway_mock.venue import MockVenue

sys.path.append(str(Path(__file__).parents[1] / "integration"))

from process import Process  # found by that path

ID: Final = "mock/stream/0"
SYMBOLS: Final = ("BTC-USDT", "ETH-USDT", "SOL-USDT")
SECRETS: Final = {"MOCK_KEY": "mock-key", "MOCK_SECRET": "mock-secret"}


@dataclass(frozen=True)
class Stage:
    """Both of them."""

    venue: MockVenue
    address: str
    config: Path


def settings(venue: MockVenue, symbols: Sequence[str], **server: Any) -> dict[str, Any]:
    """Return a configuration with an account, standing subscriptions to trades, and traces."""
    endpoints = {**venue.addresses, "allow_plaintext": True}
    return {
        "server": {"listen": "127.0.0.1:0", **server},
        "store": {"path": "gateway.db"} if server else {},
        "telemetry": {"traces": "console"},
        "exchanges": {"mock": {"heartbeat_interval": 5, "endpoints": endpoints}},
        "accounts": {"main": {"exchange": "mock", "api_key": "env:MOCK_KEY", "secret": "env:MOCK_SECRET"}},
        "subscriptions": [{"exchange": "mock", "channel": "trades", "symbols": list(symbols)}],
    }


@asynccontextmanager
async def staged(room: Path, venue: MockVenue, symbols: Sequence[str], **server: Any) -> AsyncIterator[Stage]:
    """Run them."""
    tables = settings(venue, symbols, **server)
    if tables["store"]:
        tables["store"]["path"] = str(room / "gateway.db")
    async with Process(room, tables, **SECRETS) as process:
        yield Stage(venue, await process.address(), room / "gateway.toml")


async def token(config: Path, *scopes: str) -> str:
    """Make a token as an operator does."""
    given = [part for scope in scopes for part in ("--scope", scope)]
    command = (sys.executable, "-m", "gateway", "token", "create", "--config", str(config), *given)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**SECRETS, "PATH": ""}
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().strip()
