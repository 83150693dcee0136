"""No key, query, header or URL in what an operator reads, whatever goes wrong."""

import asyncio
import gc
import logging
import struct
import traceback

import pytest

from gateway.errors import ConnectionFault
from gateway.spi.steps import Fetch, Open

CANARY = "c4n4ryc4n4ryc4n4ryc4n4ryc4n4ry"
HEADERS = {"X-MBX-APIKEY": CANARY, "Authorization": f"Bearer {CANARY}"}


async def hang_up(wire):
    await wire.hear_head()
    wire.fin()


async def reset(wire):
    await wire.hear_head()
    wire.rst()


async def redirect(wire):
    await wire.hear_head()
    wire.answer(302, CANARY.encode(), Location=f"http://{CANARY}@elsewhere.example/{CANARY}?{CANARY}")


async def refuse(wire):
    await wire.hear_head()
    wire.answer(401, CANARY.encode(), X_Echo=CANARY)


async def mistake(wire):
    await wire.upgrade(Sec_WebSocket_Accept=CANARY)


async def garble(wire):
    await wire.hear_head()
    wire.writer.write(f"HTTP/1.1 {CANARY}\r\n\r\n".encode())


async def echo_in_close(wire):
    await wire.upgrade()
    text = f"bad key {CANARY} in wss://x.example/ws/{CANARY}?k={CANARY}".encode()
    wire.frame(8, struct.pack("!H", 1008) + text[:120])


async def echo_in_frame(wire):
    await wire.upgrade()
    wire.frame(3, CANARY.encode())


async def cut_body(wire):
    await wire.hear_head()
    wire.writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX: {CANARY}\r\n\r\n{CANARY}".encode())
    wire.fin()


async def opened_and_read(network, step):
    transport = await network.open(step, max_frame=1 << 20)
    await transport.receive()


def shown(fault: BaseException) -> str:
    """Return all that a log could show of ``fault``."""
    seen, chain = [], [fault]
    while chain:
        exc = chain.pop()
        seen += [str(exc), repr(exc), repr(exc.args), "".join(traceback.format_exception(exc))]
        chain += [one for one in (exc.__cause__, exc.__context__) if one is not None]
    return "\n".join(seen)


@pytest.mark.parametrize(
    "script", [hang_up, reset, redirect, refuse, mistake, garble, echo_in_close, echo_in_frame]
)
async def test_a_failed_socket_shows_none(network, serve, caplog, script):
    caplog.set_level(logging.DEBUG)
    peer = await serve(script)
    step = Open(f"{peer.url}ws/{CANARY}?signature={CANARY}", HEADERS, (CANARY,))
    with pytest.raises(ConnectionFault) as caught:
        await opened_and_read(network, step)
    gc.collect()
    assert CANARY not in shown(caught.value)
    assert "127.0.0.1" not in shown(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert CANARY not in caplog.text


@pytest.mark.parametrize("script", [hang_up, reset, garble, cut_body])
async def test_a_failed_request_shows_none(network, serve, caplog, script):
    caplog.set_level(logging.DEBUG)
    peer = await serve(script)
    with pytest.raises(ConnectionFault) as caught:
        await network.fetch(Fetch("POST", f"{peer.rest}{CANARY}?signature={CANARY}", HEADERS, CANARY.encode()))
    await peer.over()
    assert CANARY not in shown(caught.value)
    assert "127.0.0.1" not in shown(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert CANARY not in caplog.text


async def test_a_port_that_refuses_shows_none(network, caplog):
    caplog.set_level(logging.DEBUG)
    for attempt in (
        network.open(Open(f"ws://127.0.0.1:1/{CANARY}", HEADERS), max_frame=1),
        network.fetch(Fetch("GET", f"http://127.0.0.1:1/{CANARY}", HEADERS)),
    ):
        with pytest.raises(ConnectionFault) as caught:
            await attempt
        assert CANARY not in shown(caught.value) + caplog.text
        assert caught.value.__cause__ is caught.value.__context__ is None


async def test_a_dropped_transport_shows_none(network, serve, ws):
    peer = await serve(ws.silent)
    transport = await network.open(Open(f"{peer.url}?{CANARY}", HEADERS), max_frame=1)
    reading = asyncio.create_task(transport.receive())
    await asyncio.sleep(0)
    transport.abort()
    await asyncio.wait({reading})
    fault = reading.exception()
    assert fault is not None
    assert CANARY not in shown(fault) + repr(transport)
