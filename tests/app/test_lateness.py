"""Late messages of our own side are told."""

import asyncio

from gateway.app.lateness import lateness_told, tell
from gateway.engine.observer import LATE_MESSAGE, Observers
from gateway.serving.figures import Figures


class Told(Observers):
    """Remembers what was noticed."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[object, ...]] = []

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        self.noted.append((connection_id, epoch, what, facts))


def late() -> Figures:
    figures = Figures(lambda: 3_000_000)
    figures.delivered(1_000_000)
    return figures


EXPECTED = ("gateway", 0, LATE_MESSAGE, {"leg": "delivery", "begun_us": 1_000_000, "at_us": 3_000_000})


def test_each_is_told_once() -> None:
    told, figures = Told(), late()
    tell(figures, told)
    tell(figures, told)
    assert told.noted == [EXPECTED]


async def test_the_last_ones_are_told_at_the_end_and_nothing_is_left_running() -> None:
    told = Told()
    before = asyncio.all_tasks()
    async with lateness_told(late(), told):
        await asyncio.sleep(0)
    assert told.noted == [EXPECTED]
    assert asyncio.all_tasks() == before
