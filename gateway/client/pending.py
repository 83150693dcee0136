"""Requests that wait for their answers."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.errors import SubscriptionError

Ack = dict[str, Any]


class Pending:
    """
    One request: as many answers as it names topics, or one that refuses it as a whole.

    Args:
        expected: how many answers will come.
        seen: called for each answer with its place, before any message that follows it.
    """

    def __init__(self, expected: int, seen: Callable[[int, Ack], None] | None = None) -> None:
        self.answered: asyncio.Future[list[Ack]] = asyncio.get_running_loop().create_future()
        self._acks: list[Ack] = []
        self._expected = expected
        self._seen = seen

    def answer(self, ack: Ack) -> bool:
        """Take an answer; true if it was the last. A LookupError or TypeError says that it is none."""
        if self.answered.done():
            return True
        refused = None if ack["success"] else refusal(ack)
        if refused is not None and "topic" not in ack:
            self.answered.set_exception(refused)
            return True
        if self._seen is not None:
            self._seen(len(self._acks), ack)
        self._acks.append(ack)
        if len(self._acks) < self._expected:
            return False
        self.answered.set_result(self._acks)
        return True

    def fail(self, error: Exception) -> None:
        """No answer will come."""
        if not self.answered.done():
            self.answered.set_exception(error)
            self.answered.exception()  # whoever asked may have left already


def refusal(ack: Ack) -> SubscriptionError:
    """
    Return what a negative answer says.

    Raises:
        LookupError: If it does not say why.
        TypeError: If that is no text.
    """
    error = ack["error"]
    code, message = error["code"], error["message"]
    if not (isinstance(code, str) and isinstance(message, str)):
        raise TypeError("an error has a code and a message")
    return SubscriptionError(code, message, temporary=bool(error["temporary"]))
