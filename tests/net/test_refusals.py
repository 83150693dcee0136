import asyncio
import gzip
import socket

import pytest

from gateway.errors import ProtocolViolation, Reason, TransportLost, UpgradeRefused
from gateway.spi.steps import Fetch, Open


async def refused(network, peer, **step):
    with pytest.raises((TransportLost, UpgradeRefused, ProtocolViolation)) as caught:
        await network.open(Open(peer.url, **step), max_frame=1 << 20)
    await peer.over()
    return caught.value


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 418, 429, 451, 500, 502, 503, 504])
async def test_a_status_instead_of_an_upgrade_is_told_with_its_headers_and_body(network, serve, status):
    async def script(wire):
        await wire.hear_head()
        wire.answer(status, b'{"code":-1003}', Retry_After="120", X_MBX_Used="7")

    fault = await refused(network, await serve(script))
    assert isinstance(fault, UpgradeRefused)
    assert (fault.status, fault.body, fault.reason) == (status, b'{"code":-1003}', Reason.UPGRADE_REFUSED)
    assert (fault.headers["retry-after"], fault.headers["x-mbx-used"]) == ("120", "7")


async def test_headers_of_one_name_are_joined(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nVia: a\r\nvia: b\r\n\r\n")

    assert (await refused(network, await serve(script))).headers["via"] == "a, b"


async def test_of_a_long_refusal_the_beginning_is_kept(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.answer(403, b"x" * (1 << 20))

    assert (await refused(network, await serve(script))).body == b"x" * 65536


async def test_a_refusal_that_unpacks_to_something_huge_is_cut(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.answer(503, gzip.compress(b"x" * (32 << 20)), Content_Encoding="gzip")

    assert (await refused(network, await serve(script))).body == b"x" * 65536


async def test_a_refusal_without_end_is_left_as_soon_as_enough_is_there(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.writer.write(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not wire.writer.is_closing():
            wire.writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent.append(65536)
            await wire.writer.drain()
            await asyncio.sleep(0)

    sent: list[int] = []
    assert (await refused(network, await serve(script))).body == b"x" * 65536
    assert sum(sent) < 16 << 20


@pytest.mark.parametrize("end", ["silent", "fin", "rst"])
async def test_a_refusal_whose_body_never_comes_still_tells_its_status(network, serve, end):
    """A ban must not be lost because the body was."""

    async def script(wire):
        await wire.hear_head()
        wire.writer.write(b"HTTP/1.1 418 Banned\r\nRetry-After: 9\r\nContent-Length: 100\r\n\r\nbeg")
        await wire.writer.drain()
        if end == "fin":
            wire.fin()
        elif end == "rst":
            await asyncio.sleep(0.05)
            wire.rst()

    started = asyncio.get_running_loop().time()
    fault = await refused(network, await serve(script))
    assert (fault.status, fault.headers["retry-after"], fault.body) == (418, "9", b"beg")
    assert asyncio.get_running_loop().time() - started < 10


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_takes_no_key_along(network, serve, ws, status):
    """aiohttp would follow it and hand every header but Authorization to the new origin."""

    async def script(wire):
        await wire.hear_head()
        wire.answer(status, Location=f"http://canary@localhost:{other.port}/canary?token=canary")

    other = await serve(ws.silent)
    peer = await serve(script)
    fault = await refused(network, peer, headers={"X-MBX-APIKEY": "canary"})
    assert type(fault) is TransportLost
    assert fault.reason is Reason.REDIRECTED
    assert str(fault) == "the upgrade was answered with a redirect to localhost"
    assert (len(peer.wires), other.wires) == (1, [])


async def test_a_redirect_to_itself_is_one_request(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.answer(302, Location="/")

    peer = await serve(script)
    assert (await refused(network, peer)).reason is Reason.REDIRECTED
    assert len(peer.wires) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"Sec_WebSocket_Accept": "AAAA"}, "challenge"),
        ({"Upgrade": "h2c"}, "upgrade header"),
        ({"Connection": "close"}, "connection header"),
    ],
)
async def test_an_upgrade_answered_wrongly_is_a_violation_though_its_status_is_101(network, serve, wrong, told):
    async def script(wire):
        await wire.upgrade(**wrong)

    fault = await refused(network, await serve(script))
    assert isinstance(fault, ProtocolViolation)
    assert told in str(fault)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc Hm\r\n\r\n", b"\x00\x01" * 50 + b"\r\n\r\n"]
)
async def test_what_is_no_http_is_a_violation(network, serve, answer):
    async def script(wire):
        await wire.hear_head()
        wire.writer.write(answer)

    assert isinstance(await refused(network, await serve(script)), ProtocolViolation)


async def test_headers_without_end_are_a_violation(network, serve):
    async def script(wire):
        await wire.hear_head()
        wire.writer.write(b"HTTP/1.1 101 S\r\n" + b"X-A: b\r\n" * 10_000)

    assert isinstance(await refused(network, await serve(script)), ProtocolViolation)


@pytest.mark.parametrize(("end", "reason"), [("fin", Reason.CLOSED_BY_PEER), ("rst", Reason.CONNECTION_RESET)])
async def test_a_peer_that_hangs_up_is_dialled_once(network, serve, end, reason):
    """aiohttp repeats a GET by itself; dials are counted by whoever asks for them."""

    async def script(wire):
        await wire.hear_head()
        getattr(wire, end)()

    peer = await serve(script)
    assert (await refused(network, peer)).reason is reason
    assert len(peer.wires) == 1


async def test_a_closed_port_refuses(network):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(TransportLost) as caught:
            await network.open(Open(f"ws://127.0.0.1:{taken.getsockname()[1]}/"), max_frame=1)
    assert caught.value.reason is Reason.CONNECTION_REFUSED


async def test_a_place_without_a_way_to_it_is_unreachable(network):
    """A broadcast address is refused by the system itself."""
    with pytest.raises(TransportLost) as caught:
        await network.open(Open("ws://255.255.255.255:9/"), max_frame=1)
    assert caught.value.reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (socket.EAI_NONAME, Reason.NAME_NOT_RESOLVED),
        (socket.EAI_AGAIN, Reason.UNREACHABLE),
        (socket.EAI_FAIL, Reason.UNREACHABLE),
    ],
)
async def test_a_name_without_address_is_told_from_name_servers_that_are_not_there(
    network, monkeypatch, number, reason
):
    def look_up(*_, **__):
        raise socket.gaierror(number, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for attempt in (
        network.open(Open("ws://nowhere.invalid/"), max_frame=1),
        network.fetch(Fetch("GET", "http://nowhere.invalid/")),
    ):
        with pytest.raises(TransportLost) as caught:
            await attempt
        assert caught.value.reason is reason


async def test_the_first_of_two_addresses_may_be_dead(network, serve, ws, monkeypatch):
    def look_up(_, port, *__, **___):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("127.0.0.2", "127.0.0.1")]

    peer = await serve(ws.silent)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    transport = await network.open(Open(f"ws://two.invalid:{peer.port}/"), max_frame=1)
    assert not transport.closed
