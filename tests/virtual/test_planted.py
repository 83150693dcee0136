"""Each invariant can be broken: a bug that does it is found by one of the first seeds."""

import pytest
from invariants import INVARIANTS
from planted import PLANTED, Plant
from world import play

SEEDS = range(400)
"""Where the rarest is found."""


@pytest.mark.parametrize(
    ("plant", "invariant"), [(plant, one) for plant, broken in PLANTED.items() for one in broken],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)  # fmt: skip
def test_a_planted_bug_is_found(plant: Plant, invariant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert any(invariant in play(seed).broken.told for seed in SEEDS)


def test_every_invariant_has_a_bug_that_breaks_it() -> None:
    assert {one for broken in PLANTED.values() for one in broken} == INVARIANTS.keys()
