"""
What one connection's exchange was asked for and what it answered, stream by stream.

The ledger stores wishes, never frames: whoever sends asks it what is due, builds
the requests afresh and reports back. A wish is in exactly one state, and only an
answer to what was asked for that wish, in the present epoch, confirms it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.engine.leaving import Leaving, halves
from gateway.engine.outstanding import Asked, Outstanding
from gateway.engine.wanted import Wanted
from gateway.engine.wishes import NOTHING, Entry, Settled, StreamState, together
from gateway.errors import Reason
from gateway.spi.contract import Action, Request
from gateway.spi.events import Ack, Nack

__all__ = ["Entry", "Settled", "StreamLedger", "StreamState"]
ACK_TIMEOUT: Final = 5.0
ASKED_AGAIN: Final = 1
"""How often an unanswered request is repeated before its streams are given up by name."""
ANEW: Final = 30.0
"""Seconds after which a stream that nobody answered for is asked for anew."""


@dataclass(slots=True)
class StreamLedger:
    """
    The wishes of one connection, in the order in which they were asked for.

    Event-loop only. ``now`` is monotonic seconds.
    """

    ack_timeout: float = ACK_TIMEOUT
    late: int = 0
    """Answers that were to no request, ever."""
    _wanted: Wanted = field(default_factory=Wanted)
    _leaving: Leaving = field(default_factory=Leaving)
    _parts: deque[tuple[str, ...]] = field(default_factory=deque)
    _outstanding: Outstanding = field(default_factory=Outstanding)

    # --- wishes

    def want(self, stream: str) -> bool:
        """Count one more wish for ``stream``; true if it must be asked for now."""
        entry = self._wanted.get(stream)
        if entry is not None:
            return entry.more()
        self._wanted.add(stream, left_over=self._leaving.stay(stream))
        return True

    def release(self, stream: str) -> bool:
        """Count one wish less; true if nobody wants ``stream`` any more. Harmless if nobody did."""
        entry = self._wanted.get(stream)
        if entry is None:
            return False
        entry.count -= 1
        if entry.count > 0:
            return False
        self._wanted.remove(stream)
        if entry.served or entry.left_over:
            self._leaving.add(stream)
        return True

    def is_still_served(self, stream: str) -> bool:
        """``stream`` goes on coming: have it given up once more; false if it never was, or is anyway."""
        return (
            stream not in self._wanted
            and not self._outstanding.is_given_up(stream)
            and self._leaving.add_again(stream)
        )

    def entry(self, stream: str) -> Entry | None:
        """Return the entry of a wanted stream."""
        return self._wanted.get(stream)

    def streams(self) -> tuple[str, ...]:
        """Return every wanted stream, in the order of the wishes."""
        return tuple(self._wanted)

    def count(self, state: StreamState) -> int:
        """Return how many streams are in ``state``."""
        return self._wanted.count(state)

    # --- epochs

    def twin(self) -> "StreamLedger":
        """Return a ledger of the same wishes, for a second connection that was asked for nothing yet."""
        return StreamLedger(self.ack_timeout, _wanted=self._wanted.twin())

    def begin_epoch(self) -> tuple[str, ...]:
        """A new connection knows of nothing: return every wanted stream, all planned to be restored."""
        for leftovers in (self._leaving, self._parts, self._outstanding):
            leftovers.clear()
        self._wanted.begin_epoch()
        return self.streams()

    @property
    def plan_settled(self) -> bool:
        """Whether every stream planned at login is confirmed, refused by name or timed out by name."""
        return self._wanted.plan_settled

    # --- what is to be asked

    def due(self, now: float) -> list[tuple[str, ...]]:
        """Return the groups of streams to ask for now, once what :meth:`leaving` returned was submitted."""
        self._leaving.wake(now)
        wanted = self._wanted.due(now)
        ready = dict.fromkeys((stream for stream in wanted if stream not in self._leaving), True)
        parts = [tuple(stream for stream in part if ready.pop(stream, False)) for part in self._parts]
        self._parts.clear()
        return [part for part in (*parts, tuple(ready)) if part]

    def leaving(self) -> tuple[str, ...]:
        """
        Return the streams to give up now; whoever is asked for again at once is given up first.

        Those whose unsubscription was refused come in parts, one a call.
        """
        return self._leaving.due()

    def submitted(self, requests: Sequence[Request]) -> None:
        """``requests`` wait to be sent: what they ask for is outstanding from here on."""
        for request in requests:
            if request.op == "subscribe":
                number = self._outstanding.add(request)
                for stream in request.streams:
                    if entry := self._wanted.get(stream):
                        entry.asked_for(number)
            elif request.op == "unsubscribe":
                self._outstanding.add(request, self._leaving.submitted(request.streams))

    def sent(self, request: Request, now: float) -> Settled:
        """``request`` is on its way: its deadline begins, or it is settled."""
        asked = self._outstanding.sent(request, now + self.ack_timeout)
        if asked is None or request.settles != "sent":
            return NOTHING
        return self._settle(asked)

    # --- what was answered

    def ack(self, ack: Ack) -> Settled:
        """Settle what ``ack`` answers; what it does not name goes on waiting."""
        if ack.state is not None:
            return self._listed(ack.id, frozenset(ack.state))
        if ack.id is None and ack.accepted is not None:
            return together([self._named(s, ack.rejected) for s in dict.fromkeys(ack.accepted + ack.rejected)])
        accepted = None if ack.accepted is None else frozenset(ack.accepted)
        return self._settle(self._outstanding.meant_by(ack), accepted, frozenset(ack.rejected))

    def _named(self, stream: str, rejected: tuple[str, ...]) -> Settled:
        """Take an answer that says which stream it is about, but not which request."""
        one = frozenset({stream})
        return self._settle(self._outstanding.covering(stream), one, one.intersection(rejected))

    def _listed(self, request_id: int | str | None, listed: frozenset[str]) -> Settled:
        """Take the exchange's complete list; what the answered request asked for in vain is refused."""
        if request_id is None:
            asked = self._outstanding.oldest("unsubscribe")
            if asked is not None and asked.open.keys().isdisjoint(listed):
                self._settle(asked)
            return self._confirm(s for s in self._wanted if s in listed and not self._outstanding.is_given_up(s))
        asked = self._outstanding.by_id(request_id)
        settled = self._settle(asked, None, frozenset() if asked is None else frozenset(asked.open) - listed)
        number = 0 if asked is None else asked.number
        return together([settled, self._confirm([s for s in self._wanted if s in listed], number)])

    def _settle(
        self, asked: Asked | None, accepted: frozenset[str] | None = None, rejected: frozenset[str] = frozenset()
    ) -> Settled:
        """``asked`` is answered for those of its streams that are named; all are, where none is."""
        if asked is None:
            self.late += 1
            return NOTHING
        named = [s for s in asked.open if accepted is None or s in accepted or s in rejected]
        self._outstanding.answered(asked, named)
        if asked.request.op == "unsubscribe":
            return NOTHING
        wrong = [
            s for s in named if s in rejected and (e := self._wanted.get(s)) and e.is_answered_by(asked.number)
        ]
        refused = self._refuse(wrong, Reason.STREAM_REFUSED, again_at=None)
        return together([refused, self._confirm([s for s in named if s not in rejected], asked.number)])

    def nack(self, nack: Nack, now: float) -> Settled:
        """
        Settle what ``nack`` refuses.

        A refusal of several streams at once does not say which is wrong: they
        are asked for again in halves, until the wrong one stands alone.
        """
        asked = self._outstanding.oldest(nack.op) if nack.id is None else self._outstanding.by_id(nack.id)
        if asked is None:
            self.late += 1
            return NOTHING
        self._outstanding.drop(asked)
        verdict = nack.verdict
        again_at = None if verdict.action is Action.STOP else now + max(1.0, verdict.after or 0.0)
        if asked.request.op == "unsubscribe":
            self._leaving.refused(asked, self._wanted, again_at)
            return self._not_given_up(asked)
        streams = self._last_asked_by(asked)
        if len(asked.request.streams) == 1:
            return self._refuse(streams, verdict.text or Reason.STREAM_REFUSED, again_at=again_at)
        self._parts += halves(streams)
        for stream in streams:
            self._wanted[stream].state = StreamState.WANTED
            self._wanted[stream].turned_down()
        return NOTHING

    def _not_given_up(self, asked: Asked) -> Settled:
        """What is wanted again may be served from before."""
        for stream in asked.open:
            if entry := self._wanted.get(stream):
                entry.left_over = True
        return NOTHING

    def _last_asked_by(self, asked: Asked) -> tuple[str, ...]:
        return tuple(s for s in asked.open if (e := self._wanted.get(s)) and e.last == asked.number)

    def datum(self, stream: str) -> Settled:
        """
        ``stream`` delivers: that settles a request which waits for data, and one that nobody answered.

        To be told until the stream is confirmed: what comes before it was given up does not count.
        """
        entry = self._wanted.get(stream)
        if entry is None or not entry.first or self._outstanding.is_given_up(stream):
            return NOTHING
        entry.heard = True
        return NOTHING if self._outstanding.waits_for_ack(stream) else self._confirm((stream,))

    def revoked(self, stream: str, reason: str, *, again: bool) -> Settled:
        """The exchange ended ``stream`` by itself."""
        entry = self._wanted.get(stream)
        if entry is None:
            return NOTHING
        entry.start_afresh()
        return NOTHING if again else self._refuse((stream,), reason, again_at=None)

    def is_given_up(self, stream: str) -> bool:
        """Whether ``stream`` is being given up: what comes of it still was asked for before."""
        return stream in self._leaving or self._outstanding.is_given_up(stream)

    def ask_again(self, stream: str) -> None:
        """Have ``stream`` given up and asked for anew."""
        if entry := self._wanted.get(stream):
            self._leaving.add(stream)
            entry.start_afresh()

    def overdue(self, now: float) -> Settled:
        """Have unanswered requests asked again, once; then give their streams up by name."""
        return together([self._unanswered(asked, now) for asked in self._outstanding.expired(now)])

    def _unanswered(self, asked: Asked, now: float) -> Settled:
        if asked.request.op == "unsubscribe":
            self._leaving.unanswered(asked, self._wanted)
            return self._not_given_up(asked)
        settled = []
        for stream in self._last_asked_by(asked):
            entry = self._wanted[stream]
            entry.unanswered += 1
            entry.state = StreamState.WANTED
            if entry.unanswered <= ASKED_AGAIN:
                continue
            if entry.heard:
                settled.append(self._confirm((stream,)))
            else:
                entry.unanswered = 0
                settled.append(self._refuse((stream,), Reason.ACK_MISSED, again_at=now + ANEW))
        return together(settled)

    def _confirm(self, streams: Iterable[str], number: int | None = None) -> Settled:
        """Confirm ``streams`` by the answer to request ``number``, or since it shows that they are served."""
        confirmed = []
        for stream in streams:
            is_new = self._wanted.confirm(stream, number)
            if is_new is None:
                continue
            if is_new:
                confirmed.append(stream)
            self._outstanding.subscribed(stream)
        return Settled(confirmed=tuple(confirmed))

    def _refuse(self, streams: Iterable[str], reason: str, *, again_at: float | None) -> Settled:
        refused = []
        for stream in streams:
            self._wanted.refuse(stream, reason, again_at)
            refused.append((stream, str(reason)))
        return Settled(refused=tuple(refused))
