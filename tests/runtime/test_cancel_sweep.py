"""
Ended at any of its awaits, and once more at any of the clean-up's, a gateway is down and leaves nothing.

Each phase of a connection's life is run once to see where the gateway's tasks
wait, and then again for each await: at that very moment somebody disconnects,
stops the gateway, cancels the supervisors or leaves the program. Each place is
struck once in each phase, every second one by two ends; ``GATEWAY_FULL_SIZE``
asks for every visit to a place, every way, and every second end.
"""

import ast
import os
from collections.abc import Iterator, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Final, TypeVar

import pytest
from swept import Strike, Swept, Way, sweep
from swept_phases import PHASES

import gateway.runtime
from gateway.testing.stepping import Moment

T = TypeVar("T")
FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
SEEDS: Final = range(2 if FULL else 1)
"""Of the order in which what is ready runs."""
SAMPLE: Final = 2
"""One await in so many is struck twice."""
FIRST: Final = (Way.DISCONNECT, Way.CANCEL, Way.STOP, Way.LEAVE)
PAIRS: Final = (
    (Way.LEAVE, Way.LEAVE),
    (Way.CANCEL, Way.CANCEL),
    (Way.STOP, Way.TEAR),
    (Way.DISCONNECT, Way.STRAY),
    (Way.DISCONNECT, Way.STOP),
    (Way.CANCEL, Way.STRAY),
)
"""The first and the second end, where not all are tried."""
RUNTIME: Final = Path(gateway.runtime.__file__).parent
NEVER_SEEN: Final = {
    "Backfill.stop": "the connections are down by then, and nothing is fetched for those",
    "Exchange.stop": "the same",
    "Rights.stop": "the same",
}
"""Coroutines with an await at which nobody was ever seen to wait, and why."""


@pytest.mark.timeout(1200 if FULL else 240)
@pytest.mark.parametrize("phase", PHASES)
def test_ended_at_any_await_nothing_is_left(phase: str) -> None:
    for seed in SEEDS:
        swept = sweep(*PHASES[phase], seed=seed)
        assert swept.scenario
        for strike in singles(phase, swept):
            struck(phase, swept, strike, seed)


@pytest.mark.timeout(3600 if FULL else 240)
@pytest.mark.parametrize("phase", PHASES)
def test_ended_again_during_the_clean_up_nothing_is_left(phase: str) -> None:
    swept = sweep(*PHASES[phase])
    for strike in doubles(phase, swept):
        struck(phase, swept, strike)


def struck(phase: str, swept: Swept, strike: Strike, seed: int = 0) -> None:
    try:
        sweep(*PHASES[phase], strike, seed)
    except BaseException as exc:
        exc.add_note(f"{strike}, when a task stood at {swept.scenario[strike.at - 1]}")
        raise


def singles(phase: str, swept: Swept) -> Iterator[Strike]:
    kinds = list(product(FIRST, Moment))
    if FULL:
        every = range(1, len(swept.scenario) + 1)
        yield from (Strike(at, way, moment) for at, (way, moment) in product(every, kinds))
    else:
        numbers = chosen(swept.scenario)
        yield from (
            Strike(at, way, moment) for at, (way, moment) in zip(numbers, turns(kinds, phase), strict=False)
        )


def doubles(phase: str, swept: Swept) -> Iterator[Strike]:
    most = len(swept.cleaning) + 1
    if FULL:
        pairs = product(range(1, len(swept.scenario) + 1), range(1, most + 1))
        kinds = list(product(FIRST, Way))
    else:
        pairs = ((at, 1 + at * 7 % most) for at in chosen(swept.scenario)[::SAMPLE])
        kinds = list(PAIRS)
    for (at, after), (way, again), moment in zip(pairs, turns(kinds, phase), cycle(Moment), strict=False):
        yield Strike(at, way, moment, after, again)


def turns(kinds: list[T], phase: str) -> Iterator[T]:
    """Go through ``kinds`` again and again; each phase begins elsewhere."""
    begin = list(PHASES).index(phase) % len(kinds)
    return cycle([*kinds[begin:], *kinds[:begin]])


def chosen(places: Sequence[str]) -> list[int]:
    """Return the number of the first await at each place."""
    return sorted({place: number for number, place in reversed([*enumerate(places, 1)])}.values())


def test_each_await_of_the_runtime_is_one_of_those() -> None:
    """A new one needs a phase in which it is seen."""
    seen = set()
    for phase in PHASES.values():
        swept = sweep(*phase)
        seen |= {step for place in (*swept.scenario, *swept.cleaning) for step in place.split(" > ")}
    there = {step for file in RUNTIME.glob("*.py") for step in awaits_in(ast.parse(file.read_text()))}
    missing = sorted(step for step in there - seen if step.rpartition(":")[0] not in NEVER_SEEN)
    assert not missing, f"nobody was ever seen to wait in {missing}"


def awaits_in(tree: ast.AST, within: str = "") -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from awaits_in(node, f"{within}{node.name}.")
        elif isinstance(node, ast.AsyncFunctionDef):
            yield from {
                f"{within}{node.name}:{one.lineno}" for one in ast.walk(node) if isinstance(one, ast.Await)
            }
