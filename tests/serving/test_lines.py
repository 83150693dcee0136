"""What is logged of clients is bounded, and says what it left out."""

from typing import Any

from structlog.testing import capture_logs

from gateway.serving.codes import CloseCode
from gateway.serving.lines import LINES_A_MINUTE, Lines


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_close_code_has_so_many_lines_a_minute_and_the_rest_are_counted() -> None:
    clock = Clock()
    lines = Lines(clock)
    with capture_logs() as logged:
        for number in range(LINES_A_MINUTE + 7):
            lines.closed(f"c{number}", CloseCode.POLICY, "no subscription for too long")
        lines.closed("d", CloseCode.TOO_SLOW, "too slow")
    assert [line["client"] for line in logged] == [*(f"c{n}" for n in range(LINES_A_MINUTE)), "d"]
    assert (logged[0]["event"], logged[0]["code"]) == ("client closed", 4508)
    clock.now = 60.0
    with capture_logs() as logged:
        lines.closed("e", CloseCode.SILENT, "nothing was heard")
    assert logged == [
        {"event": "suppressed", "of": "client closed", "code": 4508, "lines": 7, "log_level": "warning"},
        {
            "event": "client closed",
            "client": "e",
            "code": 4409,
            "reason": "nothing was heard",
            "log_level": "info",
        },
    ]


def test_defects_have_so_many_lines_too() -> None:
    clock = Clock()
    lines = Lines(clock)
    with capture_logs() as logged:
        for _ in range(LINES_A_MINUTE + 1):
            lines.failed("c1", RuntimeError())
        clock.now = 60.0
        lines.failed("c1", RuntimeError())
    assert [line["event"] for line in logged] == ["client failed"] * LINES_A_MINUTE + [
        "suppressed",
        "client failed",
    ]
    assert (logged[-2]["of"], logged[-2]["lines"]) == ("client failed", 1)


async def test_a_clients_close_and_its_failure_are_logged(start: Any, monkeypatch: Any) -> None:
    rig = await start(protocol_errors=1)
    with capture_logs() as logged:
        client = await rig.client()
        await client.ws.send_str("{")
        assert await client.closed() == 4503
        client = await rig.client()
        monkeypatch.setattr("gateway.serving.session.read", lambda _: 1 / 0)
        await client.send("ping")
        assert await client.closed() == 1011
    assert [(line["event"], line.get("code")) for line in logged] == [
        ("client closed", 4503),
        ("client failed", None),
        ("client closed", 1011),
    ]
