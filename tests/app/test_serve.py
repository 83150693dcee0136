"""The gateway as a process: ready when it says so, ended in time, refused where it must not listen."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from gateway import Client
from gateway.app import serve
from gateway.config import load
from gateway.errors import ConfigError, UnsafeError
from gateway_mock.venue import MockVenue

BOUND = 10.0
"""Seconds in which a stop must be over."""


def tables(venue: MockVenue, listen: str = "127.0.0.1:0", **more: Any) -> dict[str, Any]:
    return {
        "server": {"listen": listen},
        "exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}},
        **more,
    }


STANDING = {"subscriptions": [{"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT"]}]}
WRONG = {"subscriptions": [{"exchange": "mock", "channel": "trades", "symbols": ["NO-SUCH"]}]}


@contextlib.asynccontextmanager
async def serving(settings: dict[str, Any]) -> AsyncIterator[str]:
    """Serve in this process; yields the address, and stops by a signal as an operator does."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(load(None, {}, settings), ready=ready.set_result, environ={}))
    await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield ready.result()
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(BOUND):
            await task


async def get(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        text = await reply.text()
        return reply.status, json.loads(text) if text.startswith("{") else text


# --- in this process


async def test_it_serves_what_the_venue_says_until_a_signal() -> None:
    async with MockVenue(rate=100) as venue:
        async with serving(tables(venue, **STANDING)) as address, Client(f"ws://{address}") as client:
            await client.subscribe("mock:trades:BTC-USDT")
            async with asyncio.timeout(60):
                async for message in client:
                    if message.get("type") == "update":
                        break
            assert await get(f"http://{address}/livez") == (200, "ok")
            assert await get(f"http://{address}/readyz") == (200, "ok")
            status, connections = await get(f"http://{address}/api/v1/connections")
            assert (status, [one["state"] for one in connections["connections"]]) == (200, ["CONNECTED"])
        await venue.wait_for(lambda: not venue.sockets)


async def test_what_stands_is_asked_for_without_a_client() -> None:
    async with MockVenue() as venue, serving(tables(venue, **STANDING)), asyncio.timeout(60):
        await venue.wait_for(lambda: "trades.btc_usdt" in {stream for _, stream in venue.streams()})


async def test_why_it_is_not_ready_is_told_to_whoever_wants_to_know() -> None:
    async with MockVenue() as venue, serving(tables(venue, **WRONG)) as address, asyncio.timeout(60):
        await venue.wait_for(lambda: bool(venue.requests))
        status = 200
        while status == 200:
            status, told = await get(f"http://{address}/readyz?verbose")
        assert (status, told["code"]) == (503, "not_ready")
        assert told["problems"] == ["mock:trades:NO-SUCH cannot be had: mock has no symbol NO-SUCH"]
        status, told = await get(f"http://{address}/readyz")
        assert (status, "problems" in told) == (503, False)
        assert (await get(f"http://{address}/livez"))[0] == 200


async def test_a_configuration_that_the_plugin_refuses_is_an_error_before_anything_listens() -> None:
    async with MockVenue() as venue:
        wrong = tables(venue)
        wrong["exchanges"]["mock"]["environment"] = "paper"
        with pytest.raises(ConfigError, match=r"exchanges\.mock\.environment"):
            async with serving(wrong):
                raise AssertionError("served")


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"])
async def test_an_address_that_others_could_reach_is_refused(listen: str) -> None:
    async with MockVenue() as venue:
        with pytest.raises(UnsafeError):
            async with serving(tables(venue, listen)):
                raise AssertionError("served")
        assert venue.counts.dials == 0


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"subscriptions": [{"exchange": "mock", "channel": "trade", "symbols": ["A-B"]}]},
            "has no channel 'trade'",
        ),
        ({"plugins": {"options": {"other": {}}}}, r"plugins\.options\.other: names no exchange"),
    ],
)
async def test_what_check_config_refuses_is_refused_before_anything_is_dialled(
    more: dict[str, Any], sentence: str
) -> None:
    async with MockVenue() as venue:
        with pytest.raises(ConfigError, match=sentence):
            async with serving(tables(venue, **more)):
                raise AssertionError("served")
        assert venue.counts.dials == 0
        assert not venue.requests


