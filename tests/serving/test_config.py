"""The configuration over REST: shown without doing anything, read anew only when asked properly, and logged."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from gateway.engine.hub import Hub
from gateway.errors import ConfigError, ShuttingDown, UnsafeError
from gateway.serving import Limits, Server

JSON = {"Content-Type": "application/json"}
SHOWN = {"config": {"server": {"listen": "127.0.0.1:1"}}, "needs_restart": ["server.listen"]}


class Configured:
    """Reads nothing, or fails as it is told."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.fails: Exception | None = None

    def shown(self) -> Mapping[str, Any]:
        return SHOWN

    async def read_anew(self, *, dry_run: bool = False) -> Mapping[str, Any]:
        if self.fails is not None:
            raise self.fails
        self.asked.append(dry_run)
        return {"dry_run": dry_run, "applied": ["log.level"], "needs_restart": []}


class Desk:
    def __init__(self, session: aiohttp.ClientSession, base: str, configured: Configured) -> None:
        self.session, self.base, self.configured = session, base, configured

    async def get(self, path: str = "/api/v1/config") -> tuple[int, Any]:
        async with self.session.get(self.base + path) as reply:
            return reply.status, json.loads(await reply.read())

    async def post(self, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        url = f"{self.base}/api/v1/config:reload"
        options = {"headers": headers or JSON, "skip_auto_headers": ["Content-Type"]}
        async with self.session.post(url, data=body, **options) as reply:
            if reply.status >= 400:
                assert reply.content_type == "application/problem+json"
            return reply.status, json.loads(await reply.read())


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    configured = Configured()
    server = Server(
        Hub(lambda: "e"),
        object(),  # nothing else is asked
        host="127.0.0.1",
        port=0,
        now=time.monotonic,
        wall_us=lambda: 1,
        version="1",
        configuration=configured,
    )
    await server.start()
    host, port = server.address
    async with aiohttp.ClientSession() as session:
        yield Desk(session, f"http://{host}:{port}", configured)
    await server.stop(1)


async def test_what_is_in_effect_is_shown(desk: Desk) -> None:
    assert await desk.get() == (200, SHOWN)
    assert desk.configured.asked == []


@pytest.mark.parametrize(
    ("body", "dry_run"), [(b"", False), (b"{}", False), (b'{"dry_run":false}', False), (b'{"dry_run":true}', True)]
)
async def test_it_is_read_anew_and_logged(desk: Desk, body: bytes, dry_run: bool) -> None:
    with capture_logs() as lines:
        answer = await desk.post(body)
    assert answer == (200, {"dry_run": dry_run, "applied": ["log.level"], "needs_restart": []})
    assert desk.configured.asked == [dry_run]
    [line] = lines
    assert (line["event"], line["action"], line["outcome"], line["dry_run"]) == (
        "audit",
        "reload",
        "done",
        dry_run,
    )


@pytest.mark.parametrize(
    ("fails", "status", "code", "more"),
    [
        (ConfigError("server.listn", "unknown key"), 422, "bad_configuration", {"key": "server.listn"}),
        (UnsafeError("refusing to listen on '0.0.0.0'"), 422, "bad_configuration", {}),
        (ShuttingDown("the gateway is shutting down"), 503, "shutting_down", {}),
    ],
)
async def test_what_cannot_take_effect_is_a_problem_in_a_sentence(
    desk: Desk, fails: Exception, status: int, code: str, more: dict[str, str]
) -> None:
    desk.configured.fails = fails
    told, problem = await desk.post()
    assert told == problem["status"] == status
    assert (problem["code"], problem["detail"]) == (code, str(fails))
    assert {name: problem[name] for name in problem.keys() - {"type", "title", "status", "code", "detail"}} == more


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {"X-Other": "1"}, 415, "unsupported_media_type"),
        (b'{"dry_run":"yes"}', JSON, 400, "bad_request"),
        (b'{"dryrun":true}', JSON, 400, "bad_request"),
        (b"[]", JSON, 400, "bad_request"),
        (b"{", JSON, 400, "bad_request"),
        (b"{}", {**JSON, "Origin": "https://evil.example"}, 403, "origin_not_allowed"),
        (b" " * 70_000, JSON, 413, "content_too_large"),
    ],
)
async def test_whatever_is_asked_otherwise_is_refused_and_nothing_is_read(
    desk: Desk, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    with capture_logs() as lines:
        told, problem = await desk.post(body, **headers)
    assert (told, problem["code"]) == (status, code)
    assert desk.configured.asked == []
    assert [(line["event"], line["action"], line["outcome"]) for line in lines] == [("audit", "reload", code)]


async def test_without_a_configuration_there_is_no_such_path(rig: Any) -> None:
    status, problem = await rig.problem("/api/v1/config")
    assert (status, problem["code"]) == (404, "not_found")


# --- who may come, changed while the server runs


async def test_names_and_pages_may_come_and_go(start: Any) -> None:
    rig = await start(hosts=("old.example",), origins=("https://old.example",))

    async def status(**headers: str) -> int:
        async with rig.http.get(f"{rig.base}/livez", headers=headers) as reply:
            return reply.status

    for name, admitted in (("old", True), ("new", False), ("OLD", True)):
        assert (await status(Host=f"{name}.example") == 200) is admitted
        assert (await status(Origin=f"https://{name}.example") == 200) is admitted
    rig.server.admit(allowed_hosts=["New.example"], allowed_origins=["https://NEW.example"], limits=Limits())
    for name, admitted in (("old", False), ("new", True)):
        assert (await status(Host=f"{name}.example") == 200) is admitted
        assert (await status(Origin=f"https://{name}.example") == 200) is admitted
    assert await status() == 200, "our own name stays"


async def test_limits_hold_for_whoever_comes_and_those_of_the_address_at_once(start: Any) -> None:
    rig = await start(topics=2, sockets=2)
    early = await rig.client()
    rig.server.admit(allowed_hosts=(), allowed_origins=(), limits=Limits(topics=1, sockets=2))
    late = await rig.client()
    await early.subscribe("A", "B")
    await late.subscribe("A", "B")
    acks = [[message["success"] for message in await client.many(2)] for client in (early, late)]
    assert acks == [[True, True], [True, False]]
    assert (await rig.problem("/v1/ws"))[1]["code"] == "too_many_sockets"
    rig.server.admit(allowed_hosts=(), allowed_origins=(), limits=Limits(sockets=3))
    await rig.client()
