"""Benchmarks with many clients: what a client counts, what counts as wrong, and both at a tiny size."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
TOPIC = b"mock:trades:BTC-USDT"


def text(message: dict[str, Any]) -> bytes:
    payload = json.dumps(message, separators=(",", ":")).encode()
    size = bytes((len(payload),)) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + payload


def update(offset: int, kind: str = "update", **more: Any) -> bytes:
    return text(
        {"topic": TOPIC.decode(), "type": kind, "epoch": "e", **more, "offset": offset, "ts": 5, "data": []}
    )


LAG = text({"topic": TOPIC.decode(), "type": "lag", "from": 2, "to": 7})


class Sock:
    """Gives what it was given, and keeps what is sent."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.sent = b""

    def recv(self, _: int) -> bytes:
        return self.pieces.pop(0)

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def fileno(self) -> int:
        return 0

    def close(self) -> None:
        pass


@pytest.fixture
def hear(bench: Any) -> Any:
    """What a client has counted that was sent these pieces, after an answer with the offset 0."""
    crowds = bench("crowd")

    def hearing(*pieces: bytes) -> Any:
        sock = Sock()
        member = crowds.Member(sock, at={TOPIC: 0})
        crowd = crowds.Crowd(0, "")
        for piece in pieces:
            sock.pieces.append(piece)
            crowd._readable(member)
        return member

    return hearing


def test_what_is_contiguous_is_counted_however_it_is_cut(hear: Any) -> None:
    whole = update(1) + LAG + update(7, "snapshot") + update(12, first=8) + b"\x89\x02hi" + update(13)
    for place in range(1, len(whole)):
        member = hear(whole[:place], whole[place:])
        told = (member.updates, member.stood_for, member.lags, member.dropped, member.snapshots, member.jumps)
        assert told == (3, 7, 1, 6, 1, 0), place
        assert member.at == {TOPIC: 13}
        assert member.sock.sent[:2] == b"\x8a\x82", "a ping is answered"


@pytest.mark.parametrize("wrong", [update(1) + update(3), update(1) + update(1), LAG, update(3, first=2)])
def test_what_is_missing_or_comes_again_is_seen(hear: Any, wrong: bytes) -> None:
    assert hear(wrong).jumps == 1


def test_why_it_ended_is_known(hear: Any) -> None:
    assert hear(b"\x88\x02\x11\x38").ended == "4408"
    assert hear(update(1), b"").ended == "end of the stream"


def found(bench: Any, case: str, **changed: Any) -> list[str]:
    """Return what is wrong with a client that is well but for what has ``changed``."""
    slow_consumers = bench("slow_consumers")
    [one] = [one for one in slow_consumers.CASES if one.name == case]
    merged = one.on_lag == "conflate"
    dropped = 5 if one.on_lag == "drop_oldest" else 0
    told = {"closed": "4408"} if one.on_lag == "disconnect" else {"dropped": dropped}
    slow = {"jumps": 0, "ended": "", "dropped": dropped, "updates": 4, "stood_for": 9 if merged else 4}
    back = {"jumps": 0, "acks": 1}
    parts: dict[str, dict[str, Any]] = {"slow": slow, "told": told, "back": back}
    for name, value in changed.items():
        part, _, key = name.partition("_")
        if part in parts:
            parts[part][key] = value
    sizes = {name: value for name, value in changed.items() if name in {"queued", "grown"}}
    return list(slow_consumers.judge(one, slow_consumers.Found(case, 99, **parts, **sizes)))


@pytest.mark.parametrize(
    ("case", "changed"),
    [
        ("conflate", {"slow_jumps": 1}),
        ("conflate", {"slow_ended": "4408"}),
        ("conflate", {"slow_dropped": 1, "told_dropped": 1}),
        ("conflate", {"slow_stood_for": 4}),
        ("conflate", {"queued": 1 << 20}),
        ("conflate", {"grown": 1 << 25}),
        ("drop_oldest", {"slow_dropped": 4}),
        ("drop_oldest", {"slow_dropped": 0, "told_dropped": 0}),
        ("drop_oldest-book", {"slow_ended": "end of the stream"}),
        ("disconnect", {"told_closed": ""}),
        ("disconnect", {"slow_dropped": 1}),
        ("account", {"slow_stood_for": 5}),
        ("account", {"back_acks": 0}),
        ("account", {"back_jumps": 1}),
    ],
)
def test_what_is_otherwise_than_the_protocol_says_is_told(bench: Any, case: str, changed: dict[str, Any]) -> None:
    assert found(bench, case) == []
    assert len(found(bench, case, **changed)) == 1


def run(script: str, tmp_path: Path, *words: str) -> Any:
    told = tmp_path / "told.json"
    command = [sys.executable, str(BENCH / script), *words, "--json", str(told)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(told.read_text()), ended.stdout


def test_nobody_misses_anything(tmp_path: Path) -> None:
    sizes = ("--quiet", "20", "--topics", "5", "--busy", "10", "--seconds", "1")
    cases, out = run("scale.py", tmp_path, *sizes)
    assert [(case["clients"], case["lost"]) for case in cases] == [(20, []), (10, []), (10, [])]
    assert all(case["updates"] > 5 and case["delays"]["p50"] > 0 for case in cases)
    assert "missed: nothing" in out


def test_one_that_does_not_read_gets_what_its_policy_says(tmp_path: Path) -> None:
    sizes = ("--clients", "4", "--rounds", "1", "--seconds", "4", "--rate", "400", "--records", "100")
    [case], out = run("slow_consumers.py", tmp_path, *sizes, "--only", "drop_oldest")
    assert case["slow"]["dropped"] == case["told"]["dropped"] > 0
    assert "the worst ratio of p99" in out
