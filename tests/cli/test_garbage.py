"""
A million objects do not stop everything: what a look for garbage meets is bounded, however many there are.

Looks and what they meet are counted, not timed. With Python's own figures the same work has everything
looked at again and again, which shows that the count would find it.
"""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.cli import loop
from gateway.cli.loop import RARELY, run

MANY = 1_000_000
BURST = 50_000
"""Objects that are made at once, as at a storm of reconnects."""
YOUNG = RARELY[0] * (RARELY[1] + 4)
"""Objects that one look may meet at most: those that were made since the last look at their elders."""
EVERYTHING = 2
"""The generation whose look is at all that there is."""


class Looks:
    """How often it was looked for garbage in each generation, and the most objects that one met."""

    def __init__(self) -> None:
        self.times: Counter[int] = Counter()
        self.most = 0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            generation = info["generation"]
            self.times[generation] += 1
            if generation:
                met = sum(len(gc.get_objects(generation=one)) for one in range(generation + 1))
                self.most = max(self.most, met)


@contextmanager
def counted() -> Iterator[Looks]:
    looks = Looks()
    gc.callbacks.append(looks)
    try:
        yield looks
    finally:
        gc.callbacks.remove(looks)


async def made(many: int) -> int:
    """Make so many objects that stay, in bursts, and some in circles that go."""
    kept: list[list[int]] = []
    for number in range(many // BURST):
        kept += [[one] for one in range(BURST)]
        circles: list[list[Any]] = [[number] for _ in range(BURST // 10)]
        for one in circles:
            one.append(one)
    return len(kept)


def test_a_million_objects_are_never_looked_at_all_at_once() -> None:
    with counted() as looks:
        looks.times.clear()

        async def work() -> int:
            looks.times.clear()
            looks.most = 0
            number = await made(MANY)
            assert looks.times[0] + looks.times[1] > MANY / RARELY[0] / 2, "it is looked for all the same"
            assert looks.times[EVERYTHING] == 0
            assert 0 < looks.most <= YOUNG
            return number

        assert run(work()) == MANY


def test_with_pythons_own_figures_they_are_and_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "RARELY", (700, 10, 10))
    with counted() as looks:

        async def work() -> int:
            looks.times.clear()
            return await made(MANY // 4)

        run(work())
    assert looks.times[EVERYTHING] > 1
    assert looks.most > MANY // 8


def test_what_was_there_before_is_not_looked_at_and_is_again_afterwards() -> None:
    before = [[one] for one in range(BURST)]

    async def work() -> int:
        assert gc.get_freeze_count() > len(before)
        return len(gc.get_objects())

    assert run(work()) < len(before)
    assert gc.get_freeze_count() == 0
    assert len(gc.get_objects()) > len(before)
