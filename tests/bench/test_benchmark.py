"""The benchmark works at a tiny size and counts what it is told to; how fast anything is, is no matter here."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
CASES = {
    "nobody: bytes read, and no more",
    "gateway, callback",
    "gateway, callback that makes Decimals",
    "gateway, served to one client",
}


def messages(tape: Any) -> list[Any]:
    """Return what a tape's frames hold."""
    starts = [0, *tape.ends[:-1]]
    frames = [tape.frames[start:end] for start, end in zip(starts, tape.ends, strict=True)]
    return [json.loads(frame[2 if frame[1] < 126 else 4 :]) for frame in frames]


def test_every_message_is_counted_in_every_case_but_the_peers(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    words = ["--messages", "2000", "--books", "400", "--rounds", "1", "--json", str(told)]
    ended = subprocess.run(
        [sys.executable, str(BENCH / "run.py"), *words], capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "cryptofeed was not run" in ended.stdout
    results = json.loads(told.read_text())
    assert set(results) == {"ticks", "book"}
    for tape, count in (("ticks", 2000), ("book", 400)):
        assert set(results[tape]) == CASES
        for case, runs in results[tape].items():
            assert [(run["counted"], run["problem"]) for run in runs] == [(count, None)], case


def test_ids_have_no_holes_and_the_last_are_known(bench: Any) -> None:
    tape = bench("tape").trades_and_quotes(200)
    events = [message["data"] for message in messages(tape)]
    trades = [event["a"] for event in events if event.get("e") == "aggTrade"]
    quotes = [event["u"] for event in events if "B" in event]
    assert len(trades) == len(quotes) == 100
    for ids in (trades, quotes):
        assert all(after == before + 1 for before, after in pairwise(ids))
    assert tape.proof == {"trades": trades[-1], "quotes": quotes[-1]}


def test_the_books_end_is_what_its_changes_lead_to(bench: Any) -> None:
    tape = bench("tape").depth(50)
    book = {side: dict(tape.snapshot[side]) for side in ("bids", "asks")}
    last = tape.snapshot["lastUpdateId"]
    for message in messages(tape):
        event = message["data"]
        assert (event["U"], event["u"]) == (last + 1, last + 10)
        last = event["u"]
        for side, levels in (("bids", event["b"]), ("asks", event["a"])):
            assert 20 <= len(levels) <= 40
            book[side].update(levels)
    assert tape.proof["book"] == last
    for side, sign, top in (("bids", -1, tape.proof["top"][0]), ("asks", 1, tape.proof["top"][1])):
        there = [[price, size] for price, size in book[side].items() if float(size)]
        assert sorted(there, key=lambda level: sign * float(level[0]))[:10] == top


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (
            {"counted": 9, "seconds": None, "cpu": None, "proof": {"trades": 5}},
            "10 messages were sent and 9 counted",
        ),
        (
            {"counted": 11, "seconds": 1.0, "cpu": 1.0, "proof": {"trades": 5}},
            "10 messages were sent and 11 counted",
        ),
        ({"counted": 10, "seconds": 1.0, "cpu": 1.0, "proof": {"trades": 4}}, "the last trades is not the tape's"),
        ({"counted": 10, "seconds": 1.0, "cpu": 1.0, "proof": {}}, "the last trades is not the tape's"),
        ({"error": "took too long"}, "took too long"),
    ],
)
def test_a_run_that_lost_or_invented_something_is_no_result(bench: Any, result: Any, says: str) -> None:
    results = bench("results")
    run = results.judge(result, 10, {"trades": 5})
    assert run.problem == says
    assert run.rate is None
    assert run.cost is None


def test_a_run_without_loss_is_a_result_whatever_its_numbers_are_spelled_like(bench: Any) -> None:
    proof = {"top": [[["1.50000000", "2"]], []]}
    seen = {"counted": 10, "seconds": 2.0, "cpu": 0.001, "proof": {"top": [[["1.5", "2.0"]], []]}}
    run = bench("results").judge(seen, 10, proof)
    assert (run.problem, run.rate, run.cost) == (None, 5.0, 100.0)


def test_ratios_pair_the_runs_of_one_round_and_leave_out_what_is_no_result(bench: Any) -> None:
    results = bench("results")
    mine = [results.Run(10, seconds, 1.0, None) for seconds in (1.0, 2.0, 4.0)]
    theirs = [results.Run(10, 2.0, 1.0, problem) for problem in (None, "lost", None)]
    assert results.ratios(mine, theirs, results.rate) == [2.0, 0.5]
    assert results.spread([2.0, 0.5, 1.0], 1) == "1.0 (0.5..2.0)"
