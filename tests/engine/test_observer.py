"""Several observers are told as one, in their order."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.engine.observer import Observers
from gateway.errors import Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState, Phase

CHANGE = Change(
    connection_id="c",
    epoch=1,
    before=ConnectionState.DISCONNECTED,
    after=ConnectionState.CONNECTING,
    reason=Reason.ASKED,
    at_us=0,
)


class Diary:
    def __init__(self, name: str, diary: list[str]) -> None:
        self.name = name
        self.diary = diary

    def changed(self, change: Change) -> None:
        self.diary.append(f"{self.name} {change.connection_id} {change.after}")

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        self.diary.append(f"{self.name} {connection_id} {epoch} {phase}")

    @contextmanager
    def during(self, connection_id: str, epoch: int, what: str) -> Iterator[None]:
        self.diary.append(f"{self.name} begins {connection_id} {epoch} {what}")
        try:
            yield
        except RuntimeError as exc:
            self.diary.append(f"{self.name} failed {exc}")
            raise
        self.diary.append(f"{self.name} ends")

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        self.diary.append(f"{self.name} {connection_id} {epoch} {what} {facts}")


def both() -> tuple[Observers, list[str]]:
    diary: list[str] = []
    return Observers([Diary("one", diary), Diary("two", diary)]), diary


def test_everybody_is_told_of_everything() -> None:
    observers, diary = both()
    observers.changed(CHANGE)
    observers.entered("c", 1, Phase.DIAL)
    observers.noticed("c", 1, "late", frames=3)
    assert diary == [
        "one c CONNECTING",
        "two c CONNECTING",
        "one c 1 dial",
        "two c 1 dial",
        "one c 1 late {'frames': 3}",
        "two c 1 late {'frames': 3}",
    ]


def test_what_takes_time_is_enclosed_by_all() -> None:
    observers, diary = both()
    with observers.during("c", 1, "fetch"):
        diary.append("it is done")
    assert diary == [
        "one begins c 1 fetch",
        "two begins c 1 fetch",
        "it is done",
        "two ends",
        "one ends",
    ]


def test_a_failure_reaches_all_and_the_caller() -> None:
    observers, diary = both()
    with pytest.raises(RuntimeError, match="lost"), observers.during("c", 1, "fetch"):
        raise RuntimeError("lost")
    assert diary[2:] == ["two failed lost", "one failed lost"]


def test_nobody_need_observe() -> None:
    nobody = Observers()
    nobody.changed(CHANGE)
    nobody.entered("c", 1, Phase.DIAL)
    nobody.noticed("c", 1, "late")
    with nobody.during("c", 1, "fetch"):
        pass
