"""A service manager hears when it is ready, reloads, stops, and that the loop turns, and only then."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app import serve
from gateway.app.notify import ServiceManager, announced, supervised
from gateway.config import load
from gateway_mock.venue import MockVenue

WITHIN = 10.0
SOON = 0.06
"""Seconds of a watchdog that is quick to be heard."""
TRIES = 50


class Manager:
    """The end of the socket that systemd would read."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)

    def environ(self, **more: str) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address, **more}

    async def heard(self) -> str:
        async with asyncio.timeout(WITHIN):
            return (await asyncio.get_running_loop().sock_recv(self.socket, 4096)).decode()

    def waiting(self) -> list[str]:
        told = []
        while True:
            try:
                told.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return told


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    one = Manager(str(tmp_path / "notify"))
    yield one
    one.socket.close()


async def test_a_process_tells_that_it_is_ready_that_it_reloads_and_that_it_stops(manager: Manager) -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with MockVenue() as venue:
        tables = {
            "server": {"listen": "127.0.0.1:0"},
            "exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}},
        }
        task = asyncio.create_task(
            serve(load(None, {}, tables), ready=ready.set_result, environ=manager.environ())
        )
        assert await manager.heard() == "READY=1"
        assert ready.done()
        os.kill(os.getpid(), signal.SIGHUP)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        reloading, monotonic = (await manager.heard()).split("\nMONOTONIC_USEC=")
        assert reloading == "RELOADING=1"
        assert abs(int(monotonic) - before) < WITHIN * 1e6
        assert await manager.heard() == "READY=1"
        os.kill(os.getpid(), signal.SIGTERM)
        assert await manager.heard() == "STOPPING=1"
        async with asyncio.timeout(WITHIN):
            await task
    assert manager.waiting() == []


async def test_signs_of_life_come_while_the_loop_turns_and_stop_with_it(manager: Manager) -> None:
    environ = manager.environ(WATCHDOG_USEC=str(int(SOON * 1e6)), WATCHDOG_PID=str(os.getpid()))
    async with supervised(environ):
        took = []
        while len(took) < TRIES and not (took and took[-1] < 4 * SOON):  # a busy machine may hold up either side
            begun = time.monotonic()
            for _ in range(4):
                assert await manager.heard() == "WATCHDOG=1"
            took.append(time.monotonic() - begun)
        assert took[-1] < 4 * SOON, "slower than it was asked to be"
        manager.waiting()
        time.sleep(3 * SOON)  # noqa: ASYNC251  # holds the loop up: that is what a watchdog is for
        assert manager.waiting() == []
        assert await manager.heard() == "WATCHDOG=1"
    manager.waiting()
    await asyncio.sleep(2 * SOON)  # that nothing comes can only be seen by waiting
    assert manager.waiting() == []


@pytest.mark.parametrize(
    ("more", "watchdog"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        pytest.param({"WATCHDOG_USEC": "9" * 5_000}, None, id="thousands of digits"),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_the_process_that_it_names(more: dict[str, str], watchdog: float | None) -> None:
    assert ServiceManager.of({"NOTIFY_SOCKET": "/run/notify", **more}, 7).watchdog == watchdog


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_a_socket_that_is_none_of_ours_is_told_nothing(address: str) -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"}, 7)
    assert manager.watchdog is None
    manager.ready()


def test_an_abstract_socket_is_told_too() -> None:
    one = Manager(f"@gateway-notify-{os.getpid()}")
    try:
        ServiceManager.of(one.environ(), 7).stopping()
        assert one.waiting() == ["STOPPING=1"]
    finally:
        one.socket.close()


def test_a_manager_that_is_gone_or_does_not_read_holds_nobody_up(manager: Manager) -> None:
    ours = ServiceManager.of(manager.environ(), 7)
    for _ in range(10_000):  # far more than a socket keeps
        ours.alive()
    assert set(manager.waiting()) == {"WATCHDOG=1"}
    Path(manager.address).unlink()
    ours.alive()


async def test_a_reload_that_fails_ends_all_the_same(manager: Manager) -> None:
    async def reload() -> object:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await announced(ServiceManager.of(manager.environ(), 7), reload)()
    assert [one.partition("=")[0] for one in manager.waiting()] == ["RELOADING", "READY"]


def test_whoever_stops_is_not_ready_again(manager: Manager) -> None:
    ours = ServiceManager.of(manager.environ(), 7)
    ours.stopping()
    ours.ready()
    assert manager.waiting() == ["STOPPING=1"]
