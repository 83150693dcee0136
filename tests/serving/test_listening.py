"""TLS: spoken to clients, renewed without a restart, and with no time for who begins a handshake and leaves it."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from structlog.testing import capture_logs

from gateway.engine.hub import Hub
from gateway.serving import Limits, Server, Tls


class Running:
    def problems(self) -> list[str]:
        return []


class Secured:
    """A server with TLS on a port that was taken before, and whoever trusts it."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.authority = trustme.CA()
        self.cert, self.key = str(room / "c.pem"), str(room / "k.pem")
        self.issue()
        self.trust = ssl.create_default_context()
        self.authority.configure_trust(self.trust)
        self.server: Any = None

    def issue(self) -> None:
        issued = self.authority.issue_cert("127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(self.cert)
        issued.private_key_pem.write_to_path(self.key)

    def spoil(self) -> None:
        Path(self.cert).write_text("noise")

    async def start(self, **limits: Any) -> None:
        running: Any = Running()
        self.server = Server(
            Hub(str),
            running,
            host="127.0.0.1",
            port=0,
            now=time.monotonic,
            wall_us=lambda: 1,
            version="1",
            limits=Limits(**limits),
            tls=Tls(self.cert, self.key),
        )
        taken = socket.create_server(("127.0.0.1", 0))
        taken.setblocking(False)
        await self.server.start(taken)

    async def serial(self) -> bytes:
        """Return the certificate that is shown to a new client."""
        _, writer = await asyncio.open_connection(*self.server.address, ssl=self.trust)
        shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return shown


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    one = Secured(tmp_path)
    yield one
    await one.server.stop(1)


async def test_a_client_that_trusts_us_is_served_and_any_other_leaves(secured: Secured) -> None:
    await secured.start()
    host, port = secured.server.address
    async with aiohttp.ClientSession() as http:
        async with http.get(f"https://{host}:{port}/livez", ssl=secured.trust) as reply:
            assert (reply.status, await reply.text()) == (200, "ok")
        async with http.ws_connect(f"wss://{host}:{port}/v1/ws", ssl=secured.trust) as ws:
            await ws.send_json({"method": "ping"})
            assert (await ws.receive_json())["success"]
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get(f"https://{host}:{port}/livez")
        with pytest.raises(aiohttp.ClientError):
            await http.get(f"http://{host}:{port}/livez")


async def test_a_handshake_that_is_begun_and_left_is_cut(secured: Secured) -> None:
    await secured.start(header=0.2)
    reader, writer = await asyncio.open_connection(*secured.server.address)
    async with asyncio.timeout(10):
        with suppress(ConnectionResetError):  # cut, one way or the other
            assert await reader.read() == b""
    writer.close()


async def test_a_new_certificate_is_shown_to_whoever_comes_after(secured: Secured) -> None:
    await secured.start()
    first = await secured.serial()
    assert await secured.serial() == first
    secured.issue()
    secured.server.renew_tls()
    second = await secured.serial()
    assert second != first
    secured.spoil()
    with capture_logs() as lines:
        secured.server.renew_tls()
    assert [line["event"] for line in lines] == ["certificate_not_renewed"]
    assert await secured.serial() == second
