"""Every scripted fault, seen from the client."""

import asyncio

import aiohttp
import pytest
from aiohttp import WSMsgType

from gateway.testing.faults import ALWAYS, Faults, Noise, Refusal


async def _echoes(ws) -> bool:
    await ws.send_str("still there?")
    return await ws.receive_str() == "still there?"


async def test_dials_are_reset_as_often_as_asked(acme, session):
    acme.faults.reset_dials.arm(2)
    for _ in range(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", acme.port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
    async with session.ws_connect(acme.url) as ws:
        assert await _echoes(ws)
    assert (acme.counts.dials, acme.counts.upgrades, acme.faults.reset_dials.struck) == (3, 1, 2)


async def test_a_closed_port_refuses_and_keeps_open_sockets(acme, session):
    async with session.ws_connect(acme.url) as ws:
        port = acme.port
        acme.close_port()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert await _echoes(ws)
        await acme.open_port()
        assert acme.port == port
        async with session.ws_connect(acme.url) as other:
            assert await _echoes(other)


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_upgrades_are_refused_with_status_and_headers(acme, session, status):
    acme.faults.refuse_upgrades.arm(Refusal(status, {"Retry-After": "7"}), 1)
    with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
        await session.ws_connect(acme.url)
    assert (raised.value.status, raised.value.headers["Retry-After"]) == (status, "7")
    async with session.ws_connect(acme.url) as ws:
        assert await _echoes(ws)
    assert (acme.counts.refused, acme.counts.upgrades, len(acme.attempts)) == (1, 1, 2)


async def test_a_hanging_upgrade_is_never_answered(acme, session):
    acme.faults.hang_upgrades.arm(1)
    dial = asyncio.create_task(session.ws_connect(acme.url))
    await acme.wait_for(lambda: acme.attempts)
    async with session.ws_connect(acme.url) as ws:
        assert await _echoes(ws)
    assert not dial.done()
    dial.cancel()


async def test_requests_are_refused_with_status_and_headers(acme, session):
    acme.faults.refuse_requests.arm(Refusal(429, {"Retry-After": "1"}, b"slow down"), 1)
    url = f"{acme.addresses['rest']}/echo"
    async with session.post(url) as answer:
        assert (answer.status, answer.headers["Retry-After"], await answer.read()) == (429, "1", b"slow down")
    async with session.post(url) as answer:
        assert answer.status == 200


async def test_the_first_subscribe_can_be_met_by_a_close(acme, session):
    acme.faults.close_at_subscribe.arm(1008, 1)
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a")
        message = await ws.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1008)
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a")
        assert await ws.receive_str() == "ok a"
    assert len(acme.subscribes) == 2


async def test_sockets_drop_by_fin_without_a_close_frame(acme, raw_upgrade):
    reader, writer = await raw_upgrade(acme.port, "/ws")
    await acme.wait_for(lambda: acme.sockets)
    acme.drop()
    assert await reader.read() == b""
    writer.close()


async def test_sockets_drop_by_rst(acme, raw_upgrade):
    reader, writer = await raw_upgrade(acme.port, "/ws")
    await acme.wait_for(lambda: acme.sockets)
    acme.drop(rst=True)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    await acme.wait_for(lambda: not acme.sockets)
    writer.close()


async def test_sockets_drop_with_a_code(acme, session):
    async with session.ws_connect(acme.url) as ws:
        assert await _echoes(ws)
        acme.drop(code=1012)
        assert (await ws.receive()).data == 1012


async def test_a_mute_venue_swallows_everything_and_keeps_the_socket(acme, session):
    async with session.ws_connect(acme.url, autoping=False) as ws:
        await ws.send_str("sub a")
        await ws.receive_str()
        acme.faults.mute = True
        await ws.ping(b"?")
        await ws.send_str("sub b")
        await acme.wait_for(lambda: acme.counts.frames == 2 and acme.counts.pings == 1)
        acme.tick()
        assert acme.streams() == [(1, "a")]
        acme.faults.mute = False
        assert await _echoes(ws)


async def test_one_socket_alone_can_be_muted(acme, session):
    async with session.ws_connect(acme.url) as one, session.ws_connect(acme.url) as other:
        acme.sockets[1].muted = True
        await one.send_str("unheard")
        assert await _echoes(other)
        await acme.wait_for(lambda: acme.counts.frames == 2)
        acme.sockets[1].muted = False
        assert await _echoes(one)


