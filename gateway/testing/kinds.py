"""What the values in a scenario may be, and how a wrong one is told."""

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.testing.faults import ALWAYS

_SHOWN: Final = 100
_LONGEST: Final = 10 * 366 * 86_400.0


class WrongError(ValueError):
    """
    A value is not what it should be.

    Args:
        key: which one.
        problem: what was needed and what was found.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value: ``need`` says it in words, ``made`` returns what it stands for, or raises."""

    need: str
    made: Callable[[Any], Any]

    def read(self, key: str, value: object) -> Any:
        """
        Return what ``value`` stands for.

        Raises:
            WrongError: If it is of another kind.
        """
        try:
            return self.made(value)
        except (ValueError, TypeError, AttributeError, OverflowError):
            raise WrongError(key, f"need {self.need}, got {shown(value)}") from None


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a step; one without a ``default`` must be there."""

    kind: Kind
    default: Any = ...

    @property
    def needed(self) -> bool:
        """Whether it must be there."""
        return self.default is ...


def shown(value: object) -> str:
    """Return the beginning of what was found, as a message has it."""
    try:
        return f"{value!r:.{_SHOWN}}"
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"


def one_of(ways: type[enum.Enum]) -> Kind:
    """Return the kind that names one of ``ways`` in small letters."""
    names = {one.name.lower(): one for one in ways}

    def made(value: Any) -> enum.Enum:
        return names[value] if value in names else _no()

    return Kind("one of " + ", ".join(names), made)


def _no() -> Any:
    raise ValueError


def _number(least: float, most: float) -> Callable[[Any], float]:
    def made(value: Any) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
        return float(value) if fits else _no()

    return made


def _whole(least: int, most: float) -> Callable[[Any], int]:
    return lambda value: value if type(value) is int and least <= value <= most else _no()


def _of(kind: type[Any]) -> Callable[[Any], Any]:
    return lambda value: value if type(value) is kind else _no()


def _short(most: int) -> Callable[[Any], str]:
    return lambda value: value if len(value.encode()) <= most else _no()


def _names(value: Any) -> Sequence[str]:
    fits = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
    return tuple(value) if fits else _no()


def _headers(value: Any) -> dict[str, str]:
    fits = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return dict(value) if fits else _no()


SECONDS: Final = Kind("seconds, 0 or more", _number(0, _LONGEST))
PERIOD: Final = Kind("seconds, at least 0.001", _number(0.001, _LONGEST))
COUNT: Final = Kind("a whole number above 0", _whole(1, math.inf))
FEW: Final = Kind("a whole number from 1 to 8000", _whole(1, 8000))
SPARED: Final = Kind("a whole number, 0 or more", _whole(0, math.inf))
CODE: Final = Kind("a close code from 1000 to 4999", _whole(1000, 4999))
STATUS: Final = Kind("an HTTP status from 200 to 599", _whole(200, 599))
TEXT: Final = Kind("text", _of(str))
REASON: Final = Kind("text of at most 123 bytes", _short(123))
PAYLOAD: Final = Kind("text of at most 125 bytes", _short(125))
FLAG: Final = Kind("true or false", _of(bool))
NAMES: Final = Kind("a list of names", _names)
HEADERS: Final = Kind("a table of texts", _headers)

TIMES: Final = {"count": Key(COUNT, ALWAYS), "after": Key(SPARED, 0)}
"""How often something strikes, and how often it spares before."""
