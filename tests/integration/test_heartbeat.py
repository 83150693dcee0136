"""Each exchange is pinged at its own pace, wherever that was set, as the venues count it."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway import Gateway
from gateway.cli import run as command
from gateway.config import load
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.venue import Venue
from gateway.testing.virtual import run
from gateway_mock.plugin import MockExchange
from gateway_mock.venue import MockVenue

FILE = """
[exchanges.slow]
heartbeat_interval = "20s"

[exchanges.quick]
"""


class Networks:
    """Two venues on one network, told apart by host."""

    def __init__(self, slow: MemoryVenue, quick: MemoryVenue) -> None:
        self._venues = {"slow": slow, "quick": quick}

    def _of(self, url: str) -> MemoryVenue:
        return self._venues["slow" if "//slow" in url else "quick"]

    async def open(self, step: Any, *, max_frame: int) -> Any:
        return await self._of(step.url).open(step, max_frame=max_frame)

    async def fetch(self, request: Any) -> Any:
        return await self._of(request.url).fetch(request)

    async def close(self) -> None:
        pass


def endpoints(name: str) -> dict[str, object]:
    return {
        "stream": f"ws://{name}",
        "private": f"ws://{name}/private",
        "rest": f"http://{name}",
        "allow_plaintext": True,
    }


def test_two_exchanges_are_pinged_at_their_own_pace(tmp_path: Path) -> None:
    """Twenty seconds from the file, half a second from the environment: in 60 s, 2 or 3 and about 120."""
    path = tmp_path / "gateway.toml"
    path.write_text(FILE)
    environ = {"GATEWAY_EXCHANGES__QUICK__HEARTBEAT_INTERVAL": "0.5"}
    overrides = {f"exchanges.{name}.endpoints": endpoints(name) for name in ("slow", "quick")}

    async def main() -> tuple[Venue, Venue]:
        async with MemoryVenue(MockVenue()) as slow, MemoryVenue(MockVenue()) as quick:
            gateway = Gateway(
                load(path, environ, overrides),
                plugins={"slow": MockExchange(), "quick": MockExchange()},
                network=Networks(slow, quick),
                now=asyncio.get_running_loop().time,
            )
            async with gateway:
                assert await gateway.connect_account("slow")
                assert await gateway.connect_account("quick")
                await asyncio.sleep(60.2)
                details = gateway.get_connection_details()
                assert details["slow/stream/0"]["heartbeat_interval"] == 20
                assert details["quick/stream/0"]["heartbeat_interval"] == 0.5
                assert all(one["is_healthy"] for one in details.values())
                return slow.venue, quick.venue

    slow, quick = run(main())
    assert slow.counts.pings == 3
    assert quick.counts.pings == 120
    assert gaps(quick) == {0.5}


def gaps(venue: Venue) -> set[float]:
    (socket,) = venue.closed
    times = [at for at, _ in socket.pings]
    return {round(after - before, 3) for before, after in pairwise(times)}


def test_check_config_tells_each_pace_and_where_it_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(FILE.replace("slow", "binance").replace("quick", "mock"))
    monkeypatch.setenv("GATEWAY_EXCHANGES__BINANCE__HEARTBEAT_INTERVAL", "25")
    assert command(["check-config", "--config", str(path)]) == 0
    shown = json.loads(capsys.readouterr().out)["exchanges"]
    assert shown["binance"]["heartbeat_interval"] == {"value": 25.0, "from": "configuration"}
    assert shown["mock"]["heartbeat_interval"] == {"value": 5.0, "from": "plugin"}


async def test_over_real_sockets_the_quick_one_is_pinged_more_often() -> None:
    async with MockVenue() as slow, MockVenue() as quick:
        tables = {
            "exchanges": {
                name: {
                    "endpoints": {**venue.addresses, "allow_plaintext": True},
                    "heartbeat_interval": pace,
                }
                for name, venue, pace in (("slow", slow, 30.0), ("quick", quick, 0.05))
            }
        }
        plugins = {"slow": MockExchange(), "quick": MockExchange()}
        async with Gateway(tables, plugins=plugins) as gateway, asyncio.timeout(100):
            assert await gateway.connect_account("slow")
            assert await gateway.connect_account("quick")
            await quick.wait_for(lambda: quick.counts.pings >= 10)
            assert slow.counts.pings == 0
