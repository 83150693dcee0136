"""
How a route is described: beside its handler, with the models of its requests and answers.

What a description does not say follows from the route itself: its scope, and the refusals that
every request can meet.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

JSON: Final = "application/json"
TEXT: Final = "text/plain"
MARK: Final = "__gateway_operation__"
"""The attribute of a handler that holds its description."""

H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a request may be answered with; without a ``status`` it is any that is not told of.

    ``model`` is a type that :mod:`msgspec` can describe; without one there is no body. ``also`` has
    the models of other media types of the same answer.
    """

    status: int | None
    text: str
    model: Any = None
    media: str = JSON
    also: Mapping[str, Any] = field(default_factory=dict)
    example: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    What one method at one path does.

    ``path`` and ``query`` have the types of parameters by their names, ``refusals`` the codes of
    problems that are this route's own, and ``wishes`` those with which a subscription is refused, with 422.
    ``headers`` are those of the request that mean something here. ``body`` is the model of the
    body, ``example`` shows one.
    """

    summary: str
    text: str = ""
    answers: Sequence[Answer]
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    refusals: Sequence[str] = ()
    wishes: Sequence[str] = ()
    example: Any = None


def described(operation: Operation) -> Callable[[H], H]:
    """Describe a handler; works on methods and on whatever else has attributes."""

    def mark(handler: H) -> H:
        setattr(handler, MARK, operation)
        return handler

    return mark


def operation_of(handler: object) -> Operation | None:
    """Return the description of ``handler``; nothing if it has none."""
    found = getattr(handler, MARK, None)
    return found if isinstance(found, Operation) else None
