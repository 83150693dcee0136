"""Examples for the documents; those of messages are docs/protocol.md's, which a test compares with these."""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct


class Examples(Struct, frozen=True, forbid_unknown_fields=True):
    """
    What ``examples.json`` has.

    ``messages`` are called as on the page, ``parameters`` by the group of a path and their name,
    ``bodies`` by the operation.
    """

    messages: dict[str, dict[str, Any]]
    parameters: dict[str, str]
    bodies: dict[str, Any]


@cache
def examples() -> Examples:
    """Return all of them."""
    text = (files("gateway.serving.documents") / "examples.json").read_bytes()
    return msgspec.json.decode(text, type=Examples)
