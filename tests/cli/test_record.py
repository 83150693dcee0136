"""``gateway record``: what is refused before anything is written, what is said, and that it ends in good order."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from gateway.cli import recording, run
from gateway.cli.recording import progress, summary
from gateway.errors import RecordingError, SubscriptionError, TransportLost, UpgradeRefused
from gateway.recording import recorder as module

TOPIC = "mock:trades:BTC-USDT"


class Recorder:
    """Raises what it is told to, after what it is told to do."""

    outcome: ClassVar[BaseException | None] = None
    away: str = ""
    heard = 1234
    returns = 0
    notes = SimpleNamespace(gaps=0)
    asked: ClassVar[dict[str, Any]] = {}

    def __init__(self, url: str, topics: list[str], writer: Any, world: Any, **options: Any) -> None:
        if options["credentials"].get("token"):
            raise ValueError("the token would be sent in the clear: use wss:// (or https://)")
        self.asked.update(options, url=url, topics=topics, writer=writer)
        self._writer = writer

    async def run(self) -> None:
        self._writer.segment = 2
        if self.outcome is not None:
            raise self.outcome


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    Recorder.asked.clear()
    monkeypatch.setattr(Recorder, "outcome", None)
    monkeypatch.setattr(module, "Recorder", Recorder)
    return Recorder


def test_it_says_at_the_end_what_came_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["record", TOPIC, "--to", str(tmp_path)]) == 0
    assert capsys.readouterr() == (f"Recorded 1,234 messages in 2 files, 0.0 MiB, the last {tmp_path}\n", "")


def test_options_are_handed_on(tmp_path: Path) -> None:
    options = ["--on-lag", "drop_oldest", "--segment-mib", "2", "--segment-time", "90s", "--flush", "250ms"]
    assert run(["record", TOPIC, "--to", str(tmp_path), "--url", "ws://127.0.0.1:9", *options]) == 0
    asked = Recorder.asked
    assert (asked["url"], asked["topics"], asked["on_lag"], asked["flush"]) == (
        "ws://127.0.0.1:9",
        [TOPIC],
        "drop_oldest",
        0.25,
    )
    assert (asked["writer"]._size, asked["writer"]._age) == (2 << 20, 90.0)


def test_nothing_is_dropped_unless_that_is_asked_for(tmp_path: Path) -> None:
    assert run(["record", TOPIC, "--to", str(tmp_path)]) == 0
    assert Recorder.asked["on_lag"] == "disconnect"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "gateway: TOPIC: 'nonsense' is no topic"),
        ([TOPIC, "--url", "localhost"], "gateway: --url: must begin with"),
        ([TOPIC, "--flush", "soon"], "gateway: --flush: need seconds above 0"),
        ([TOPIC, "--segment-time", "0"], "gateway: --segment-time: need seconds above 0"),
        ([TOPIC, "--segment-mib", "0"], "gateway: Invalid value for '--segment-mib'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["record", *arguments, "--to", str(tmp_path / "rec")]) == 2
    assert capsys.readouterr().err.startswith(said)
    assert not (tmp_path / "rec").exists()


def test_somewhere_to_write_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["record", TOPIC]) == 2
    assert "'--to'" in capsys.readouterr().err


def test_a_token_is_sent_to_nobody_in_the_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", "gw1_canary")
    assert run(["record", TOPIC, "--to", str(tmp_path), "--url", "ws://192.0.2.1"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("gateway: --url: the token would be sent in the clear")
    assert "canary" not in told


@pytest.mark.parametrize(
    ("outcome", "status", "said"),
    [
        (OSError(111, "Connection refused"), 1, "gateway: no gateway at ws://127.0.0.1:8765 ("),
        (TransportLost("closed", code=4501), 1, "gateway: the gateway at ws://127.0.0.1:8765 serves us no longer"),
        (
            TransportLost("closed", code=1001),
            1,
            "gateway: the gateway at ws://127.0.0.1:8765 has left us: closed\n",
        ),
        (UpgradeRefused(404), 1, "gateway: the gateway at ws://127.0.0.1:8765 will not serve us: nothing"),
        (SubscriptionError("unknown_symbol", "mock has no symbol X"), 2, "gateway: mock has no symbol X"),
        (RecordingError("the disk is full"), 1, "gateway: the disk is full"),
    ],
)
def test_what_ends_it_is_one_sentence_and_a_status(
    outcome: Exception,
    status: int,
    said: str,
    tmp_path: Path,
    fake: type[Recorder],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fake, "outcome", outcome)
    assert run(["record", TOPIC, "--to", str(tmp_path)]) == status
    out, err = capsys.readouterr()
    assert err.startswith(said)
    assert out.startswith("Recorded 1,234 messages"), "what is on disk is said all the same"


def writer() -> Any:
    return SimpleNamespace(bytes=3 << 20, segment=1, path=Path("rec/000001.jsonl.zst"))


def test_how_far_it_is_fits_on_a_line() -> None:
    one: Any = SimpleNamespace(heard=12345, away="", returns=0, notes=SimpleNamespace(gaps=0))
    assert progress(one, writer(), 250.4) == "12,345 messages, 250 messages/s, 3.0 MiB, 000001.jsonl.zst"
    one.away = "it broke"
    assert "dialling again: it broke" in progress(one, writer(), 0)


def test_what_could_not_be_heard_is_part_of_the_summary() -> None:
    one: Any = SimpleNamespace(heard=5, away="", returns=2, notes=SimpleNamespace(gaps=3))
    assert summary(one, writer()) == (
        "Recorded 5 messages in 1 file, 3.0 MiB, the last rec/000001.jsonl.zst; "
        "2 times the gateway was lost, 3 gaps"
    )


@pytest.mark.parametrize("terminal", [True, False])
async def test_while_it_runs_it_says_how_it_goes(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "PAUSE", 0.001)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("FORCE_COLOR" if terminal else "NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    one: Any = SimpleNamespace(heard=5, away="", returns=0, notes=SimpleNamespace(gaps=0))
    watching = asyncio.create_task(recording._watch(one, writer(), "ws://user:canary@127.0.0.1:1"))
    said = ""
    for away in ("", "it broke", ""):
        one.away = away
        await asyncio.sleep(0.1)
        said += capsys.readouterr().err
    watching.cancel()
    await asyncio.wait({watching})
    if terminal:
        assert "5 messages, 0 messages/s, 3.0 MiB, 000001.jsonl.zst" in said
        assert "dialling again: it broke" in said
    else:
        assert said == (
            "gateway: ws://127.0.0.1:1 is lost (it broke); dialling it again\n"
            "gateway: ws://127.0.0.1:1 is there again\n"
        )
    assert "canary" not in said
