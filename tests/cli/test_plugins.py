"""``gateway plugins list`` shows what the host finds."""

import json
import sys
from types import SimpleNamespace

import pytest

from gateway.cli import run

ONE = {"name": "mock", "distribution": "exchange-gateway", "version": "1.2", "value": "gateway_mock.plugin:plugin"}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    found = [SimpleNamespace(**ONE)]
    monkeypatch.setitem(sys.modules, "gateway.host", SimpleNamespace(installed=lambda: found))
    return found


def test_a_plugin_is_a_row(host: list[SimpleNamespace], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "list"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["exchange", "package", "version", "code"]
    assert row.split() == list(ONE.values())


def test_json_is_one_list(host: list[SimpleNamespace], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [ONE]


def test_none_is_said_to_be_none(host: list[SimpleNamespace], capsys: pytest.CaptureFixture[str]) -> None:
    host.clear()
    assert run(["plugins", "list"]) == 0
    assert capsys.readouterr().out == "No plugin is installed.\n"