async def test_a_plugin_that_cannot_be_used_harms_no_other() -> None:
    async with MockVenue() as venue:
        settings = tables(venue)
        settings["exchanges"]["nothing"] = {}
        async with serving(settings) as address:
            status, told = await get(f"http://{address}/readyz?verbose")
        assert status == 503
        assert any(one.startswith("nothing does not run: ") for one in told["problems"])


async def test_settings_without_effect_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    module = sys.modules["gateway.app.serve"]
    monkeypatch.setattr(module, "pending", lambda _: ["store.retention is known and has no effect yet"])
    monkeypatch.setattr(module.log, "warning", lambda event, **facts: said.append((event, facts["text"])))
    async with MockVenue() as venue, serving(tables(venue)):
        pass
    assert said == [("setting_without_effect", "store.retention is known and has no effect yet")]


# --- as a process


class Process:
    """``python -m gateway serve`` with a configuration of its own."""

    def __init__(self, path: Path, settings: dict[str, Any], *options: str) -> None:
        file = path / "gateway.toml"
        file.write_text(toml(settings))
        self._command = (sys.executable, "-m", "gateway", "serve", "--config", str(file), *options)

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, stdout=pipe, stderr=pipe)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def address(self) -> str:
        async with asyncio.timeout(100):
            line = (await self._process.stdout.readline()).decode()
        assert line.startswith("Listening on http://"), line + (await self.end())[1]
        return line.removeprefix("Listening on http://").strip()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def end(self) -> tuple[int, str]:
        """Return the exit status and what was said on stderr."""
        async with asyncio.timeout(100):
            _, stderr = await self._process.communicate()
        return self._process.returncode, stderr.decode()


def toml(tables: dict[str, Any], place: str = "") -> str:
    plain = [f"{name} = {json.dumps(value)}" for name, value in tables.items() if not isinstance(value, dict)]
    nested = [
        toml(value, f"{place}.{name}".removeprefix("."))
        for name, value in tables.items()
        if isinstance(value, dict)
    ]
    head = [f"[{place}]"] if place and plain else []
    return "\n".join([*head, *plain, *nested])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_time_with_status_0(tmp_path: Path, number: int) -> None:
    async with MockVenue(rate=100) as venue, Process(tmp_path, tables(venue)) as process:
        address = await process.address()
        async with Client(f"ws://{address}") as client:
            await client.subscribe("mock:trades:BTC-USDT")
            async with asyncio.timeout(60):
                await anext(aiter(client))
                process.signal(number)
                begun = time.monotonic()
                status, _ = await process.end()
        assert status == 0
        assert time.monotonic() - begun < BOUND
        await venue.wait_for(lambda: not venue.sockets)


async def test_an_exchange_that_is_mute_does_not_put_the_end_off(tmp_path: Path) -> None:
    async with MockVenue() as venue, Process(tmp_path, tables(venue)) as process:
        address = await process.address()
        async with Client(f"ws://{address}") as client, asyncio.timeout(100):
            await client.subscribe("mock:trades:BTC-USDT")
            await venue.wait_for(lambda: bool(venue.subscribes))
            venue.faults.mute = True
            process.signal(signal.SIGTERM)
            begun = time.monotonic()
            status, _ = await process.end()
        assert status == 0
        assert time.monotonic() - begun < BOUND


async def test_an_address_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        async with MockVenue() as venue, Process(tmp_path, tables(venue), "--listen", place) as process:
            status, told = await process.end()
        assert venue.counts.dials == 0
        assert not venue.requests
    assert status == 2
    lines = [line for line in told.splitlines() if line.startswith("gateway: ")]
    assert len(lines) == 1
    assert lines == [f"gateway: server.listen: {place} cannot be had: address already in use"]
    assert "Traceback" not in told


async def test_an_address_that_others_could_reach_ends_it_with_status_78(tmp_path: Path) -> None:
    async with MockVenue() as venue, Process(tmp_path, tables(venue), "--listen", "0.0.0.0:0") as process:
        status, told = await process.end()
    assert status == 78
    assert told.startswith("gateway: ")
    assert "0.0.0.0" in told
    assert "Traceback" not in told
