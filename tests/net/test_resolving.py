"""Names are looked up on threads of their own, and whoever asks hears what was found."""

import asyncio
import socket
import threading

import pytest

from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.resolving import LOOKUPS, Resolver
from gateway.spi.steps import Open

V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "")


@pytest.fixture
async def resolver():
    found: list[str] = []
    resolver = Resolver(found.append)
    resolver.found = found
    yield resolver
    await resolver.close()


async def test_this_machine_has_an_address(resolver):
    [first, *_] = await resolver.resolve("localhost", 80)
    assert (first["hostname"], first["host"], first["port"]) == ("localhost", "127.0.0.1", 80)
    assert first["family"] == socket.AF_INET
    assert resolver.found == ["localhost"]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (("2001:db8::1", 443, 0, 0), "2001:db8::1"),
        (("fe80::1", 443, 0, 2), "fe80::1%2"),
        (("fe80::1%eth0", 443, 0, 2), "fe80::1%eth0"),
    ],
)
async def test_an_address_that_holds_on_one_link_says_which(resolver, monkeypatch, address, host):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(*V6, address)])
    assert [one["host"] for one in await resolver.resolve("six.example", 443, socket.AF_INET6)] == [host]


async def test_a_name_without_an_address_is_not_found(resolver, monkeypatch):
    def look_up(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(socket.gaierror):
        await resolver.resolve("nowhere.invalid")
    assert resolver.found == []


async def test_name_servers_that_are_silent_hold_up_neither_others_nor_the_end(monkeypatch):
    """The event loop's own threads, which everybody shares, are left alone; and there are never many."""
    release, began = threading.Event(), threading.Semaphore(0)

    def look_up(*_, **__):
        began.release()
        release.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    network = AiohttpNetwork()
    dials = [
        asyncio.create_task(network.open(Open(f"ws://{n}.invalid/"), max_frame=1)) for n in range(LOOKUPS + 4)
    ]
    try:
        for _ in range(LOOKUPS):
            assert await asyncio.to_thread(began.acquire, timeout=30), "the loop's own threads are free"
        assert sum(thread.name.startswith("gateway names") for thread in threading.enumerate()) == LOOKUPS
        for dial in dials:
            dial.cancel()
        await asyncio.wait(dials)
        async with asyncio.timeout(10):
            await network.close()
    finally:
        release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("gateway names"):
            await asyncio.to_thread(thread.join, 60)
    assert not began.acquire(blocking=False), "what waited is not begun any more"
