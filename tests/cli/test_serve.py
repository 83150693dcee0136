"""What ``serve`` and ``check-config`` make of their options, around an application that is a fake."""

import json
import logging
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from gateway.cli import run
from gateway.cli.serve import HASTE
from gateway.errors import ConfigError, UnsafeError


class Application:
    """Records what it was asked for; ``fails`` is raised instead of serving."""

    def __init__(self) -> None:
        self.loaded: tuple[Path | None, dict[str, Any]] | None = None
        self.fails: Exception | None = None
        self.venue_answered = False
        self.log = SimpleNamespace(level="info", format="auto")
        self.tls: object = None

    def load(self, path: Path | None, environ: object, overrides: dict[str, Any]) -> Any:
        self.loaded = (path, overrides)
        if self.fails is not None:
            raise self.fails
        return SimpleNamespace(log=self.log, server=SimpleNamespace(tls=self.tls))

    def Source(self, path: Path | None, environ: object, overrides: dict[str, Any]) -> Any:  # noqa: N802  # a class
        return SimpleNamespace(read=lambda: self.load(path, environ, overrides))

    def last_resort(self, seconds: float = 10.0) -> None:
        raise AssertionError("nobody was signalled")

    async def serve(
        self, settings: object, *, ready: Callable[[str], None], signalled: object, hurried: object, source: Any
    ) -> None:
        self.source = source
        ready("127.0.0.1:4321")

    def check(self, settings: object) -> dict[str, float]:
        self.checked = settings
        return {"mock": 5.0}

    def effective(self, settings: object, paces: dict[str, float]) -> dict[str, Any]:
        return {"exchanges": {"mock": {"heartbeat_interval": {"value": paces["mock"], "from": "plugin"}}}}

    def pending(self, settings: object) -> list[str]:
        return ["store.retention is known and has no effect yet"]


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Application]:
    one = Application()
    monkeypatch.setitem(sys.modules, "gateway.app", one)
    monkeypatch.setitem(sys.modules, "gateway.config", one)
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    meanings = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    yield one
    for number, meaning in meanings.items():
        signal.signal(number, meaning)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_without_a_file_one_sentence_says_what_to_do(
    application: Application, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command]) == 2
    assert capsys.readouterr().err == (
        "gateway: --config: there is no ./gateway.toml; name a file, "
        "or try 'gateway serve --demo', which needs none\n"
    )
    assert application.loaded is None


def test_the_file_in_this_directory_is_read_and_the_address_told(
    application: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("gateway.toml").touch()
    assert run(["serve", "--listen", "127.0.0.1:1"]) == 0
    assert application.loaded == (Path("gateway.toml"), {"server": {"listen": "127.0.0.1:1"}})
    assert capsys.readouterr().out == "Listening on http://127.0.0.1:4321\n"


def test_with_tls_the_address_says_so(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    Path("gateway.toml").touch()
    application.tls = object()
    assert run(["serve"]) == 0
    assert capsys.readouterr().out == "Listening on https://127.0.0.1:4321\n"
    first, application.loaded = application.loaded, None
    application.source.read()
    assert application.loaded == first, "what is read anew is the same file, and the options hold"


def test_a_hang_up_ends_nothing_before_it_is_ready_and_after_it_has_ended(application: Application) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    Path("gateway.toml").touch()
    assert run(["serve"]) == 0
    signal.raise_signal(signal.SIGHUP)


def test_whoever_ends_it_before_it_is_ready_finds_nothing_open(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(settings: object, **_: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("served")

    monkeypatch.setattr(application, "serve", serve)
    Path("gateway.toml").touch()
    assert run(["serve"]) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_that_has_ended_in_good_order_is_not_hurried(application: Application, number: signal.Signals) -> None:
    Path("gateway.toml").touch()
    assert run(["serve"]) == 0
    signal.raise_signal(number)


@pytest.mark.parametrize(("form", "begins"), [("json", "{"), ("console", "timestamp=")])
def test_logs_look_as_configured(
    application: Application, form: str, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("gateway.toml").touch()
    application.log.format = form
    assert run(["serve"]) == 0
    structlog.get_logger().info("hello")
    assert capsys.readouterr().err.startswith(begins)


def test_a_demonstration_points_the_mock_exchange_at_a_venue_that_runs(
    application: Application, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("gateway.toml").touch()
    reached: list[int] = []

    async def serve(
        settings: object,
        *,
        ready: Callable[[str], None],
        signalled: Callable[[], None],
        hurried: Any,
        source: object,
    ) -> None:
        assert signalled == application.last_resort
        assert (hurried.func, hurried.args) == (application.last_resort, (HASTE,))
        import asyncio

        assert application.loaded is not None
        rest = application.loaded[1]["exchanges"]["mock"]["endpoints"]["rest"]
        with await asyncio.to_thread(urllib.request.urlopen, f"{rest}/time", timeout=30) as reply:
            reached.append(reply.status)
        ready("127.0.0.1:4321")

    monkeypatch.setattr(application, "serve", serve)
    assert run(["serve", "--demo"]) == 0
    assert reached == [200]
    assert application.loaded is not None
    path, overrides = application.loaded
    assert path is None
    assert overrides["exchanges"]["mock"]["endpoints"]["allow_plaintext"] is True
    assert set(overrides["exchanges"]["mock"]["endpoints"]) == {"stream", "private", "rest", "allow_plaintext"}
    out = capsys.readouterr().out
    assert "python -m gateway subscribe mock:trades:BTC-USDT --url ws://127.0.0.1:4321" in out
    assert "curl -s 'http://127.0.0.1:4321/readyz?verbose'" in out


@pytest.mark.parametrize(
    ("fails", "status"),
    [(ConfigError("server.listen", "need HOST:PORT"), 2), (UnsafeError("refused: 0.0.0.0 needs tokens"), 78)],
)
def test_what_cannot_be_used_or_is_unsafe_is_one_sentence_and_its_status(
    application: Application, fails: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    application.fails = fails
    assert run(["serve", "--config", "x.toml"]) == status
    assert capsys.readouterr().err == f"gateway: {fails}\n"


def test_check_config_prints_what_is_in_effect_and_what_is_still_to_come(
    application: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check-config", "--config", "x.toml"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["exchanges"]["mock"]["heartbeat_interval"] == {"value": 5.0, "from": "plugin"}
    assert err == "store.retention is known and has no effect yet\n"
