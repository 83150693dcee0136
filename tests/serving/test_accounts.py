"""Accounts can be seen and their connections asked for: recorded at once, waited for only as long as is wanted."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.errors import ShuttingDown

PATH = "/api/v1/accounts"


async def test_accounts_are_told(rig: Any) -> None:
    status, told = await rig.get(PATH)
    assert status == 200
    assert [one["id"] for one in told["accounts"]] == ["main", "other"]
    assert await rig.get(f"{PATH}/main") == (200, told["accounts"][0])


@pytest.mark.parametrize("action", ["connect", "disconnect"])
async def test_what_is_asked_is_recorded_and_not_waited_for(rig: Any, action: str) -> None:
    with capture_logs() as lines:
        answer = await rig.post(f"{PATH}/main:{action}")
    assert answer == (202, {"id": "main", "asked": action})
    retry = False if action == "connect" else None
    assert rig.roster.asked == [(action, "main", retry)]
    assert [(line["action"], line["target"], line["outcome"]) for line in lines] == [(action, "main", "done")]
    assert not rig.roster.outcome.done()


@pytest.mark.parametrize("action", ["connect", "disconnect"])
@pytest.mark.parametrize("done", [True, False])
async def test_what_is_known_in_time_is_told(rig: Any, action: str, done: bool) -> None:
    rig.roster.outcome.set_result(done)
    for wait in (0, 30):
        answer = await rig.post(f"{PATH}/main:{action}", {"wait": wait})
        assert answer == (200, {"id": "main", "asked": action, "done": done})


async def test_what_comes_of_it_is_waited_for(rig: Any) -> None:
    asking = asyncio.create_task(rig.post(f"{PATH}/main:connect", {"wait": 30}))
    await rig.until(lambda: bool(rig.roster.asked))
    assert (await rig.get(PATH))[0] == 200
    assert not asking.done()
    rig.roster.outcome.set_result(False)
    assert await asking == (200, {"id": "main", "asked": "connect", "done": False})


async def test_what_takes_longer_goes_on(rig: Any) -> None:
    answer = await rig.post(f"{PATH}/main:connect", {"wait": 0.01, "retry": True})
    assert answer == (202, {"id": "main", "asked": "connect"})
    assert rig.roster.asked == [("connect", "main", True)]
    assert not rig.roster.outcome.cancelled()
    rig.roster.outcome.set_exception(ShuttingDown("over"))  # nobody hears it, and nobody complains


@pytest.mark.parametrize("action", ["connect", "disconnect"])
async def test_whoever_comes_too_late_is_told_so(rig: Any, action: str) -> None:
    rig.roster.late = ShuttingDown("the gateway was stopped")
    status, problem = await rig.post(f"{PATH}/main:{action}")
    assert (status, problem["code"]) == (503, "shutting_down")
    rig.roster.late = None
    rig.roster.outcome.set_exception(ShuttingDown("the gateway was stopped"))
    status, problem = await rig.post(f"{PATH}/main:{action}", {"wait": 5})
    assert (status, problem["code"]) == (503, "shutting_down")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("nobody:connect", {}, 404, "unknown_account"),
        ("nobody:disconnect", {}, 404, "unknown_account"),
        ("other:connect", {}, 409, "not_running"),
        ("main:explode", {}, 404, "not_found"),
        ("main", {}, 405, "method_not_allowed"),
        ("main:connect", {"wait": 31}, 400, "bad_request"),
        ("main:connect", {"wait": -1}, 400, "bad_request"),
        ("main:connect", {"retry": 1}, 400, "bad_request"),
        ("main:disconnect", {"retry": True}, 400, "bad_request"),
        ("main:connect", {"x": 1}, 400, "bad_request"),
    ],
)
async def test_whatever_is_asked_otherwise_is_refused_and_nothing_is_done(
    rig: Any, path: str, body: Any, status: int, code: str
) -> None:
    told, problem = await rig.post(f"{PATH}/{path}", body)
    assert (told, problem["code"]) == (status, code)
    assert rig.roster.asked == []


async def test_one_that_there_is_not_is_not_found(rig: Any) -> None:
    status, problem = await rig.problem(f"{PATH}/nobody")
    assert (status, problem["code"]) == (404, "unknown_account")


async def test_plugins_are_told(rig: Any) -> None:
    status, told = await rig.get("/api/v1/plugins")
    assert (status, [one["id"] for one in told["plugins"]]) == (200, ["mock"])
