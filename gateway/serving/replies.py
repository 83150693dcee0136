"""How answers to requests are spelled."""

from collections.abc import Callable
from typing import Any

from gateway.engine.frames import text_frame
from gateway.engine.messages import encode
from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError

Fields = dict[str, Any]


class Reply:
    """
    The answers to one request.

    Args:
        method: the request's, where it could be read.
        req_id: the client's own number.
        wall_us: the time, in microseconds since 1970.
    """

    def __init__(self, method: str | None, req_id: int | None, wall_us: Callable[[], int]) -> None:
        self._head: Fields = {"method": method}
        if req_id is not None:
            self._head["req_id"] = req_id
        self._wall_us = wall_us
        self._time_in = wall_us()

    def success(self, **fields: Any) -> bytes:
        """Return a success."""
        return self._frame({"success": True, **fields})

    def refusal(self, error: SubscriptionError, topic: str | None = None) -> bytes:
        """Return an error, of the whole request unless ``topic`` is given."""
        about = {} if topic is None else {"topic": topic}
        told = {"code": error.code, "message": error.message, "temporary": error.temporary}
        return self._frame({"success": False, **about, "error": told})

    def subscribed(self, topic: Topic, *, recovered: bool | None) -> bytes:
        """Return the ack of ``topic``; ``recovered`` is :obj:`None` if no resume was asked for."""
        fields = state(topic)
        if recovered is not None:
            fields["recovered"] = recovered
        return self.success(**fields)

    def _frame(self, fields: Fields) -> bytes:
        times = {"time_in": self._time_in, "time_out": self._wall_us()}
        return text_frame(encode({**self._head, **fields, **times}))


def state(topic: Topic) -> Fields:
    """Return where ``topic`` stands; the offset is the last one published."""
    fields: Fields = {
        "topic": topic.name,
        "epoch": topic.epoch,
        "offset": topic.offset,
        "status": topic.status,
    }
    if topic.reason:
        fields["reason"] = topic.reason
    return fields
