"""The engine without faults: what it counts, serves, remembers and cleans up."""

import asyncio

import pytest
from aiohttp import ClientConnectorError, WSMsgType

from gateway.testing.listener import PATIENCE
from gateway.testing.records import Watch, busiest
from gateway.testing.venue import Venue


async def test_every_message_is_remembered_with_its_time(acme, session):
    begun = asyncio.get_running_loop().time()
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("hello")
        await ws.send_bytes(b"bytes")
        assert await ws.receive_str() == "hello"
        assert await ws.receive_str() == "bytes"
        (socket,) = acme.sockets.values()
        assert [(one.payload, one.binary) for one in socket.frames] == [(b"hello", False), (b"bytes", True)]
        assert begun <= socket.frames[0].at <= socket.frames[1].at <= asyncio.get_running_loop().time()
        assert (acme.counts.dials, acme.counts.upgrades, acme.counts.frames) == (1, 1, 2)


async def test_a_ping_is_counted_and_answered_with_its_own_payload(acme, session):
    async with session.ws_connect(acme.url, autoping=False) as ws:
        await ws.ping(b"token-1")
        await ws.ping(b"")
        assert [(m := await ws.receive()).type, bytes(m.data)] == [WSMsgType.PONG, b"token-1"]
        assert bytes((await ws.receive()).data) == b""
        (socket,) = acme.sockets.values()
        assert [payload for _, payload in socket.pings] == [b"token-1", b""]
        assert acme.counts.pings == 2


async def test_the_venue_pings_and_sees_the_pong(acme, session):
    async with session.ws_connect(acme.url) as ws:
        await acme.wait_for(lambda: acme.sockets)
        (socket,) = acme.sockets.values()
        socket.ping(b"alive?")
        reading = asyncio.create_task(ws.receive())
        await acme.wait_for(lambda: socket.pongs)
        assert socket.pongs[0][1] == b"alive?"
    assert (await reading).type in {WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.CLOSE}


async def test_data_go_to_those_who_subscribed_and_to_nobody_else(acme, session):
    async with session.ws_connect(acme.url) as one, session.ws_connect(acme.url) as other:
        await one.send_str("sub a b")
        assert await one.receive_str() == "ok a b"
        await other.send_str("sub b")
        assert await other.receive_str() == "ok b"
        assert sorted(acme.streams()) == [(1, "a"), (1, "b"), (2, "b")]
        assert [(wish.socket, wish.streams) for wish in acme.subscribes] == [(1, ("a", "b")), (2, ("b",))]
        acme.tick()
        assert [await one.receive_str(), await one.receive_str()] == ["a 1", "b 1"]
        assert await other.receive_str() == "b 1"
        assert acme.counts.published == 3


async def test_an_accounts_data_reach_its_sockets_alone(acme, session):
    async with session.ws_connect(acme.url) as one, session.ws_connect(acme.url) as other:
        for ws in (one, other):
            await ws.send_str("sub orders")
            await ws.receive_str()
        acme.sockets[1].account = "alice"
        acme.sockets[2].account = "bob"
        assert acme.publish("orders", b"alice's", account="alice") == 1
        assert await one.receive_str() == "alice's"
        await other.send_str("nothing before this")
        assert await other.receive_str() == "nothing before this"


async def test_a_client_that_leaves_is_no_longer_live_but_remembered(acme, session):
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a")
        await ws.receive_str()
    await acme.wait_for(lambda: not acme.sockets)
    assert acme.streams() == []
    assert [socket.id for socket in acme.closed] == [1]
    acme.tick()


async def test_a_client_that_does_not_read_is_dropped_and_stalls_nobody(session, raw_upgrade):
    async with asyncio.timeout(20), Venue(outbox=64) as venue, session.ws_connect(venue.url) as reader:
        _, writer = await raw_upgrade(venue.port)
        await venue.wait_for(lambda: len(venue.sockets) == 2)
        for socket in venue.sockets.values():
            socket.streams["a"] = 0.0
        for number in range(1000):
            venue.publish("a", b"%d" % number + b"x" * 65536)
            assert (await reader.receive_str()).startswith(str(number))
        await venue.wait_for(lambda: len(venue.sockets) == 1)
        assert venue.counts.overflows == 1
        assert venue.closed[0].overflowed
        writer.close()


