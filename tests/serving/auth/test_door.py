"""REST behind the door: what each token may ask, where it may be shown, and what a wrong one costs."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

Issue = Callable[..., Any]
ROLLOVER = "/api/v1/connections/mock/stream/1:rollover"
INFO = "/api/v1/info"


async def test_without_tokens_nobody_needs_one_and_a_wrong_one_does_no_harm(
    rig: Any, asking: Any, issue: Issue
) -> None:
    assert (await asking(rig, INFO))[0] == 200
    assert (await asking(rig, INFO, token=issue("metrics")))[0] == 200
    assert (await asking(rig, ROLLOVER, "POST"))[0] == 202


async def test_once_there_is_one_everybody_needs_one(start: Any, asking: Any, issue: Issue) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    assert await asking(rig, INFO) == (401, "unauthorized")
    assert await asking(rig, ROLLOVER, "POST") == (401, "unauthorized")
    assert await asking(rig, "/nowhere", token=one) == (404, "not_found")
    assert (await asking(rig, INFO, token=one))[0] == 200
    for path in ("/livez", "/readyz"):
        assert (await asking(rig, path))[0] == 200
    assert await asking(rig, "/readyz?verbose") == (401, "unauthorized")
    assert (await asking(rig, "/readyz?verbose", token=one))[0] == 200
    assert rig.running.asked == []


async def test_it_may_be_demanded_before_there_is_one(start: Any, asking: Any) -> None:
    assert await asking(await start(must=True), INFO) == (401, "unauthorized")


async def test_a_refusal_says_how_to_come_in(start: Any) -> None:
    rig = await start(must=True)
    async with rig.http.get(rig.base + INFO) as reply:
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="gateway"'


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", INFO, "market:read"),
        ("GET", "/api/v1/exchanges", "market:read"),
        ("GET", "/api/v1/exchanges/mock", "market:read"),
        ("GET", "/api/v1/exchanges/mock/instruments", "market:read"),
        ("GET", "/api/v1/connections", "market:read"),
        ("GET", "/api/v1/connections/mock/stream/1", "market:read"),
        ("POST", ROLLOVER, "connection:write"),
        ("POST", ROLLOVER.replace("rollover", "reconnect"), "connection:write"),
    ],
)
async def test_each_request_needs_its_scope(
    start: Any, asking: Any, issue: Issue, method: str, path: str, scope: str
) -> None:
    all_scopes = ("market:read", "connection:write", "metrics", "account:main:read", "admin")
    tokens = {one: issue(one) for one in all_scopes}
    rig = await start(tokens=[one.kept for one in tokens.values()])
    for given, token in tokens.items():
        status, told = await asking(rig, path, method, token=token)
        if given in {scope, "admin"}:
            assert status < 300, given
        else:
            assert (status, told) == (403, "forbidden"), given
    assert len(rig.running.asked) == (2 if method == "POST" else 0)


async def test_one_that_is_refused_for_its_scope_is_told_which(start: Any, issue: Issue) -> None:
    one = issue("metrics")
    rig = await start(tokens=[one.kept])
    status, problem = await rig.problem(INFO, **one.bearer)
    assert (status, problem["detail"]) == (403, "the token lacks the scope market:read")


@pytest.mark.parametrize("change", [{"revoked_us": 1}, {"expires_us": 1}])
async def test_one_that_is_over_is_as_good_as_none(
    start: Any, asking: Any, issue: Issue, change: dict[str, int]
) -> None:
    one = issue("market:read")
    rig = await start(tokens=[replace(one.kept, **change)])
    assert await asking(rig, INFO, token=one) == (401, "unauthorized")


async def test_a_wrong_one_waits_for_its_answer_and_so_many_do_not(start: Any, asking: Any, issue: Issue) -> None:
    good, wrong = issue("market:read"), issue("market:read")
    rig = await start(tokens=[good.kept], refusing=1.5)
    begun = time.monotonic()
    answers = await asyncio.gather(*(asking(rig, INFO, token=wrong) for _ in range(60)))
    assert time.monotonic() - begun >= 1.5
    assert set(answers) == {(401, "unauthorized"), (429, "too_many_refusals")}
    assert answers.count((401, "unauthorized")) >= 50
    assert (await asking(rig, INFO, token=good))[0] == 200, "who shows a right one is never held up"


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Basic YTpi")],
        [("Authorization", "{token}")],
        [("Authorization", "Bearer {token}"), ("Authorization", "Bearer {token}")],
        [("Authorization", "Bearer {token}"), ("Sec-WebSocket-Protocol", "gateway.v1, gateway.token.{token}")],
    ],
)
async def test_one_that_is_written_otherwise_is_not_guessed_at(
    start: Any, issue: Issue, headers: list[tuple[str, str]]
) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    given = [(name, value.format(token=one.text)) for name, value in headers]
    async with rig.http.get(rig.base + INFO, headers=given) as reply:
        problem = json.loads(await reply.read())
    assert (reply.status, problem["code"]) == (400, "bad_credentials")
    assert one.text not in str(problem)


@pytest.mark.parametrize(
    "query", ["token={token}", "access_token=x", "Ticket=1", "x={token}", "{token}", "auth=x"]
)
@pytest.mark.parametrize("path", ["/v1/ws", INFO, "/livez", "/nowhere"])
async def test_a_url_may_not_carry_one(start: Any, issue: Issue, path: str, query: str) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    status, problem = await rig.problem(f"{path}?{query.format(token=one.text)}", **one.bearer)
    assert (status, problem["code"]) == (400, "token_in_url")
    assert one.text not in str(problem)


async def test_requests_of_a_token_have_a_rate(start: Any, asking: Any, issue: Issue) -> None:
    one, other = issue("market:read"), issue("market:read")
    rig = await start(tokens=[one.kept, other.kept], commands_burst=3, commands_per_second=0.001)
    answers = [await asking(rig, INFO, token=one) for _ in range(4)]
    assert [status for status, _ in answers] == [200, 200, 200, 429]
    assert answers[3][1] == "rate_limited"
    assert (await asking(rig, INFO, token=other))[0] == 200


async def test_a_body_that_does_not_come_is_given_up(start: Any, issue: Issue) -> None:
    one = issue("connection:write")
    rig = await start(tokens=[one.kept], header=0.6)
    reader, writer = await asyncio.open_connection(*rig.server.address)
    head = f"POST {ROLLOVER} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {one.text}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{".encode())
    async with asyncio.timeout(10):
        answer = await reader.readline()
    writer.close()
    assert answer.split()[1] == b"408"
    assert rig.running.asked == []


async def test_what_is_done_and_what_is_refused_is_audited_with_the_tokens_id_and_never_the_token(
    start: Any, asking: Any, issue: Issue
) -> None:
    good, weak, wrong = issue("connection:write"), issue("market:read"), issue("admin")
    rig = await start(tokens=[good.kept, weak.kept])
    with capture_logs() as lines:
        for token in (good, weak, wrong, None):
            await asking(rig, ROLLOVER, "POST", token=token)
        await asking(rig, INFO, token=good)
    assert [(line["action"], line["target"], line["outcome"], line["token_id"]) for line in lines] == [
        ("rollover", "mock/stream/1", "done", good.kept.id),
        ("rollover", "mock/stream/1", "forbidden", weak.kept.id),
        ("rollover", "mock/stream/1", "unauthorized", None),
        ("rollover", "mock/stream/1", "unauthorized", None),
    ]
    assert not any(one.text in str(lines) for one in (good, weak, wrong))


async def test_who_is_refused_cannot_fill_the_log(start: Any, asking: Any) -> None:
    rig = await start(must=True)
    with capture_logs() as lines:
        for _ in range(70):
            await asking(rig, ROLLOVER, "POST")
    assert len(lines) == 60


async def test_one_that_is_known_no_longer_is_refused_at_once(start: Any, asking: Any, issue: Issue) -> None:
    one, other = issue("market:read"), issue("market:read")
    rig = await start(tokens=[one.kept])
    rig.server.know([other.kept])
    assert await asking(rig, INFO, token=one) == (401, "unauthorized")
    assert (await asking(rig, INFO, token=other))[0] == 200
    rig.server.know([])
    assert (await asking(rig, INFO))[0] == 200, "none is left, and only this machine can come"
