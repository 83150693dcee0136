"""
What one connection's exchange was asked for and what it answered, stream by stream.

The ledger stores wishes, never frames: whoever sends asks it what is due, builds
the requests afresh and reports back. A wish is in exactly one state, and only an
answer of the present epoch confirms it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Final

from gateway.errors import Reason
from gateway.spi.contract import Action, Op, Request
from gateway.spi.events import Ack, Nack

ACK_TIMEOUT: Final = 5.0
ASKED_AGAIN: Final = 1
"""How often an unanswered request is repeated before its streams are given up by name."""
REFUSALS: Final = 3
"""How often a stream may be refused with the promise that asking again can help."""
ANEW: Final = 30.0
"""Seconds after which a stream that nobody answered for is asked for anew."""
_LATE: Final = 256


class StreamState(StrEnum):
    """Where a wanted stream stands in this epoch."""

    WANTED = auto()
    PENDING = auto()
    CONFIRMED = auto()
    REFUSED = auto()


@dataclass(slots=True)
class Entry:
    """One wanted stream; ``again_at`` is when a refused one is asked for again, if ever."""

    stream: str
    count: int = 1
    state: StreamState = StreamState.WANTED
    reason: str = ""
    unanswered: int = 0
    refusals: int = 0
    again_at: float | None = None


@dataclass(slots=True)
class _Asked:
    request: Request
    deadline: float | None = None
    """Unknown until the request was really sent."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What an answer, or its absence, decided: streams confirmed, and streams refused with their reasons."""

    confirmed: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


NOTHING: Final = Settled()


