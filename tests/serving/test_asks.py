"""What may be asked of a connection over REST: recorded and logged, or refused with nothing done."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

JSON = {"Content-Type": "application/json"}
ID = "mock/stream/1"


async def post(rig: Any, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
    url = f"{rig.base}/api/v1/connections/{path}"
    async with rig.http.post(url, data=body, headers=headers or JSON, skip_auto_headers=["Content-Type"]) as reply:
        return reply.status, json.loads(await reply.read())


@pytest.mark.parametrize("action", ["rollover", "reconnect", "drain"])
@pytest.mark.parametrize("body", [b"", b"{}", b" { } "])
async def test_what_is_asked_is_recorded_and_logged(rig: Any, action: str, body: bytes) -> None:
    with capture_logs() as lines:
        answer = await post(rig, f"{ID}:{action}", body)
    assert answer == (202, {"id": ID, "asked": action})
    assert rig.running.asked == [(action, ID)]
    assert lines == [
        {
            "event": "audit",
            "log_level": "info",
            "action": action,
            "target": ID,
            "outcome": "done",
            "token_id": None,
            "remote": "127.0.0.1",
            "via": "rest",
        }
    ]


async def test_one_that_is_not_up_has_nothing_to_replace(rig: Any) -> None:
    rig.running.is_up = False
    with capture_logs() as lines:
        status, problem = await post(rig, f"{ID}:rollover")
    assert (status, problem["code"]) == (409, "not_connected")
    assert lines[0]["outcome"] == "not_connected"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        (f"{ID}:rollover", b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (f"{ID}:rollover", b"{}", {"X-Other": "1"}, 415, "unsupported_media_type"),
        (f"{ID}:rollover", b'{"force":true}', JSON, 400, "bad_request"),
        (f"{ID}:rollover", b"[]", JSON, 400, "bad_request"),
        (f"{ID}:rollover", b"{", JSON, 400, "bad_request"),
        ("mock/stream/2:rollover", b"{}", JSON, 404, "unknown_connection"),
        ("nobody:reconnect", b"{}", JSON, 404, "unknown_connection"),
        (f"{ID}:explode", b"{}", JSON, 404, "not_found"),
        (f"{ID}:rollover", b"[" * 5000, JSON, 400, "bad_request"),
        (ID, b"{}", JSON, 405, "method_not_allowed"),
        (f"{ID}:rollover", b"{}", {**JSON, "Origin": "https://evil.example"}, 403, "origin_not_allowed"),
        (f"{ID}:rollover", b"{}", {**JSON, "Host": "evil.example"}, 403, "host_not_allowed"),
        (f"{ID}:rollover", b" " * 70_000, JSON, 413, "content_too_large"),
    ],
)
async def test_whatever_is_asked_otherwise_is_refused_and_nothing_is_done(
    rig: Any, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    with capture_logs() as lines:
        told, problem = await post(rig, path, body, **headers)
    assert (told, problem["status"], problem["code"]) == (status, status, code)
    assert rig.running.asked == []
    tried = [] if code in {"method_not_allowed", "not_found"} else [(path.rpartition(":")[0], code)]
    assert [(line["target"], line["outcome"]) for line in lines] == tried


async def test_what_is_asked_for_can_only_be_posted(rig: Any) -> None:
    """A link or an image cannot do it."""
    status, problem = await rig.problem(f"/api/v1/connections/{ID}:rollover")
    assert (status, problem["code"]) == (405, "method_not_allowed")
    assert rig.running.asked == []


async def test_one_that_cannot_be_emptied_is_told_why(rig: Any) -> None:
    rig.running.is_up = False
    status, problem = await post(rig, f"{ID}:drain")
    assert (status, problem["code"]) == (409, "nowhere_else")