async def test_rest_routes_see_request_and_body(acme, session):
    async with session.post(f"{acme.addresses['rest']}/echo?x=1", data=b"ping") as answer:
        assert await answer.json() == {"body": "ping", "path": "/echo"}
    (asked,) = acme.requests
    assert (asked.method, asked.path, asked.query) == ("POST", "/echo", {"x": "1"})


async def test_leaving_says_goodbye_and_leaves_no_task(session):
    before = asyncio.all_tasks()
    async with asyncio.timeout(20), Venue(rate=1000) as venue:
        ws = await session.ws_connect(venue.url)
    assert (await ws.receive()).data == 1001
    await ws.close()
    assert asyncio.all_tasks() == before
    with pytest.raises(ClientConnectorError):
        await session.ws_connect(venue.url)


async def test_leaving_waits_neither_for_the_mute_nor_for_those_it_never_answered(acme, session, raw_upgrade):
    ws = await session.ws_connect(acme.url)
    acme.faults.hang_upgrades.arm()
    _, writer = await raw_upgrade(acme.port, "/ws", answered=False)
    await acme.wait_for(lambda: len(acme.attempts) == 2)
    acme.faults.mute = True
    begun = asyncio.get_running_loop().time()
    await acme.stop()
    assert asyncio.get_running_loop().time() - begun < PATIENCE
    assert not acme.sockets
    writer.close()
    await ws.close()


async def test_leaving_resets_those_who_do_not_read(acme, raw_upgrade):
    before = asyncio.all_tasks()
    reader, writer = await raw_upgrade(acme.port, "/ws")
    await acme.wait_for(lambda: acme.sockets)
    for _ in range(200):
        acme.sockets[1].text(b"x" * 65536)
    await acme.stop()
    assert not acme.sockets
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    assert asyncio.all_tasks() == before


async def test_a_datum_wakes_whoever_waits_for_it(acme, session):
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a")
        await ws.receive_str()
        waiting = asyncio.create_task(acme.wait_for(lambda: acme.counts.published == 2))
        asyncio.get_running_loop().call_soon(acme.tick)
        asyncio.get_running_loop().call_soon(acme.tick)
        await waiting


async def test_the_venues_own_failure_is_raised_where_it_is_left(session):
    venue = Venue()
    venue.received = lambda *_: 1 / 0
    await venue.start()
    async with session.ws_connect(venue.url) as ws:
        await ws.send_str("anything")
        await ws.receive()
    with pytest.raises(ExceptionGroup) as raised:
        await venue.__aexit__(None, None, None)
    assert isinstance(raised.value.exceptions[0], ZeroDivisionError)


async def test_waiting_ends_when_the_ticking_fails():
    async with asyncio.timeout(20):
        venue = Venue(rate=1000)
        venue.tick = lambda: 1 / 0
        await venue.start()
        with pytest.raises(ExceptionGroup):
            await venue.wait()
        await venue.stop()


async def test_a_venue_with_a_rate_ticks_by_itself():
    ticks = []
    async with asyncio.timeout(20):
        venue = Venue(rate=500)
        done = asyncio.Event()
        venue.tick = lambda: ticks.append(1) or (len(ticks) < 100 or done.set())
        async with venue:
            begun = asyncio.get_running_loop().time()
            await done.wait()
            assert asyncio.get_running_loop().time() - begun >= 0.15


async def test_a_cancelled_wait_is_forgotten():
    watch = Watch()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await watch.wait_for(lambda: False)
    assert not watch._waiters


def test_busiest_counts_the_fullest_window():
    assert busiest([0.0, 0.5, 0.9, 1.0, 1.4, 9.0], per=1.0) == 4
    assert busiest([], per=1.0) == 0
