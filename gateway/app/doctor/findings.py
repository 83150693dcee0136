"""What a check says: that all is well, that something could be better, or what is wrong; and what to do."""

from dataclasses import dataclass
from enum import StrEnum, auto


class Verdict(StrEnum):
    """How bad it is."""

    OK = auto()
    ADVICE = auto()
    WRONG = auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and unless all is well another that says what to do; nothing of a secret is in either."""

    verdict: Verdict
    text: str
    todo: str = ""
    check: str = ""


def well(text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Verdict.OK, text)


def advice(text: str, todo: str) -> Finding:
    """Return that something could be better."""
    return Finding(Verdict.ADVICE, text, todo)


def wrong(text: str, todo: str) -> Finding:
    """Return that something is wrong."""
    return Finding(Verdict.WRONG, text, todo)
