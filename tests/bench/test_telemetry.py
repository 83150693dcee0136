"""The benchmark of telemetry compares the same work with it and without; how much it costs is no matter here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.engine.topics import Topic

BENCH = Path(__file__).parents[2] / "bench"


def test_both_serve_every_message_and_what_is_measured_arrives(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    words = ["--messages", "2000", "--rounds", "1", "--json", str(told)]
    ended = subprocess.run(
        [sys.executable, str(BENCH / "telemetry.py"), *words],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "on / off" in ended.stdout
    assert "ns a message" in ended.stdout
    results = json.loads(told.read_text())
    for case in ("off", "on"):
        assert [(run["counted"], run["problem"]) for run in results[case]] == [(2000, None)], case
    assert results["exports"] >= 2, "spans and metrics, at the end at the latest"


@pytest.mark.parametrize(("name", "ts"), [("publish", "ts"), ("publish_raw", "None")])
def test_without_telemetry_not_even_the_comparison_is_left(bench: Any, name: str, ts: str) -> None:
    source = bench("untimed").untimed(name, ts)
    assert "_time" not in source
    assert "_UNTIMED" not in source
    assert "listener.put(message)" in source


def test_publishing_is_put_back(bench: Any) -> None:
    before = (Topic.publish, Topic.publish_raw)
    publishing = bench("publishing")
    publishing.TURNS = 1
    timed, untimed = publishing.least()
    assert timed > 0 < untimed
    assert (Topic.publish, Topic.publish_raw) == before


def test_what_publishes_without_it_publishes_the_same(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("publish", "publish_raw"):
        monkeypatch.setattr(Topic, name, getattr(Topic, name))  # put back afterwards
    before = Topic.publish
    bench("untimed").install()
    assert Topic.publish is not before
    assert Topic.publish.__globals__ is before.__globals__
