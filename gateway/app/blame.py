"""Which function holds a thread up: a plugin's or a program's before the core's, named and never with a value."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from types import FrameType
from typing import Final

CORE: Final = "gateway"
LOOP: Final = frozenset({"asyncio.base_events", "asyncio.events", "asyncio.runners"})
"""Where the event loop calls what it runs; whoever called the loop holds nothing up."""


@dataclass(frozen=True, slots=True)
class Holder:
    """
    Who holds a thread up.

    ``function`` is the innermost outside the standard library and the core,
    ``called`` the one that the core had called, mostly the same. Where
    only the core is at work, both are its own.
    """

    package: str
    function: str
    called: str

    def __str__(self) -> str:
        return f"{self.function} ({self.package})"


def holder(thread: int) -> Holder | None:
    """Return who holds the thread of this identity up now; :obj:`None` if it waits in the event loop itself."""
    innermost = sys._current_frames().get(thread)  # noqa: SLF001  # documented, and the only way to another's stack
    frames = list(_within_loop(innermost))
    foreign = _foreign(frames)
    core = [frame for frame in frames if _package(frame) == CORE]
    if not (chosen := foreign or core[:1]):
        return None
    return Holder(_distribution(_package(chosen[0])), _name(chosen[0]), _name(chosen[-1]))


def _within_loop(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames from the innermost up to where the event loop called."""
    while frame is not None and _module(frame) not in LOOP:
        yield frame
        frame = frame.f_back


def _foreign(frames: list[FrameType]) -> list[FrameType]:
    """Return those that neither the core nor the standard library owns, up to where the core called them."""
    found = []
    for frame in frames:
        package = _package(frame)
        if package == CORE:
            break
        if package not in sys.stdlib_module_names:
            found.append(frame)
    return found


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?"))


def _package(frame: FrameType) -> str:
    return _module(frame).partition(".")[0]


def _name(frame: FrameType) -> str:
    return f"{_module(frame)}:{frame.f_code.co_qualname}"


def _distribution(package: str) -> str:
    """Return what is installed under that name, if anything: it is what an operator can look up."""
    return next(iter(packages_distributions().get(package, ())), package)
