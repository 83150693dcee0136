"""
Two thousand times a hundred virtual seconds of a whole gateway: whatever goes wrong, the invariants hold.

They are listed in ``invariants.py``; ``test_planted.py`` shows that each is found where it is broken.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from measured import counted, happened, took
from mishaps import CLIENTS, FAULTS, OPERATING, RECONNECTING
from recovering import BOUND, LONGEST, UP
from world import DOWN, SECONDS, Outcome, play

HERE = Path(__file__).parent


def told(seed: int, what: object) -> str:
    return (
        f"seed {seed}:\n{what}\nto run it again: python -m pytest tests/virtual --seed {seed}\n"
        f"and to read all that happened: python tests/virtual/replay.py {seed}"
    )


def tell(outcome: Outcome) -> None:
    """Add it to what is shown."""
    happened(
        "seeds of 100 virtual seconds in which an invariant was broken", int(bool(outcome.broken.told)), 1, "seeds"
    )
    counted("things that went wrong", sum(outcome.counts.get(name, 0) for name in {*FAULTS, *RECONNECTING}))
    counted("books compared with the exchange's, at a client", outcome.compared)
    took("seconds that a connection waited before it was dialled again", outcome.times.waits, bound=LONGEST)
    took("seconds from a dial to CONNECTED, once nothing went wrong", outcome.times.ups, bound=UP)
    took("seconds until all was well, after nothing went wrong any more", [outcome.times.well], bound=BOUND)
    took(
        "seconds that closing the gateway took, of a third with an exchange that does not answer",
        [outcome.times.end],
        bound=DOWN,
    )


def played(seed: int) -> Outcome:
    try:
        return play(seed)
    except Exception as exc:
        raise AssertionError(told(seed, repr(exc))) from exc


@pytest.mark.no_cover  # three times as quick: what else is run shows how much of the code is reached
def test_whatever_goes_wrong_the_invariants_hold(seeds: range) -> None:
    for seed in seeds:
        outcome = played(seed)
        tell(outcome)
        assert not outcome.broken.told, told(seed, outcome.broken)


def test_a_seed_that_fails_tells_how_to_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("world.World._check_end", lambda _: 1 / 0)
    with pytest.raises(AssertionError, match=r"python -m pytest tests/virtual --seed 3\n.*replay\.py 3"):
        played(3)


def test_everything_that_can_happen_happens_and_is_looked_at() -> None:
    done: Counter[str] = Counter()
    outcomes = [played(seed) for seed in range(40)]
    for outcome in outcomes:
        done.update(outcome.counts)
        assert outcome.events > 3 * SECONDS
    assert sum(outcome.compared for outcome in outcomes) > 40 * SECONDS, "one book a second"
    assert done.keys() - {"healed"} == {*FAULTS, *OPERATING, *RECONNECTING, *CLIENTS}
    assert done["healed"] == 40


def test_the_same_seed_gives_the_same_run_and_another_another() -> None:
    first, again, other = played(5), played(5), played(6)
    assert (first.digest, first.events) == (again.digest, again.events)
    assert first.digest != other.digest


def test_the_order_of_sets_makes_no_difference() -> None:
    runs = [replayed(hashing) for hashing in ("0", "1")]
    assert runs[0].splitlines()[-2] == played(11).digest
    assert runs[0] == runs[1]


def replayed(hashing: str) -> str:
    """Return what a process of its own tells of a seed."""
    command = [sys.executable, str(HERE / "replay.py"), "11"]
    environ = {**os.environ, "PYTHONHASHSEED": hashing}
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=60).stdout
