"""``gateway status`` around a gateway that is a fake, and its parts."""

import asyncio
import io
import json
import sys
from typing import Any, ClassVar, Self

import pytest
from rich.console import Console

from gateway.cli import run
from gateway.cli.status_picture import CHANGES, picture
from gateway.cli.status_report import Report, report_of
from gateway.errors import TransportLost, UpgradeRefused

STATS: dict[str, Any] = {}
NOW = 1_764_000_100_000_000
UP = {
    "id": "mock/stream/0", "state": "CONNECTED", "phase": None, "since_us": NOW - 90_000_000,
    "reason": "handshake_done", "text": "", "is_connected": True, "is_healthy": True, "unhealthy_because": "",
    "diagnosis": None, "ages": {"message": 0.25, "pong": None}, "streams": 4,
    "counters": {"messages_received": 1234, "dials": 2}, "history": [],
}  # fmt: skip
CHANGE = {
    "epoch": 1, "before": "CONNECTED", "after": "ERROR", "reason": "closed_by_peer",
    "text": "closed by the peer with code 1006", "at_us": NOW - 1_000_000,
}  # fmt: skip
EXCHANGE = {
    "id": "mock", "environment": "live", "instruments": 3, "connections": [], "problem": "",
    "limits": {"mock-dials": {"used": 299, "allowed": 300}, "mock-weight": {"used": 10, "allowed": 1200}},
}  # fmt: skip
DOCUMENTS: dict[str, tuple[int, Any]] = {
    "/readyz?verbose": (200, {"ready": True, "problems": [], "stats": STATS}),
    "/api/v1/info": (200, {"version": "1.2", "protocol": "gateway.v1", "started_us": NOW - 7_200_000_000}),
    "/api/v1/exchanges": (200, {"exchanges": [EXCHANGE]}),
    "/api/v1/connections": (200, {"connections": [UP]}),
}


class Rest:
    """Answers with what a test has put there; nobody is at port 1."""

    documents: ClassVar[dict[str, tuple[int, Any]]] = {}
    given: ClassVar[dict[str, Any]] = {}

    def __init__(self, url: str, **given: Any) -> None:
        self.url = url
        self.given.clear()
        self.given.update(given)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def get(self, path: str) -> tuple[int, Any]:
        if self.url.endswith(":1"):
            raise TransportLost("connection refused")
        return self.documents[path]


@pytest.fixture(autouse=True)
def documents(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, Any]]:
    monkeypatch.setattr("gateway.client.rest.Rest", Rest)
    monkeypatch.delenv("GATEWAY_TOKEN", raising=False)
    Rest.documents = dict(DOCUMENTS)
    return Rest.documents


def drawn(report: Report, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False, **options)
    console.print(picture(report, NOW))
    return console.file.getvalue()  # type: ignore[attr-defined]


async def report() -> Report:
    return await report_of(Rest(""))  # type: ignore[arg-type]


def test_a_gateway_that_is_ready_is_shown_with_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ready  gateway 1.2, started ")
    assert "mock/stream/0" in out


