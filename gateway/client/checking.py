"""What the client relies on in what a gateway sends; whoever sends anything else is none."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

FIELDS: Final[Mapping[str, type]] = {
    "topic": str,
    "type": str,
    "epoch": str,
    "offset": int,
    "first": int,
    "status": str,
    "ts": int,
    "recv": int,
}
SENSELESS: Final = (msgspec.MsgspecError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a message may end with that is none."""


def checked(message: object) -> dict[str, Any]:
    """
    Return ``message`` if it is an object whose fields, as far as they are there, are what they should be.

    Raises:
        TypeError: If it is not.
    """
    if not isinstance(message, dict):
        raise TypeError("a message is an object")
    for name, kind in FIELDS.items():
        if name in message and type(message[name]) is not kind:
            raise TypeError(f"{name} is no {kind.__name__}")
    return message


def check_subscribed(ack: Mapping[str, Any]) -> None:
    """
    Return if the answer says where the topic stands.

    Raises:
        LookupError: If something is missing.
    """
    for name in ("topic", "epoch", "offset"):
        if name not in ack:
            raise LookupError(f"{name} is missing")
