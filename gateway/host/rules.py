"""
What the fields of a plugin's values must be, field by field.

Types are not enough: a plugin need not have been checked by any, and a number
can stop a timer or make it run without end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, TypeGuard, get_args

from gateway.errors import Reason
from gateway.spi.contract import Action, Keepalive, Op, Rhythm, Scope, Settles
from gateway.spi.steps import Fetch

_POOLS: Final = (Scope.CONNECTION, Scope.ACCOUNT, Scope.IP)
Good = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """``field`` must be ``need``; ``good`` tells whether it is."""

    field: str
    good: Good
    need: str


def broken(value: object, rules: Sequence[Rule]) -> Iterator[str]:
    """Yield the rules that ``value`` breaks, each as the end of a sentence."""
    return (f"{rule.field} must be {rule.need}" for rule in rules if not rule.good(getattr(value, rule.field)))


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is a finite number, and not too large to reckon with."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:
        return False


def is_seconds(value: object) -> TypeGuard[float]:
    """Whether ``value`` is a finite number above 0."""
    return is_number(value) and value > 0


def is_count(value: object) -> bool:
    """Whether ``value`` is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_name(value: object) -> bool:
    """Whether ``value`` is text, and not empty."""
    return isinstance(value, str) and bool(value)


def are_names(values: Any) -> bool:
    """Whether ``values`` is a tuple of names."""
    return isinstance(values, tuple) and all(is_name(one) for one in values)


def is_status(value: object) -> bool:
    """Whether ``value`` is a status that an answer of HTTP may have."""
    return type(value) is int and value in range(200, 600)


def _is(*kinds: type) -> Good:
    return lambda value: isinstance(value, kinds)


def _all(kind: type[Any], one: type) -> Good:
    return lambda values: isinstance(values, kind) and all(isinstance(value, one) for value in values)


def _or_none(good: Good) -> Good:
    return lambda value: value is None or good(value)


def _are_variants(values: Any) -> bool:
    return isinstance(values, frozenset) and bool(values) and all(one is None or is_name(one) for one in values)


ENDPOINT: Final = (
    Rule("urls", _is(Mapping), "a mapping of environments to URLs"),
    Rule("max_age", _or_none(is_seconds), "seconds above 0 or None"),
    Rule("max_streams", _or_none(is_count), "a whole number above 0 or None"),
    Rule("first_subscribe_within", _or_none(is_seconds), "seconds above 0 or None"),
    Rule("max_frame", is_count, "a whole number of bytes above 0"),
)
LIMIT: Final = (
    Rule("count", is_count, "a whole number above 0"),
    Rule("per", is_seconds, "seconds above 0"),
    Rule("scope", lambda value: value in _POOLS, "CONNECTION, ACCOUNT or IP"),
    Rule("usage_header", _or_none(lambda name: is_name(name) and name == name.lower()), "in lower case or None"),
)
CHANNEL: Final = (
    Rule("variants", _are_variants, "a frozenset of names and None, not empty"),
    Rule("rhythm", _is(Rhythm), "a Rhythm"),
)
SESSION: Final = (
    Rule("heartbeat_interval", _or_none(is_seconds), "seconds above 0 or None"),
    Rule("heartbeat_timeout", _or_none(is_seconds), "seconds above 0 or None"),
    Rule("keepalives", _all(tuple, Keepalive), "a tuple of Keepalive"),
    Rule("expires_in", _or_none(is_seconds), "seconds above 0 or None"),
    Rule("release", _or_none(_is(Fetch)), "a Fetch or None"),
    Rule("early", _all(tuple, bytes), "a tuple of bytes"),
    Rule("details", _is(Mapping), "a mapping"),
)
KEEPALIVE: Final = (
    Rule("every", is_seconds, "seconds above 0"),
    Rule("make", callable, "a function"),
    Rule("judge", _or_none(callable), "a function or None"),
    Rule("lasts", _or_none(is_seconds), "seconds above 0 or None"),
)
REQUEST: Final = (
    Rule("frame", _is(str, bytes), "text or bytes"),
    Rule("streams", are_names, "a tuple of names"),
    Rule("op", lambda value: value in get_args(Op), f"one of {', '.join(get_args(Op))}"),
    Rule("id", _or_none(_is(int, str)), "a number, text or None"),
    Rule("settles", lambda value: value in get_args(Settles), f"one of {', '.join(get_args(Settles))}"),
    Rule("cost", _is(Mapping), "a mapping of limits to units"),
)
VERDICT: Final = (
    Rule("action", _is(Action), "an Action"),
    Rule("scope", _is(Scope), "a Scope"),
    Rule("after", _or_none(is_number), "seconds or None"),
    Rule("until_us", _or_none(is_number), "microseconds or None"),
    Rule("reason", _or_none(_is(Reason)), "a Reason or None"),
    Rule("text", _is(str), "text"),
)
RIGHTS: Final = tuple(
    Rule(name, _or_none(_is(bool)), "a truth value or None") for name in ("trading", "withdrawal", "address_bound")
)
HTTP_REPLY: Final = (
    Rule("status", is_status, "a status from 200 to 599"),
    Rule("headers", _is(Mapping), "a mapping"),
    Rule("body", _is(bytes), "bytes"),
)
NATIVE_GREETING: Final = (
    Rule("shape", is_name, "text, not empty"),
    Rule("streams", are_names, "a tuple of names"),
)
NATIVE_TURN: Final = (
    Rule("subscribe", are_names, "a tuple of names"),
    Rule("unsubscribe", are_names, "a tuple of names"),
    Rule("shape", _or_none(is_name), "text, not empty, or None"),
    Rule("reply", _or_none(_is(str)), "text or None"),
    Rule("is_wrong", _is(bool), "a truth value"),
)
NATIVE_FETCH: Final = (Rule("keep", lambda value: is_number(value) and value >= 0, "seconds, 0 or more"),)
NATIVE_BOOK: Final = (
    Rule("stream", is_name, "a name"),
    Rule("levels", is_count, "a whole number above 0"),
    Rule("render", callable, "a function"),
)
