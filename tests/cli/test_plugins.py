"""``gateway plugins list`` shows what the host finds."""

import json
import sys
from pathlib import Path
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


# --- audit


def test_the_audit_says_what_to_allow_and_imports_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = set(sys.modules)
    assert run(["plugins", "audit", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    mock = rows["mock"]
    assert mock["distribution"] == "exchange-gateway"
    pinned = "" if mock["sha256"] is None else f"#sha256:{mock['sha256']}"
    assert mock["allow"] == f"mock@exchange-gateway{pinned}"
    assert "hosts" not in mock
    assert not {name for name in set(sys.modules) - before if name.startswith("gateway_")}


def test_the_audit_shows_every_host_that_a_plugin_declares(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "audit", "--hosts"]) == 0
    out = capsys.readouterr().out
    assert "  host    127.0.0.1" in out
    assert "  host    api.binance.com" in out
    assert "  broken" not in out


def test_a_plugin_that_is_broken_is_listed_with_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (info := tmp_path / "acme-1.0.dist-info").mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gateway.plugins]\nacme = acme_is_not_there:plugin\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert run(["plugins", "audit", "--hosts", "--json"]) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["name"] == "acme"]
    assert row["hosts"] == []
    assert row["problem"].startswith("importing acme_is_not_there:plugin failed")
