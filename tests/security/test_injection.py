"""N15: nothing that an exchange or a client says steers a terminal, begins a line of a log, or turns it around."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from rich.console import Console

from gateway.app.doctor.findings import Finding, Verdict
from gateway.cli import run
from gateway.cli.doctor import _print
from gateway.cli.exits import guarded
from gateway.cli.plain import printable
from gateway.cli.status_picture import picture
from gateway.cli.status_report import Report
from gateway.cli.table import Table
from gateway.cli.table_screen import Screen
from gateway.cli.tail import coloured
from gateway.errors import ConfigError, Reason
from gateway.host import Installed
from gateway.model.changes import Change
from gateway.model.states import ConnectionState
from gateway.telemetry import Logs, setup_logs

EVIL = "x\x1b]0;title\x07\x1b[2J\r\nINFO all is well\x9b31m\u202egnp\u2028end"
STEERING = "\x1b\x07\x9b\r\u202e\u2028"


def check(shown: str) -> None:
    assert "all is well" in shown, "it was not said at all"
    assert not [one for one in STEERING if one in shown]
    assert not [line for line in shown.splitlines() if line.startswith("INFO all is well")]


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    out = io.StringIO()
    setup_logs("info", request.param, out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("written", ["console", "json"], indirect=True)
def test_a_line_of_the_log_is_one_line_whatever_is_in_it(written: io.StringIO) -> None:
    logs = Logs()
    change = Change(
        connection_id="mock/stream/0",
        epoch=1,
        before=ConnectionState.ERROR,
        after=ConnectionState.RECONNECTING,
        reason=Reason.CLOSED_BY_PEER,
        at_us=0,
        text=EVIL,
    )
    logs.changed(change)
    logs.noticed(EVIL, 1, "problem", text=EVIL)
    logging.getLogger("library").warning("said %s", EVIL)
    lines = written.getvalue().split("\n")
    assert len(lines) == 3 + 1
    check(written.getvalue())


def console() -> Console:
    return Console(file=io.StringIO(), width=250, force_terminal=True, color_system=None)


def said(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_the_live_tail_spells_it_out() -> None:
    out = console()
    message: dict[str, Any] = {"type": "update", "topic": "mock:raw:x", "data": [{"frame": EVIL, EVIL: 1}]}
    coloured(out)(message)
    coloured(out)({"type": "status", "topic": "mock:raw:x", "status": "closed", "text": EVIL})
    check(said(out))


async def test_the_live_table_spells_it_out() -> None:
    table, out = Table(), console()
    table.take({"type": "update", "topic": "mock:trades:x", "data": [{"price": EVIL, "size": EVIL, "side": EVIL}]})
    table.take({"type": "status", "topic": "mock:trades:x", "status": "gap", "reason": EVIL, "text": EVIL})
    out.print(Screen(table, out, lambda: 0.0, lambda: 0).picture())
    check(said(out))


def test_the_picture_of_a_gateway_spells_it_out() -> None:
    report = Report(
        ready=False,
        problems=[EVIL],
        info={"started_us": 0, "version": EVIL},
        exchanges=[{"id": EVIL, "problem": EVIL}],
        connections=[],
    )
    out = console()
    out.print(picture(report, 1))
    check(said(out))


def test_an_error_is_one_sentence_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ConfigError("key", EVIL)

    assert guarded(fail) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    check(err)


def test_a_package_cannot_steer_whoever_asks_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = Installed(name=EVIL, distribution=EVIL, version=EVIL, value=EVIL)
    monkeypatch.setattr("gateway.host.installed", lambda: (evil,))
    monkeypatch.setattr("gateway.host.fingerprint", lambda _: None)
    for command in ("list", "audit"):
        assert run(["plugins", command]) == 0
        check(capsys.readouterr().out)


def test_nor_who_asks_for_a_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    _print([Finding(Verdict.WRONG, EVIL, EVIL, EVIL)])
    check(capsys.readouterr().out)


def test_what_can_be_read_is_left_as_it_is() -> None:
    assert printable("BTC-USDT 币安 é 1,000 €") == "BTC-USDT 币安 é 1,000 €"
