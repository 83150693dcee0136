"""Each invariant can be broken: a bug that does it is found by one of the first seeds."""

from pathlib import Path

import pytest
from invariants import ELSEWHERE, INVARIANTS
from planted import PLANTED, Plant
from world import play

ROOT = Path(__file__).parents[2]
SEEDS = range(400)
"""Where the rarest is found."""


@pytest.mark.parametrize(
    ("plant", "invariant"), [(plant, one) for plant, broken in PLANTED.items() for one in broken],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)  # fmt: skip
def test_a_planted_bug_is_found(plant: Plant, invariant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert any(invariant in play(seed).broken.told for seed in SEEDS)


def test_what_is_read_from_the_code_is_read() -> None:
    numbers = {number for one in INVARIANTS.values() for number in one.of.split(", ")}
    assert not ELSEWHERE.keys() & numbers
    for _, path in ELSEWHERE.values():
        assert (ROOT / path).exists()


def test_every_invariant_has_a_bug_that_breaks_it() -> None:
    assert {one for broken in PLANTED.values() for one in broken} == INVARIANTS.keys()
