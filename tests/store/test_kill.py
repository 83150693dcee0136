"""
Killed at any instant, nothing that was acknowledged is lost, and nothing is half there.

20 kills; with ``GATEWAY_FULL_SIZE`` 200.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from measured import counted, happened
from stored import names

from gateway.store.opening import open_database
from gateway.store.schema import pragma

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
KILLS = 200 if FULL else 20
UPGRADES = 50 if FULL else 5
LANES, ROUNDS, LENGTH = 8, 12, 6
HERE = Path(__file__).parent

SOME = (
    "INSERT INTO things WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT %s) SELECT n FROM c;"
)

Kept = dict[str, int]


def told(random: Random, serial: int) -> list[list[list[list[Any]]]]:
    """Return rounds of lanes of commands; what a lane changes, no other does."""
    numbers = iter(range(serial, 10**9))

    def command(lane: int) -> list[Any]:
        number = next(numbers)
        what = random.choice(["add", "add", "remove", "ban"])
        name = f"x{lane}-{random.randrange(2)}" if what == "ban" else f"x:trades:S{lane}-{random.randrange(4)}"
        return [number, what, name, number]

    return [[[command(lane) for _ in range(LENGTH)] for lane in range(LANES)] for _ in range(ROUNDS)]


def after(kept: Kept, command: list[Any]) -> Kept:
    """Return what is kept once ``command`` is done."""
    _, what, name, value = command
    if what == "remove":
        return {one: at for one, at in kept.items() if one != name}
    if what == "ban":
        return kept | {name: max(value, kept.get(name, 0))}
    return {name: value} | kept


@contextmanager
def keeper(path: Path, rounds: list[Any]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, str(HERE / "keeper.py"), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(rounds) + "\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def lines_until_killed(process: "subprocess.Popen[str]", random: Random) -> list[str]:
    """Kill ``process`` at some instant and return all that it had said."""
    assert process.stdout is not None
    some = 1 if random.random() < 0.2 else random.randrange(2, LANES * ROUNDS * LENGTH // 2)
    lines = [process.stdout.readline() for _ in range(some)]
    time.sleep(random.uniform(0, 0.02 if some == 1 else 0.003))  # the instant, not a wait
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    assert process.wait() == -signal.SIGKILL
    assert lines[0] == "opening\n"
    return [line.strip() for line in lines[1:]]


def of_lane(lane: int, kept: Kept) -> Kept:
    return {name: at for name, at in kept.items() if name.startswith((f"x{lane}-", f"x:trades:S{lane}-"))}


def possible(sure: Kept, rounds: list[Any], acknowledged: set[int]) -> list[tuple[Kept, Kept]]:
    """Return for each lane what must be kept of it, and what else may be: its first command without an answer."""
    lanes = []
    for lane in range(LANES):
        commands = [command for one in rounds for command in one[lane]]
        mine = of_lane(lane, sure)
        done = [command[0] in acknowledged for command in commands]
        assert done == sorted(done, reverse=True), "a lane's commands come one after the other"
        for command in commands[: sum(done)]:
            mine = after(mine, command)
        lanes.append((mine, after(mine, commands[sum(done)]) if not all(done) else mine))
    return lanes


def check(kept: Kept, lanes: list[tuple[Kept, Kept]]) -> None:
    known = 0
    for lane, choices in enumerate(lanes):
        mine = of_lane(lane, kept)
        assert mine in choices, f"lane {lane}"
        known += len(mine)
    assert known == len(kept), "something is kept that nobody asked for"


@pytest.mark.timeout(600 if FULL else 240)
@pytest.mark.parametrize("seed", range(KILLS // 20))
def test_whatever_was_acknowledged_is_there_after_a_kill(path, seed):
    random = Random(seed)
    lanes: list[tuple[Kept, Kept]] = [({}, {}) for _ in range(LANES)]
    in_flight, acknowledged = 0, set[int]()
    for kill in range(21):
        rounds = told(random, 1 + kill * 10_000)
        with keeper(path, rounds) as process:
            if kill == 20:
                assert process.stdout is not None
                said = [line.strip() for line in process.stdout]
                assert said.pop() == "end"
                assert said.pop(0) == "opening"
            else:
                said = lines_until_killed(process, random)
        if not said:
            continue  # killed while opening: what was sure still is
        found = json.loads(said[0])
        assert found["notices"] == [], "the file is sound"
        check(found["kept"], lanes)
        happened("acknowledged commands that a store had lost or half kept", 0, len(acknowledged))
        acknowledged = {int(line) for line in said[1:]}
        lanes = possible(found["kept"], rounds, acknowledged)
        in_flight += sum(sure != maybe for sure, maybe in lanes)
    assert in_flight > 10, "the kills came while nothing was under way"
    assert names(path.parent) == {"gateway.db", "gateway.db.lock"}
    counted("kills of a store", 20)


UPGRADE = """
import sys
from gateway.store.opening import open_database
from gateway.store.schema import pragma
print("opening", flush=True)
open_database(sys.argv[1], 0, sys.argv[2:]).close()
print("end", flush=True)
"""
FIRST = "CREATE TABLE things (n INTEGER);" + SOME % "30000"
SECOND = "CREATE INDEX by_n ON things (n); UPDATE things SET n = -n;" + SOME % "30000"


def upgraded_and_killed(path: Path, seconds: float) -> bool:
    """Upgrade a file and kill the process after ``seconds``; return whether it had been done by then."""
    with subprocess.Popen(
        [sys.executable, "-c", UPGRADE, str(path), FIRST, SECOND], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opening\n"
        time.sleep(seconds)  # the instant, not a wait
        process.kill()
        return "end" in process.stdout.read()


def content(path: Path) -> tuple[int, int, int]:
    """Return the file's version, how many rows it has, and their sum."""
    with closing(sqlite3.connect(path)) as one:
        return pragma(one, "user_version"), *one.execute("SELECT count(n), sum(n) FROM things").fetchone()


def put_back(path: Path, sound: bytes) -> None:
    path.write_bytes(sound)
    for copy in path.parent.glob("gateway.db.schema-1-*"):
        copy.unlink()


def test_an_upgrade_that_is_killed_is_whole_or_absent_and_the_copy_is_whole(path):
    random = Random(5)
    open_database(str(path), 0, [FIRST]).close()
    sound = path.read_bytes()
    total = 30_000 * 30_001 // 2
    old, new = (1, 30_000, total), (2, 60_000, 0)
    started = time.monotonic()
    open_database(str(path), 0, [FIRST, SECOND]).close()
    usual = time.monotonic() - started
    killed = tried = 0
    while killed < UPGRADES:
        put_back(path, sound)
        tried += 1
        assert tried < 10 * UPGRADES, "the upgrades end before they are killed"
        killed += not upgraded_and_killed(path, random.uniform(0, usual))
        copies = list(path.parent.glob("gateway.db.schema-1-*"))
        found = content(path)
        assert found in {old, new}
        assert found == old or copies
        assert [content(one) for one in copies] == [old] * len(copies)
        open_database(str(path), 0, [FIRST, SECOND]).close()
        assert content(path) == new
        assert {name.partition(".schema-1-")[0] for name in names(path.parent)} == {
            "gateway.db",
            "gateway.db.lock",
        }
    happened("upgrades of a store that were half there after a kill", 0, killed)
