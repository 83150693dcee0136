"""
What a recorder itself writes between the messages: answers, and what could not be heard.

While it has no connection each of its topics is ``disconnected``; afterwards it is ``restored``,
after a ``gap`` unless the gateway still had all that was missed.
"""

from collections import deque
from collections.abc import Iterator

from gateway.client.pending import Ack
from gateway.recording.spelling import NOT_RECORDED, message_line, recorder_line

Lines = Iterator[bytes]


class Notes:
    """Where each topic stands. Event-loop only."""

    def __init__(self) -> None:
        self.gaps = 0
        """How many were written."""
        self._answers: deque[Ack] = deque()
        self._heard: dict[str, None] = {}
        """The topics that are being recorded."""
        self._cut: set[str] = set()
        """Those that were when the connection was lost."""
        self._until = 0
        """When something was heard last."""

    def answered(self, ack: Ack) -> None:
        """An answer came: it is written before what comes of its topic."""
        self._answers.append(ack)

    def heard(self, at: int) -> None:
        """Something came."""
        self._until = at

    def answers(self) -> Lines:
        """Yield the answers that came since, and what they say of what was missed."""
        while self._answers:
            ack = self._answers.popleft()
            topic, at = ack["topic"], ack["at"]
            if not ack["success"]:
                yield from self._refused(ack)
                continue
            was_cut = topic in self._cut
            if was_cut:
                self._cut.discard(topic)
                yield recorder_line(at, topic=topic, status="restored", reason=NOT_RECORDED, ts=at)
            yield message_line(at, ack["text"].encode())
            if was_cut and not ack.get("recovered", False):
                yield self.gap(topic, at)
            self._heard[topic] = None

    def _refused(self, ack: Ack) -> Lines:
        at, topic, error = ack["at"], ack["topic"], ack["error"]
        yield message_line(at, ack["text"].encode())
        if topic in self._heard and not error["temporary"]:
            del self._heard[topic]
            self._cut.discard(topic)
            yield recorder_line(at, topic=topic, status="closed", reason=error["code"], ts=at)

    def gap(self, topic: str, at: int) -> bytes:
        """Return that something of ``topic`` is missing, between the two instants when something was heard."""
        self.gaps += 1
        return recorder_line(
            at,
            topic=topic,
            status="gap",
            reason=NOT_RECORDED,
            ts=at,
            from_ts=self._until or None,
            to_ts=at,
            recoverable=False,
        )

    def lost(self, at: int) -> Lines:
        """Yield that nothing is heard any more."""
        for topic in self._heard:
            if topic not in self._cut:
                self._cut.add(topic)
                yield recorder_line(at, topic=topic, status="disconnected", reason=NOT_RECORDED, ts=at)
