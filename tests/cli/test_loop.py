"""A command that lasts has the process to itself."""

import gc

import pytest

from gateway.cli.loop import RARELY, run


def test_garbage_is_looked_for_rarely_while_it_runs() -> None:
    usual = gc.get_threshold()

    async def work() -> int:
        assert gc.get_threshold() == RARELY
        return 7

    assert run(work()) == 7
    assert gc.get_threshold() == usual


def test_and_as_usual_afterwards_however_it_ends() -> None:
    usual = gc.get_threshold()

    async def work() -> int:
        raise RuntimeError("over")

    with pytest.raises(RuntimeError, match="over"):
        run(work())
    assert gc.get_threshold() == usual
