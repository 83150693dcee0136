"""
The requests of one epoch that wait for their answers, oldest first, and which of them an answer means.

A request stays until every stream in it is answered for. One whose deadline has
passed is remembered for a while, since a late answer is an answer too.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from gateway.spi.contract import Op, Request
from gateway.spi.events import Ack

LATE: Final = 256
"""How many overdue requests are remembered."""


@dataclass(slots=True, eq=False)
class Asked:
    """
    A request and what of it is unanswered; two alike are two.

    ``number`` grows with each request of the ledger's life. ``deadline`` is
    unknown until the request was really sent. ``repeated`` holds the streams
    that were in an unanswered request before.
    """

    request: Request
    number: int
    open: dict[str, None]
    repeated: frozenset[str] = frozenset()
    deadline: float | None = None


@dataclass(slots=True)
class Outstanding:
    """What one connection has asked and not been answered."""

    _number: int = 0
    _waiting: deque[Asked] = field(default_factory=deque)
    _overdue: deque[Asked] = field(default_factory=lambda: deque(maxlen=LATE))

    def clear(self) -> None:
        """A new epoch has asked nothing yet."""
        self._waiting.clear()
        self._overdue.clear()

    def add(self, request: Request, repeated: frozenset[str] = frozenset()) -> int:
        """Remember ``request`` and return its number."""
        self._number += 1
        self._waiting.append(Asked(request, self._number, dict.fromkeys(request.streams), repeated))
        return self._number

    def sent(self, request: Request, deadline: float) -> Asked | None:
        """``request`` is on its way; return what is known of it, if it still waits."""
        for asked in self._waiting:
            if asked.request is request:
                asked.deadline = deadline
                return asked
        return None

    def expired(self, now: float) -> Iterator[Asked]:
        """Yield those whose deadline has passed; from then on they are overdue."""
        while self._waiting and (deadline := self._waiting[0].deadline) is not None and deadline <= now:
            asked = self._waiting.popleft()
            self._overdue.append(asked)
            yield asked

    # --- which one is meant

    def meant_by(self, ack: Ack) -> Asked | None:
        """Return the request that ``ack`` answers as a whole."""
        if ack.id is not None:
            return self.by_id(ack.id)
        return self.covering(ack.rejected[0]) if ack.rejected else self.oldest()

    def by_id(self, request_id: int | str) -> Asked | None:
        """Return the request of that id."""
        return next((a for a in chain(self._waiting, self._overdue) if a.request.id == request_id), None)

    def oldest(self, op: Op | None = None) -> Asked | None:
        """Return the oldest one of ``op``, or of all, that can have been answered; overdue ones come last."""
        sent = (asked for asked in self._waiting if asked.deadline is not None)
        return next((a for a in chain(sent, self._overdue) if op is None or a.request.op == op), None)

    def covering(self, stream: str) -> Asked | None:
        """Return the oldest one that waits for a word about ``stream``, overdue ones first."""
        sent = (asked for asked in self._waiting if asked.deadline is not None)
        return next((asked for asked in chain(self._overdue, sent) if stream in asked.open), None)

    def waits_for_ack(self, stream: str) -> bool:
        """Whether a request within its time is to be acknowledged for ``stream``."""
        return any(stream in asked.open and asked.request.settles == "ack" for asked in self._waiting)

    def is_given_up(self, stream: str) -> bool:
        """Whether an unsubscription of ``stream`` within its time is unanswered."""
        return any(stream in asked.open and asked.request.op == "unsubscribe" for asked in self._waiting)

    # --- what is answered

    def drop(self, asked: Asked) -> None:
        """Expect no answer to ``asked`` any more."""
        for requests in (self._waiting, self._overdue):
            if asked in requests:
                requests.remove(asked)

    def answered(self, asked: Asked, streams: Iterable[str]) -> None:
        """``asked`` was answered for ``streams``; it goes on waiting for a word about the others."""
        for stream in streams:
            del asked.open[stream]
            if asked.request.op == "unsubscribe":
                self._forget(stream, asked.number)
        if not asked.open:
            self.drop(asked)

    def subscribed(self, stream: str) -> None:
        """``stream`` is served: no request that asks for it need be answered about it."""
        self._forget(stream, self._number, "subscribe")

    def _forget(self, stream: str, until: int, op: Op | None = None) -> None:
        for asked in (*self._overdue, *self._waiting):
            if stream in asked.open and asked.number <= until and op in {None, asked.request.op}:
                del asked.open[stream]
                if not asked.open:
                    self.drop(asked)