def test_one_that_is_not_ready_says_why_with_status_1(documents, capsys: pytest.CaptureFixture[str]) -> None:
    problem = {
        "status": 503,
        "code": "not_ready",
        "problems": ["mock/stream/0 is ERROR", "mock could not be started"],
    }
    documents["/readyz?verbose"] = (503, problem)
    assert run(["status"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("not ready  ")
    assert lines[1:3] == ["  mock/stream/0 is ERROR", "  mock could not be started"]


@pytest.mark.parametrize("ready", [True, False])
def test_json_is_all_that_it_says(ready: bool, documents, capsys: pytest.CaptureFixture[str]) -> None:
    if not ready:
        documents["/readyz?verbose"] = (503, {"problems": ["x"]})
    assert run(["status", "--json"]) == (0 if ready else 1)
    assert json.loads(capsys.readouterr().out) == {
        "ready": ready,
        "problems": [] if ready else ["x"],
        "info": DOCUMENTS["/api/v1/info"][1],
        "exchanges": [EXCHANGE],
        "connections": [UP],
    }


def test_no_gateway_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--url", "ws://user:canary@127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == (
        "gateway: no gateway at ws://127.0.0.1:1 (connection refused); "
        "start one with 'gateway serve', or say with --url where it is\n"
    )


def test_an_url_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--url", "localhost"]) == 2
    assert capsys.readouterr().err.startswith("gateway: --url: must begin with")


def test_a_token_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", "gw1_a_canary")
    assert run(["status", "--ca-file", "ca.pem"]) == 0
    assert (Rest.given["token"].reveal(), Rest.given["ca_file"]) == ("gw1_a_canary", "ca.pem")


@pytest.mark.parametrize(
    ("code", "said"),
    [(401, "it wants a token that is good: set GATEWAY_TOKEN"), (403, "it does not let us in")],
)
def test_a_gateway_that_does_not_serve_us_says_what_it_wants(
    code: int, said: str, documents, capsys: pytest.CaptureFixture[str]
) -> None:
    documents["/api/v1/connections"] = (code, {"code": "unauthorized"})
    assert run(["status"]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("answer", [(404, None), (200, None), (200, {"something": "else"})])
async def test_another_server_is_no_gateway(answer: tuple[int, Any], documents) -> None:
    documents["/readyz?verbose"] = answer
    with pytest.raises(TransportLost, match="what answers there is no gateway"):
        await report()


async def test_too_many_wrong_tokens_are_told_as_such(documents) -> None:
    documents["/readyz?verbose"] = (429, {"code": "too_many_refusals"})
    with pytest.raises(UpgradeRefused):
        await report()


async def test_a_connection_is_shown_with_what_an_operator_asks_for(documents) -> None:
    trouble = UP | {
        "id": "mock/private@main", "state": "CONNECTING", "phase": "login", "is_connected": False,
        "unhealthy_because": "not connected", "reason": "retry_due", "text": "attempt 3",
        "diagnosis": {"reason": "endpoint_moved", "text": "look there"},
    }  # fmt: skip
    documents["/api/v1/connections"] = (200, {"connections": [UP, trouble]})
    lines = drawn(await report()).splitlines()
    [header] = [number for number, line in enumerate(lines) if line.startswith("connection ")]
    assert lines[header].split() == [
        "connection", "state", "for", "reason", "message", "pong", "streams", "messages", "dials",
    ]  # fmt: skip
    assert lines[header + 1].split() == [
        "mock/stream/0", "CONNECTED", "1", "min", "handshake_done", "250", "ms", "never", "4", "1234", "2",
    ]  # fmt: skip
    assert "CONNECTING (login)" in lines[header + 2]
    assert "retry_due: attempt 3: not connected: look there" in lines[header + 2]


async def test_limits_that_are_nearly_used_up_and_states_are_coloured(documents) -> None:
    documents["/api/v1/connections"] = (200, {"connections": [UP | {"state": "ERROR"}]})
    out = drawn(await report(), force_terminal=True, color_system="standard")
    assert "\x1b[1;31mERROR" in out
    assert "\x1b[1;31mmock-dials 299/300" in out
    assert "\x1b[1;31mmock-weight" not in out


async def test_of_the_changes_the_newest_of_all_connections_are_shown_in_their_order(documents) -> None:
    many = [CHANGE | {"at_us": NOW + number, "reason": f"r{number}"} for number in range(0, 40, 2)]
    other = [CHANGE | {"at_us": NOW + number, "reason": f"r{number}"} for number in range(1, 40, 2)]
    both = [UP | {"history": many}, UP | {"id": "mock/stream/1", "history": other}]
    documents["/api/v1/connections"] = (200, {"connections": both})
    lines = drawn(await report()).splitlines()
    shown = [line.split("ERROR ")[1].split()[0] for line in lines if "CONNECTED to ERROR" in line]
    assert shown == [f"r{number}" for number in range(40 - CHANGES, 40)]


async def test_an_exchange_that_could_not_be_started_says_why(documents) -> None:
    documents["/api/v1/exchanges"] = (200, {"exchanges": [{"id": "acme", "problem": "is not installed"}]})
    documents["/api/v1/connections"] = (200, {"connections": []})
    out = drawn(await report())
    assert "is not installed" in out
    assert "No connection is wanted." in out


def test_watching_goes_on_while_the_gateway_is_away(
    documents, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = []

    async def pause(_: float) -> None:
        looks.append(1)
        if len(looks) == 1:
            documents["/readyz?verbose"] = (404, None)
        elif len(looks) == 2:
            documents.update(DOCUMENTS)
        else:
            raise TransportLost("the test is over")

    monkeypatch.setattr(asyncio, "sleep", pause)
    assert run(["status", "--watch", "--json"]) == 1
    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["ready"]
    assert third["ready"]
    assert "no gateway at" in second["error"]


def test_watching_on_a_terminal_draws_on_its_other_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def pause(_: float) -> None:
        raise TransportLost("the test is over")

    monkeypatch.setattr(asyncio, "sleep", pause)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert run(["status", "--watch"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("\x1b[?1049h")
    assert "mock/stream/0" in out


def test_watching_in_a_pipe_prints_each_look(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = []

    async def pause(_: float) -> None:
        looks.append(1)
        if len(looks) == 2:
            raise TransportLost("the test is over")

    monkeypatch.setattr(asyncio, "sleep", pause)
    assert run(["status", "--watch"]) == 1
    assert capsys.readouterr().out.count("ready  gateway 1.2") == 2


def test_a_token_is_not_sent_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise ValueError("the token would be sent in the clear")

    monkeypatch.setattr("gateway.client.rest.Rest", refusing)
    assert run(["status", "--url", "http://gateway.example"]) == 2
    assert capsys.readouterr().err == "gateway: --url: the token would be sent in the clear\n"
