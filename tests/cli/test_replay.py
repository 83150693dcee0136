"""``gateway replay``: what is refused, what is said, and that it ends by itself."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.cli import replaying, run
from gateway.cli.replaying import said
from gateway.recording.spelling import message_line
from gateway.recording.writing import Writer

TOPIC = "mock:trades:BTC-USDT"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    writer = Writer(tmp_path, "1", "run", [TOPIC])
    writer.open(0.0, 1)
    writer.put(
        message_line(1, b'{"method":"subscribe","success":true,"topic":"%b","status":"live"}' % TOPIC.encode())
    )
    writer.flush(0.0, 1)
    writer.close()
    return tmp_path


def test_it_plays_once_and_ends(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(recording), "--listen", "127.0.0.1:0", "--wait", "none", "--speed", "max"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Listening on http://127.0.0.1:")
    assert first.endswith(", with 1 recorded topics")
    assert second == "Told 1 messages"


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast", ""])
def test_a_speed_that_is_none_is_named(speed: str, recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(recording), "--speed", speed]) == 2
    assert capsys.readouterr().err == f"gateway: --speed: need a number above 0, or max; got {speed!r}\n"


def test_an_address_that_is_none_is_named(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(recording), "--listen", "localhost"]) == 2
    assert capsys.readouterr().err.startswith("gateway: --listen: need HOST:PORT")


def test_others_than_this_machine_are_not_served(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(recording), "--listen", "0.0.0.0:0"]) == 78
    assert capsys.readouterr().err == (
        "gateway: refusing to listen on '0.0.0.0': a recording is told to this machine only; "
        "take 127.0.0.1 or ::1\n"
    )


def test_where_no_recording_is_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"gateway: {tmp_path} holds no recording: there is no file such as 000001.jsonl.zst\n"
    )


def test_damage_is_said_with_its_place(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (recording / "000001.jsonl.zst").open("ab") as file:
        place = file.tell()
        file.write(b"damage")
    assert run(["replay", str(recording), "--listen", "127.0.0.1:0", "--wait", "none", "--speed", "max"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith(f"gateway: {recording}/000001.jsonl.zst, byte {place}: no frame, or a damaged one: ")
    assert out.endswith("Told 1 messages\n")


async def test_a_terminal_shows_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "PAUSE", 0.001)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    playing: Any = SimpleNamespace(
        found=SimpleNamespace(bytes=100), player=SimpleNamespace(messages=7, read=50), clients=2
    )
    watching = asyncio.create_task(replaying._watch(playing))
    await asyncio.sleep(0.3)
    watching.cancel()
    await asyncio.wait({watching})
    told = capsys.readouterr().err
    assert "7 messages to 2 clients" in told
    assert " 50 %" in told


def test_before_it_begins_it_says_what_it_waits_for() -> None:
    playing: Any = SimpleNamespace(player=SimpleNamespace(messages=0), clients=1)
    assert said(playing) == "waiting for subscriptions, 1 client"
