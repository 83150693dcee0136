"""``gateway subscribe`` around a client that is a fake."""

import json
import sys
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import pytest

from gateway.cli import run

MESSAGES: list[dict[str, Any]] = [
    {"topic": "mock:trades:BTC-USDT", "type": "status", "status": "live", "reason": "subscribed"},
    {"topic": "mock:trades:BTC-USDT", "type": "update", "offset": 1, "data": [{"price": "1.10"}]},
]


class Client:
    """Delivers :data:`MESSAGES` and ends; nobody listens at port 1."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def __aenter__(self) -> Self:
        if self.url.endswith(":1"):
            raise ConnectionRefusedError(111, "Connection refused")
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    asked: ClassVar[dict[str, Any]] = {}

    async def subscribe(self, topics: Sequence[str], **options: Any) -> AsyncIterator[dict[str, Any]]:
        assert topics == ["mock:trades:BTC-USDT"]
        self.asked.update(options)
        for message in MESSAGES:
            yield message


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gateway.client", SimpleNamespace(Client=Client))


def test_a_pipe_gets_every_message_as_a_line_of_json_status_included(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["subscribe", "mock:trades:BTC-USDT"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == MESSAGES


@pytest.mark.parametrize(
    ("term", "arguments", "json_lines"),
    [("dumb", [], False), ("xterm", ["--lines"], False), ("dumb", ["--json"], True), ("xterm", ["--json"], True)],
)
def test_a_terminal_gets_lines_where_it_is_dumb_or_they_are_asked_for_and_json_where_that_is(
    term: str,
    arguments: list[str],
    json_lines: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", term)
    assert run(["subscribe", "mock:trades:BTC-USDT", *arguments]) == 0
    out = capsys.readouterr().out
    assert out.startswith("{") is json_lines
    assert ("-- live reason=subscribed" in out) is not json_lines


def test_a_pipe_gets_lines_for_people_if_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["subscribe", "mock:trades:BTC-USDT", "--lines"]) == 0
    assert "-- live reason=subscribed" in capsys.readouterr().out


def test_lines_and_json_at_once_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["subscribe", "mock:trades:BTC-USDT", "--lines", "--json"]) == 2
    assert capsys.readouterr().err == "gateway: --lines: cannot be had together with --json\n"


def test_a_gateway_that_is_not_there_is_one_sentence_that_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["subscribe", "mock:trades:BTC-USDT", "--url", "ws://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == (
        "gateway: no gateway at ws://127.0.0.1:1 (connection refused); "
        "start one with 'gateway serve', or say with --url where it is\n"
    )


def test_an_url_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["subscribe", "mock:trades:BTC-USDT", "--url", "localhost"]) == 2
    assert capsys.readouterr().err.startswith("gateway: --url: must begin with")


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("ws://user:canary@127.0.0.1:1", 1, "no gateway at ws://127.0.0.1:1 ("),
        ("ws://user:can/canary@127.0.0.1:1", 1, "no gateway at ws://127.0.0.1:1 ("),
        ("ws://user:canary?canary@127.0.0.1:1", 1, "no gateway at ws://127.0.0.1:1 ("),
        ("ftp://user:canary@127.0.0.1:1", 2, "got 'ftp://127.0.0.1:1'"),
        ("user:canary@127.0.0.1:1", 2, "got '127.0.0.1:1'"),
        ("gateway?token=canary", 2, "got 'gateway'"),
    ],
)
def test_an_url_is_shown_without_its_password(
    url: str, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["subscribe", "mock:trades:BTC-USDT", "--url", url]) == status
    told = capsys.readouterr().err
    assert said in told
    assert "canary" not in told


def test_options_of_the_subscription_are_asked_for() -> None:
    assert run(["subscribe", "mock:trades:BTC-USDT"]) == 0
    assert Client.asked == {"on_lag": None, "conflate_ms": 0}
    options = ["--on-lag", "drop_oldest", "--conflate-ms", "250"]
    assert run(["subscribe", "mock:trades:BTC-USDT", *options]) == 0
    assert Client.asked == {"on_lag": "drop_oldest", "conflate_ms": 250}


@pytest.mark.parametrize("options", [["--on-lag", "explode"], ["--conflate-ms", "-1"]])
def test_options_that_are_none_are_usage_errors(options: list[str]) -> None:
    assert run(["subscribe", "mock:trades:BTC-USDT", *options]) == 2