@dataclass(slots=True)
class StreamLedger:
    """
    The wishes of one connection, in the order in which they were asked for.

    Event-loop only. ``now`` is monotonic seconds.
    """

    ack_timeout: float = ACK_TIMEOUT
    late: int = 0
    """Answers that settled nothing, ever."""
    _entries: dict[str, Entry] = field(default_factory=dict)
    _leaving: dict[str, None] = field(default_factory=dict)
    _parts: deque[tuple[str, ...]] = field(default_factory=deque)
    _asked: deque[_Asked] = field(default_factory=deque)
    _overdue: deque[Request] = field(default_factory=lambda: deque(maxlen=_LATE))
    _plan: set[str] = field(default_factory=set)

    # --- wishes

    def want(self, stream: str) -> bool:
        """Count one more wish for ``stream``; true if it must be asked for now."""
        entry = self._entries.get(stream)
        if entry is None:
            self._entries[stream] = Entry(stream)
            return True
        entry.count += 1
        if entry.state is StreamState.REFUSED:
            self._renew(entry)
            return True
        return False

    def release(self, stream: str) -> bool:
        """Count one wish less; true if nobody wants ``stream`` any more. Harmless if nobody did."""
        entry = self._entries.get(stream)
        if entry is None:
            return False
        entry.count -= 1
        if entry.count > 0:
            return False
        del self._entries[stream]
        self._plan.discard(stream)
        if entry.state in {StreamState.PENDING, StreamState.CONFIRMED}:
            self._leaving[stream] = None
        return True

    def entry(self, stream: str) -> Entry | None:
        """Return the entry of a wanted stream."""
        return self._entries.get(stream)

    def streams(self) -> tuple[str, ...]:
        """Return every wanted stream, in the order of the wishes."""
        return tuple(self._entries)

    def count(self, state: StreamState) -> int:
        """Return how many streams are in ``state``."""
        return sum(entry.state is state for entry in self._entries.values())

    # --- epochs

    def begin_epoch(self) -> tuple[str, ...]:
        """A new connection knows of nothing: return every wanted stream, all planned to be restored."""
        self._leaving.clear()
        self._parts.clear()
        self._asked.clear()
        self._overdue.clear()
        for entry in self._entries.values():
            self._renew(entry)
        self._plan = set(self._entries)
        return self.streams()

    @property
    def plan_settled(self) -> bool:
        """Whether every stream planned at login is confirmed, refused by name or timed out by name."""
        return not self._plan

    # --- what is to be asked

    def due(self, now: float) -> list[tuple[str, ...]]:
        """Return the groups of streams to ask for now; each becomes requests of its own."""
        for entry in self._entries.values():
            if entry.again_at is not None and entry.again_at <= now:
                entry.state, entry.again_at = StreamState.WANTED, None
        parts = [self._still_wanted(part) for part in self._parts]
        self._parts.clear()
        apart = {stream for part in parts for stream in part}
        rest = tuple(s for s, e in self._entries.items() if e.state is StreamState.WANTED and s not in apart)
        return [part for part in (*parts, rest) if part]

    def _still_wanted(self, part: Iterable[str]) -> tuple[str, ...]:
        return tuple(s for s in part if (e := self._entries.get(s)) and e.state is StreamState.WANTED)

    def leaving(self) -> tuple[str, ...]:
        """Return the streams to give up now; whoever is asked for again at once is given up first."""
        return tuple(self._leaving)

    def submitted(self, requests: Sequence[Request]) -> None:
        """``requests`` wait to be sent: what they ask for is outstanding from here on."""
        for request in requests:
            if request.op == "other":
                continue
            self._asked.append(_Asked(request))
            for stream in request.streams:
                if request.op == "unsubscribe":
                    self._leaving.pop(stream, None)
                elif entry := self._entries.get(stream):
                    entry.state = StreamState.PENDING

    def sent(self, request: Request, now: float) -> Settled:
        """``request`` is on its way: its deadline begins, or it is settled."""
        for asked in self._asked:
            if asked.request is request:
                asked.deadline = now + self.ack_timeout
                if request.settles != "sent":
                    return NOTHING
                self._asked.remove(asked)
                return self._confirm(request.streams)
        return NOTHING

    # --- what was answered

    def ack(self, ack: Ack) -> Settled:
        """Settle what ``ack`` answers."""
        if ack.state is not None:
            return self._confirm(ack.state)
        request = self._answered(ack.id, None)
        if request is None:
            named = self._confirm(ack.accepted or ()) if ack.id is None else NOTHING
            self.late += not named.confirmed
            return named
        if request.op != "subscribe":
            return NOTHING
        refused = self._refuse(ack.rejected, Reason.STREAM_REFUSED, again_at=None)
        accepted = request.streams if ack.accepted is None else ack.accepted
        confirmed = self._confirm(stream for stream in accepted if stream not in ack.rejected)
        return Settled(confirmed.confirmed, refused.refused)

    def nack(self, nack: Nack, now: float) -> Settled:
        """
        Settle what ``nack`` refuses.

        A refusal of several streams at once does not say which is wrong: they
        are asked for again in halves, until the wrong one stands alone.
        """
        request = self._answered(nack.id, nack.op)
        if request is None:
            self.late += 1
            return NOTHING
        if request.op != "subscribe":
            return NOTHING
        streams = tuple(s for s in request.streams if s in self._entries)
        if len(streams) > 1:
            half = len(streams) // 2
            self._parts += (streams[:half], streams[half:])
            for stream in streams:
                self._entries[stream].state = StreamState.WANTED
            return NOTHING
        verdict = nack.verdict
        again = None if verdict.action is Action.STOP else now + max(1.0, verdict.after or 0.0)
        return self._refuse(streams, verdict.text or Reason.STREAM_REFUSED, again_at=again)

    def datum(self, stream: str) -> Settled:
        """``stream`` delivers: that settles a request which waits for data, and one that nobody answered."""
        entry = self._entries.get(stream)
        if entry is None or entry.state is StreamState.CONFIRMED:
            return NOTHING
        waits_for_ack = any(
            stream in asked.request.streams and asked.request.settles == "ack" for asked in self._asked
        )
        return NOTHING if waits_for_ack else self._confirm((stream,))

    def revoked(self, stream: str, reason: str, *, again: bool) -> Settled:
        """The exchange ended ``stream`` by itself."""
        entry = self._entries.get(stream)
        if entry is None:
            return NOTHING
        if again:
            self._renew(entry)
            return NOTHING
        return self._refuse((stream,), reason, again_at=None)

    def ask_again(self, stream: str) -> None:
        """Have ``stream`` given up and asked for anew."""
        if entry := self._entries.get(stream):
            self._leaving[stream] = None
            self._renew(entry)

    def overdue(self, now: float) -> Settled:
        """Have unanswered requests asked again, once; then give their streams up by name."""
        refused: list[tuple[str, str]] = []
        while self._asked and (deadline := self._asked[0].deadline) is not None and deadline <= now:
            request = self._asked.popleft().request
            self._overdue.append(request)
            refused += self._unanswered(request, now)
        return Settled(refused=tuple(refused))

    def _unanswered(self, request: Request, now: float) -> list[tuple[str, str]]:
        refused: list[tuple[str, str]] = []
        for stream in request.streams:
            entry = self._entries.get(stream)
            if request.op == "unsubscribe" or entry is None or entry.state is not StreamState.PENDING:
                continue
            entry.unanswered += 1
            entry.state = StreamState.WANTED
            if entry.unanswered > ASKED_AGAIN:
                entry.unanswered = 0
                refused += self._refuse((stream,), Reason.ACK_MISSED, again_at=now + ANEW).refused
        return refused

    def _answered(self, request_id: int | str | None, op: Op | None) -> Request | None:
        """Find the request and take it out; one that is overdue may still be answered."""
        for asked in self._asked:
            request = asked.request
            if (request.op == op or op is None) if request_id is None else request.id == request_id:
                self._asked.remove(asked)
                return request
        for request in self._overdue:
            if request_id is not None and request.id == request_id:
                self._overdue.remove(request)
                return request
        return None

    def _confirm(self, streams: Iterable[str]) -> Settled:
        confirmed = []
        for stream in streams:
            entry = self._entries.get(stream)
            if entry is not None and entry.state is not StreamState.CONFIRMED:
                entry.state, entry.reason, entry.again_at = StreamState.CONFIRMED, "", None
                entry.unanswered = entry.refusals = 0
                confirmed.append(stream)
            self._plan.discard(stream)
        return Settled(confirmed=tuple(confirmed))

    def _refuse(self, streams: Iterable[str], reason: str, *, again_at: float | None) -> Settled:
        refused = []
        for stream in streams:
            entry = self._entries.get(stream)
            if entry is None:
                continue
            entry.state, entry.reason = StreamState.REFUSED, reason
            entry.refusals += reason != Reason.ACK_MISSED
            entry.again_at = again_at if entry.refusals < REFUSALS else None
            self._plan.discard(stream)
            refused.append((stream, str(reason)))
        return Settled(refused=tuple(refused))

    @staticmethod
    def _renew(entry: Entry) -> None:
        entry.state, entry.reason, entry.again_at = StreamState.WANTED, "", None
        entry.unanswered = entry.refusals = 0
