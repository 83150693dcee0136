"""What the probe counts, and that whoever is looked at does not notice."""

import asyncio
import sys

import soak_probe
from soak_probe import UNDISTURBED, look


async def test_tasks_timers_and_objects_are_counted():
    before = look()
    loop = asyncio.get_running_loop()
    waiting = [asyncio.create_task(asyncio.Event().wait()) for _ in range(3)]
    timers = [loop.call_later(3600, print) for _ in range(2)]
    kept = [[number] for number in range(1000)]
    found = look()
    assert found["tasks"] == before["tasks"] + 3
    assert found["timers"] == before["timers"] + 2
    assert found["objects"] >= before["objects"] + len(kept)
    assert found["blocks of memory"] > before["blocks of memory"]
    for one in (*waiting, *timers):
        one.cancel()
    await asyncio.wait(waiting)
    after = look()
    assert (after["tasks"], after["timers"]) == (before["tasks"], before["timers"])


def test_nobody_takes_the_turn_of_whoever_counts(monkeypatch):
    """Otherwise somebody may be in the middle of making a tuple that is counted, and gets a SystemError."""
    usual = sys.getswitchinterval()
    monkeypatch.setattr(soak_probe, "_counted", sys.getswitchinterval)
    assert look() == UNDISTURBED > usual
    assert sys.getswitchinterval() == usual
