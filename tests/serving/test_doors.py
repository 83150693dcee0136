"""Who is let in, and REST."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from gateway.engine.hub import Hub
from gateway.errors import UnsafeError
from gateway.serving import Server


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "gateway.example", "::ffff:192.0.2.1"])
def test_an_address_that_others_could_reach_is_refused_and_the_message_says_what_is_missing(host: str) -> None:
    with pytest.raises(UnsafeError, match="tokens and TLS"):
        Server(Hub(str), None, host=host, port=0, now=float, wall_us=int, version="1")  # type: ignore[arg-type]


async def test_localhost_is_the_loopback_address() -> None:
    server = Server(Hub(str), None, host="localhost", port=0, now=float, wall_us=int, version="1")  # type: ignore[arg-type]
    await server.start()
    assert server.address[0] == "127.0.0.1"
    assert server.address[1] > 0
    await server.stop()


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_behind(rig: Any) -> None:
    host, port = rig.server.address
    other = Server(rig.hub, rig.running, host=host, port=port, now=float, wall_us=int, version="1")
    with pytest.raises(OSError, match="in use"):
        await other.start()
    await other.stop()


@pytest.mark.parametrize("path", ["/v1/ws", "/livez", "/api/v1/info", "/nowhere"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost:1", "localhost.evil.example", ""]
)
async def test_a_foreign_host_is_refused_before_anything_else(rig: Any, host: str, path: str) -> None:
    port = rig.server.address[1]
    status, problem = await rig.problem(path, Host=host.format(port=port))
    assert (status, problem["code"], problem["status"]) == (403, "host_not_allowed", 403)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:{port}", "127.0.0.1", "[::1]:{port}", "gw.example", "p:99"]
)
async def test_our_own_names_and_those_configured_are_fine(start: Any, host: str) -> None:
    rig = await start(hosts=("gw.example", "p:99"))
    given = host.format(port=rig.server.address[1])
    async with rig.http.get(rig.base + "/livez", headers={"Host": given}) as reply:
        assert (reply.status, await reply.text()) == (200, "ok")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "https://app.example.evil"]
)
async def test_a_page_that_is_not_allowed_gets_no_socket(start: Any, origin: str) -> None:
    rig = await start(origins=("https://app.example",))
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await rig.client(headers={"Origin": origin})
    assert refused.value.status == 403
    assert (await rig.problem("/api/v1/info", Origin=origin))[1]["code"] == "origin_not_allowed"


async def test_our_own_pages_may_connect_under_the_name_that_they_were_reached_by(rig: Any) -> None:
    port = rig.server.address[1]
    for name in ("127.0.0.1", "LOCALHOST"):
        ours = {"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}".lower()}
        async with rig.http.get(rig.base + "/api/v1/info", headers=ours) as reply:
            assert reply.status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://localhost:{port}",
        "http://localhost",
        "http://127.0.0.1:{port}",
        "http://localhost:{port}.evil.example",
    ],
)
async def test_a_page_of_another_scheme_port_or_name_is_none_of_ours(rig: Any, origin: str) -> None:
    port = rig.server.address[1]
    foreign = {"Host": f"localhost:{port}", "Origin": origin.format(port=port)}
    status, problem = await rig.problem("/api/v1/info", **foreign)
    assert (status, problem["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("hosts", ["", "Host: localhost\r\nHost: evil.example\r\n"])
async def test_no_host_or_two_are_refused(rig: Any, hosts: str) -> None:
    reader, writer = await asyncio.open_connection(*rig.server.address)
    writer.write(f"GET /livez HTTP/1.0\r\n{hosts}\r\n".encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert answer.split()[1] in {b"400", b"403"}


@pytest.mark.parametrize("head", [b"", b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
async def test_a_socket_without_a_whole_request_is_closed_even_if_it_goes_on_by_the_byte(
    start: Any, head: bytes
) -> None:
    rig = await start(header=0.2)
    reader, writer = await asyncio.open_connection(*rig.server.address)
    writer.write(head)
    reading = asyncio.create_task(reader.read())
    async with asyncio.timeout(10):
        while not reading.done():
            if head:
                writer.write(b"x")
            await asyncio.wait((reading,), timeout=0.02)
    assert isinstance(reading.exception(), ConnectionResetError) or reading.result() == b""
    writer.close()


async def test_a_page_that_is_allowed_gets_one(start: Any) -> None:
    rig = await start(origins=("https://app.example",))
    client = await rig.client(headers={"Origin": "https://app.example"})
    await client.send("ping")
    assert (await client.next())["success"]


async def test_the_subprotocol_is_chosen_if_offered_and_need_not_be(rig: Any) -> None:
    assert (await rig.client(protocols=("other", "gateway.v1"))).ws.protocol == "gateway.v1"
    assert (await rig.client()).ws.protocol is None
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await rig.client(protocols=("graphql-ws",))
    assert refused.value.status == 400


async def test_every_answer_carries_the_security_headers_the_upgrade_too(rig: Any) -> None:
    seen = [(await rig.client()).ws._response.headers]
    for path in ("/livez", "/nowhere", "/api/v1/info"):
        async with rig.http.get(rig.base + path) as reply:
            seen.append(reply.headers)
    for headers in seen:
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


async def test_what_is_not_there_is_a_problem_document(rig: Any) -> None:
    status, problem = await rig.problem("/api/v1/nothing")
    assert status == 404
    assert problem == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "GET /api/v1/nothing: Not Found",
    }
    assert (await rig.problem("/api/v1/connections/mock/stream/9"))[1]["code"] == "unknown_connection"
    assert (await rig.problem("/api/v1/exchanges/acme"))[1]["code"] == "unknown_exchange"
    assert (await rig.problem("/api/v1/exchanges/acme/instruments"))[1]["code"] == "unknown_exchange"
    assert (await rig.problem("/livez", method="POST"))[0] == 405


@pytest.mark.parametrize("headers", [{}, {"Upgrade": "websocket", "Connection": "Upgrade"}])
async def test_who_asks_a_websockets_address_for_something_else_is_told_what_it_is(rig: Any, headers: Any) -> None:
    async with rig.http.get(rig.base + "/v1/ws", headers=headers) as reply:
        told = json.loads(await reply.read())
    assert (reply.status, told["code"]) == (400, "bad_request")
    assert told["detail"] == "/v1/ws is a WebSocket's, and the request does not open one as it must"


async def test_a_body_that_is_too_large_is_told_how_large_it_may_be(rig: Any) -> None:
    async with rig.http.post(rig.base + "/api/v1/tickets", json={"a": "x" * 70_000}) as reply:
        told = json.loads(await reply.read())
    assert (reply.status, told["code"]) == (413, "content_too_large")
    assert told["detail"] == "the body has more than 64 KiB"


async def test_the_instruments_of_an_exchange_are_listed(rig: Any) -> None:
    async with rig.http.get(rig.base + "/api/v1/exchanges/mock/instruments") as reply:
        found = {"symbol": "BTC-USDT", "native": "btc_usdt", "tick_size": "0.01"}
        assert (reply.status, await reply.json()) == (200, {"instruments": [found]})


async def test_a_handler_that_fails_is_a_problem_document_without_details(
    rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(rig.running, "get_stats", fail)
    status, problem = await rig.problem("/api/v1/info")
    assert (status, problem["code"]) == (500, "internal_error")
    assert "secret" not in str(problem)


async def test_readiness_says_why_not(rig: Any) -> None:
    async with rig.http.get(rig.base + "/readyz") as reply:
        assert (reply.status, await reply.text()) == (200, "ok")
    async with rig.http.get(rig.base + "/readyz?verbose") as reply:
        assert (await reply.json())["ready"] is True
    rig.running.wrong = ["exchange mock is not connected"]
    status, problem = await rig.problem("/readyz")
    assert (status, "problems" in problem) == (503, False)
    assert (await rig.problem("/readyz?verbose"))[1]["problems"] == ["exchange mock is not connected"]


async def test_rest_shows_what_the_gateway_says_of_itself(rig: Any) -> None:
    async def get(path: str) -> Any:
        async with rig.http.get(f"{rig.base}/api/v1/{path}") as reply:
            assert (reply.status, reply.content_type) == (200, "application/json")
            return await reply.json()

    connection = {"id": "mock/stream/1", "state": "connected"}
    assert await get("connections") == {"connections": [connection]}
    assert await get("connections/mock/stream/1") == connection
    assert await get("connections/mock%2Fstream%2F1") == connection
    assert await get("exchanges/mock") == {"id": "mock", "environment": "simulated"}
    assert await get("exchanges") == {"exchanges": [{"id": "mock", "environment": "simulated"}]}
    info = await get("info")
    assert (info["version"], info["protocol"], info["stats"]) == ("1.2.3", "gateway.v1", {"total_connections": 1})
