"""Scenarios as small TOML files: how they are read, and what is told of a wrong one."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.testing.kinds import PERIOD, SECONDS, TEXT, Key, WrongError, shown
from gateway.testing.scenario import Scenario, Step
from gateway.testing.words import WORDS, Word

_WHEN: Final = {"at": Key(SECONDS), "every": Key(PERIOD, None), "until": Key(SECONDS, None)}
_LASTS: Final = {"for": Key(PERIOD, None)}
_TOP: Final = ("about", "steps")
_SHOWN: Final = 100
"""Characters of a key that are told back."""
Words = Mapping[str, Word]
NONE: Final[Words] = {}
"""The own words of a venue that has none."""


class ScenarioError(GatewayError, ValueError):
    """A scenario cannot be played; the message names the file, the step (from 1) and the key."""


def load(path: Path, own: Words = NONE) -> Scenario:
    """
    Return the scenario in a file; ``own`` are the venue's own words.

    Raises:
        OSError: If it cannot be read.
        ScenarioError: If it cannot be played.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: need UTF-8 text") from None
    return read(text, str(path), own)


def read(text: str, name: str = "scenario", own: Words = NONE) -> Scenario:
    """
    Return the scenario that ``text`` is; ``name`` is what errors call it.

    Raises:
        ScenarioError: If it cannot be played.
    """
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ScenarioError(f"{name}: {exc}") from None
    return build(found, name, own)


def build(found: Mapping[str, Any], name: str, own: Words = NONE) -> Scenario:
    """
    Return the scenario that a file has, once it is read.

    Raises:
        ScenarioError: If it cannot be played.
    """
    for key in found:
        if key not in _TOP:
            raise ScenarioError(f"{name}: {key[:_SHOWN]}: there is no such key; there are: {', '.join(_TOP)}")
    about, steps = found.get("about", ""), found.get("steps")
    if not isinstance(about, str):
        raise ScenarioError(f"{name}: about: need {TEXT.need}, got {shown(about)}")
    if not (isinstance(steps, list) and steps and all(isinstance(one, dict) for one in steps)):
        raise ScenarioError(f"{name}: steps: need a list of tables, each under [[steps]]")
    read_steps = (_step(one, f"{name}: step {number}", own) for number, one in enumerate(steps, 1))
    return Scenario(tuple(read_steps), about)


def _step(given: Mapping[str, Any], place: str, own: Words) -> Step:
    try:
        do, word = _word(given.get("do"), own)
        values = _values(given, {**_WHEN, **(_LASTS if word.heal else {}), **word.keys}, do)
        when = {"at": values.pop("at"), "every": values.pop("every"), "until": values.pop("until")}
        step = Step(do, values, **when, lasts=values.pop("for", None), own=own.get(do))
        _check(step)
    except WrongError as wrong:
        raise ScenarioError(f"{place}: {wrong}") from None
    return step


def _word(do: object, own: Words) -> tuple[str, Word]:
    words = {**WORDS, **own}
    if isinstance(do, str) and do in words:
        return do, words[do]
    if do is None:
        raise WrongError("do", "it must be there")
    close = difflib.get_close_matches(shown(do).strip("'"), words, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(words)}"
    raise WrongError("do", f"there is no {shown(do)}; {hint}")


def _values(given: Mapping[str, Any], keys: Mapping[str, Key], do: str) -> dict[str, Any]:
    for key in given:
        if key != "do" and key not in keys:
            raise WrongError(key[:_SHOWN], f"{do} has no such key; it has: {', '.join(keys)}")
    for key, one in keys.items():
        if one.needed and key not in given:
            raise WrongError(key, f"{do} needs it")
    return {key: one.kind.read(key, given[key]) if key in given else one.default for key, one in keys.items()}


def _check(step: Step) -> None:
    if step.until is not None and step.every is None:
        raise WrongError("until", "has no sense without every")
    if step.lasts is not None and step.every is not None and step.lasts > step.every:
        raise WrongError("for", f"need at most every, which is {step.every:g}, got {step.lasts:g}")
    if step.until is not None and step.until < step.at:
        raise WrongError("until", f"need at least at, which is {step.at:g}, got {step.until:g}")
