"""``gateway token``: shown once, listed without it, revoked by its id."""

import json
import re
from pathlib import Path

import pytest
import structlog

from gateway.cli import run
from gateway.store import TokenFile

CONFIG = """
[exchanges.mock]
[accounts.main]
exchange = "mock"
api_key = "env:KEY"
secret = "env:SECRET"
[log]
format = "json"
[store]
path = "gateway.db"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture(autouse=True)
def logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command sets up for its process is not for the others' tests."""
    import logging

    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def create(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[str, str]:
    """Return the token and what was logged."""
    assert run(["token", "create", *options]) == 0
    out, err = capsys.readouterr()
    return out.removesuffix("\n"), err


def test_a_token_is_shown_once_and_nowhere_else(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    text, logged = create(capsys, "--scope", "market:read", "--scope", "account:main:read", "--name", "bot")
    assert re.fullmatch(r"gw1_[0-9a-z]{10}_[0-9A-Za-z]{43}", text)
    secret = text.rpartition("_")[2]
    line = json.loads(logged)
    assert (line["event"], line["action"], line["target"]) == ("audit", "token_create", text.split("_")[1])
    assert line["scopes"] == ["account:main:read", "market:read"]
    for arguments in (["token", "list"], ["token", "list", "--json"]):
        assert run(arguments) == 0
        listed = capsys.readouterr().out
        assert text.split("_")[1] in listed
        assert secret not in listed + logged
    assert not any(secret.encode() in file.read_bytes() for file in here.iterdir())


def test_the_list_says_what_each_is_worth(capsys: pytest.CaptureFixture[str]) -> None:
    ids = [create(capsys, "--scope", "metrics", "--ttl", ttl)[0].split("_")[1] for ttl in ("1h", "never", "1ms")]
    assert run(["token", "revoke", ids[0]]) == 0
    out, err = capsys.readouterr()
    assert out == f"{ids[0]} is revoked.\n"
    assert (json.loads(err)["action"], json.loads(err)["target"]) == ("token_revoke", ids[0])
    assert run(["token", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["state"]) for row in rows] == list(
        zip(ids, ["revoked", "active", "expired"], strict=True)
    )
    assert [row["expires"] is None for row in rows] == [False, True, False]
    assert run(["token", "forget"]) == 0
    assert capsys.readouterr().out == "2 forgotten.\n"
    assert [one.id for one in TokenFile("gateway.db").read()] == [ids[1]]


def test_where_there_is_none_that_is_said(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert run(["token", "list"]) == 0
    assert capsys.readouterr().out == "There is no token.\n"
    assert run(["token", "forget"]) == 0
    assert {one.name for one in here.iterdir()} == {"gateway.toml"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create"], "--scope"),
        (["create", "--scope", "all"], "--scope: there is no scope 'all'; there are market:read,"),
        (["create", "--scope", "account:mian:read"], "names no account that is configured; did you mean 'main'?"),
        (["create", "--scope", "admin", "--ttl", "soon"], "--ttl: need seconds above 0"),
        (["create", "--scope", "admin", "--ttl", "99999d"], "--ttl: need at most 36500 days, or 'never'"),
        (["create", "--scope", "admin", "--name", "a\nb"], "--name: need at most 64 printable characters"),
        (["revoke", "nobody"], "ID: there is no such token"),
        (["list", "--config", "other.toml"], "other.toml"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str, here: Path
) -> None:
    assert run(["token", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (here / "gateway.db.tokens").exists()


def test_a_store_that_keeps_nothing_keeps_no_tokens(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "gateway.toml").write_text("")
    assert run(["token", "create", "--scope", "admin"]) == 2
    assert "store.path: is :memory:, and tokens must outlive the process" in capsys.readouterr().err