async def test_a_mute_venue_answers_no_request(acme, session):
    acme.faults.mute = True
    asking = asyncio.create_task(session.post(f"{acme.addresses['rest']}/echo"))
    await acme.wait_for(lambda: acme.requests)
    acme.faults.mute = False
    async with session.post(f"{acme.addresses['rest']}/echo") as answer:
        assert answer.status == 200
    assert not asking.done()
    asking.cancel()


async def test_a_stall_stops_data_and_nothing_else(acme, session):
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a b")
        await ws.receive_str()
        acme.faults.stall = True
        acme.tick()
        assert await _echoes(ws)
        acme.faults.stall = False
        acme.faults.stalled_streams.add("a")
        acme.tick()
        assert await ws.receive_str() == "b 2"
        acme.faults.clear()
        acme.tick()
        assert await ws.receive_str() == "a 3"


async def test_acks_are_lost_as_often_as_asked(acme, session):
    acme.faults.lose_acks.arm(1)
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a")
        await ws.send_str("sub b")
        assert await ws.receive_str() == "ok b"
        assert acme.streams() == [(1, "a"), (1, "b")]
        acme.faults.lose_acks.arm(ALWAYS)
        await ws.send_str("sub c")
        assert await _echoes(ws)


async def test_acks_are_delayed(acme, session):
    acme.faults.ack_delay = 0.05
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a")
        assert await _echoes(ws)
        assert await ws.receive_str() == "ok a"
        (wish,) = acme.subscribes
        assert asyncio.get_running_loop().time() - wish.at >= 0.05


async def test_a_delayed_ack_does_not_outlive_its_socket(acme, session):
    acme.faults.ack_delay = 3600.0
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a")
        assert await _echoes(ws)
        (socket,) = acme.sockets.values()
    await acme.wait_for(lambda: not acme.sockets)
    assert [handle.cancelled() for handle in socket._later] == [True]


async def test_streams_are_refused_by_name(acme, session):
    acme.faults.refused_streams.add("b")
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a b c")
        assert [await ws.receive_str(), await ws.receive_str()] == ["ok a c", "no b"]
        assert acme.streams() == [(1, "a"), (1, "c")]


async def test_a_subscribe_is_refused_as_a_whole(acme, session):
    acme.faults.refuse_subscribes.arm("too busy", 1)
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a b")
        assert await ws.receive_str() == "refused: too busy"
        assert acme.streams() == []


async def test_numbers_are_skipped_and_data_are_lost(acme, session):
    async with session.ws_connect(acme.url) as ws:
        await ws.send_str("sub a")
        await ws.receive_str()
        acme.faults.skip("a", 3)
        acme.tick()
        acme.faults.lose("a", 2)
        for _ in range(3):
            acme.tick()
        assert [await ws.receive_str(), await ws.receive_str()] == ["a 4", "a 7"]


MESSAGES = [one for one in Noise if one.value[0] is not None and one is not Noise.BAD_UTF8]


@pytest.mark.parametrize("noise", MESSAGES)
async def test_noise_is_sent_and_leaves_the_socket_open(acme, session, noise):
    async with session.ws_connect(acme.url) as ws:
        assert await _echoes(ws)
        acme.sockets[1].noise(noise)
        message = await ws.receive()
        data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        assert (message.type, data) == noise.value
        assert await _echoes(ws)


@pytest.mark.parametrize(("noise", "code"), [(Noise.BAD_UTF8, 1007), (Noise.BAD_FRAME, 1002)])
async def test_noise_can_break_the_protocol(acme, session, noise, code):
    async with session.ws_connect(acme.url) as ws:
        assert await _echoes(ws)
        acme.sockets[1].noise(noise)
        message = await ws.receive()
        assert (message.type, message.data.code) == (WSMsgType.ERROR, code)


def test_clearing_heals_every_fault():
    faults = Faults(mute=True, stall=True, ack_delay=1.0)
    faults.reset_dials.arm()
    faults.refused_streams.add("a")
    faults.skip("a")
    faults.clear()
    assert not faults.reset_dials.strike()
    assert (faults.mute, faults.stall, faults.ack_delay) == (False, False, 0.0)
    assert (faults.refused_streams, faults.skips) == (set(), {})
