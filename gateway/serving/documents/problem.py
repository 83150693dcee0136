"""The model of a problem document (RFC 9457)."""

from typing import Annotated

from msgspec import Meta, Struct


class Problem(Struct, frozen=True, omit_defaults=True):
    """
    Why a request was refused. ``code`` is for programs, ``detail`` for people.

    Some have more: ``problems`` of what is not ready, ``key`` of what is wrong in the configuration.
    """

    title: Annotated[str, Meta(examples=["Not Found"])]
    status: Annotated[int, Meta(examples=[404])]
    code: Annotated[str, Meta(examples=["unknown_connection"])]
    detail: str
    type: str = "about:blank"
    problems: list[str] | None = None
    key: str | None = None
