"""``gateway doctor``: what it prints, its exit status, and that it shows no secret."""

import json
import os
from pathlib import Path

import pytest

from gateway.cli import run

CANARY = "canary-7f3a"
GOOD = """
[server]
listen = "127.0.0.1:0"
[exchanges.mock]
[accounts.main]
exchange = "mock"
api_key = "env:DOCTOR_KEY"
secret = "env:DOCTOR_SECRET"
"""


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCTOR_KEY", CANARY)
    monkeypatch.setenv("DOCTOR_SECRET", CANARY)
    return tmp_path


def written(text: str) -> Path:
    path = Path("gateway.toml")
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_all_is_well_with_status_0_and_each_finding_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    written(GOOD)
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "\nok      settings: what it says can be done\n" in out
    assert "\nok      secrets: accounts.main: api_key and secret can be had" in out
    assert "\nwrong" not in out
    assert CANARY not in out


def test_without_a_configuration_the_installation_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "there is no ./gateway.toml" in out
    assert "python: Python 3." in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nlisten = 5\n", "configuration: gateway.toml: server.listen: "),
        ("[nonsense", "configuration: gateway.toml: "),
        (GOOD + "[exchanges.nope]\n", "configured plugins: nope: its plugin cannot be used: is not installed"),
        (GOOD.replace("127.0.0.1:0", "0.0.0.0:0"), "exposure: refusing to listen on '0.0.0.0'"),
        (
            GOOD.replace("env:DOCTOR_SECRET", "env:NOPE"),
            "secrets: accounts.main.secret: env:NOPE: this environment",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence_with_what_to_do_and_status_1(
    text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    written(text)
    assert run(["doctor", "--config", "gateway.toml"]) == 1
    lines = capsys.readouterr().out.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith(f"wrong   {said}")]
    assert lines[at + 1].startswith("        to do: ")
    assert CANARY not in str(lines)


def test_a_file_that_is_not_there_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--config", "nope.toml"]) == 1
    assert "wrong   configuration: nope.toml: " in capsys.readouterr().out


@pytest.mark.parametrize("secret", ["env:DOCTOR_SECRET", "env:NOPE"])
def test_json_is_the_same_for_machines(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    written(GOOD.replace("env:DOCTOR_SECRET", secret))
    status = run(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is (status == 0) is (secret != "env:NOPE")
    assert {frozenset(one) for one in found["findings"]} == {frozenset({"check", "verdict", "text", "todo"})}
    assert [one["check"] for one in found["findings"] if one["verdict"] == "wrong"] == ["secrets"][status ^ 1 :]
    assert CANARY not in json.dumps(found)


def test_a_gateway_that_should_run_and_does_not_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--url", f"ws://user:{CANARY}@127.0.0.1:1"]) == 1
    out = capsys.readouterr().out
    assert "wrong   gateway: no gateway answers at http://127.0.0.1:1: connection refused" in out
    assert CANARY not in out


def test_an_url_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--url", "localhost"]) == 2
    assert capsys.readouterr().err.startswith("gateway: --url: must begin with")


def test_a_literal_secret_is_refused_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    written(GOOD.replace("env:DOCTOR_SECRET", CANARY))
    assert run(["doctor"]) == 1
    assert CANARY not in capsys.readouterr().out
