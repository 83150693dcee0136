"""
One stream's records in the order of their ids: what follows, what is old, and what waits for a hole to be filled.

Nothing is published here. What is to be published, and which hole is to be told
before it, is returned, in order. Where holes can be filled the records after one
wait, bounded in number, until it is filled or given up.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.engine.missing import Hole, Missing, Run, Step
from gateway.errors import Reason

WAITING: Final = 10_000
"""Records of one stream that may wait for a hole to be filled."""
LONGEST: Final = 10_000
"""Ids that may be missing in a hole that is worth filling."""
BATCH: Final = 100
"""Records that one message has at most, where they are not published as they came."""


@dataclass(slots=True)
class _Stretch:
    """Records without a hole, which wait for the one before them."""

    first: int
    last: int
    steps: list[Step]
    reason: str
    since: float
    first_us: int
    last_us: int
    size: int = 1


class IdOrder:
    """
    The order of one stream, whose records have an ``id`` and a ``ts``, both integers.

    ``next_id`` is the id that follows, :obj:`None` while that is unknown or
    something waits; ``newest_us`` is the newest of the exchange's times. Whoever
    publishes the record of ``next_id`` by itself brings both up to date.

    Args:
        now: tells when holes are found; without it nothing waits for one.
        waiting: records that may wait; the oldest hole of more is given up.
        longest: ids that may be missing in a hole for which others wait.
    """

    def __init__(
        self, now: Callable[[], float] | None = None, *, waiting: int = WAITING, longest: int = LONGEST
    ) -> None:
        self.next_id: int | None = None
        self.newest_us = 0
        self._fills = now is not None
        self._now = now or (lambda: 0.0)
        self._waiting = waiting
        self._longest = longest
        self._due = 0
        """What ``next_id`` is when nothing waits."""
        self._passed_us = 0
        """The exchange's time of the record before that."""
        self._stretches: list[_Stretch] = []
        self._found: dict[int, tuple[Any, int | None, int]] = {}
        """What came late, or was fetched, and does not join yet; with its message's times."""
        self._size = 0
        """Records that wait."""

    # --- what is asked

    def missing(self) -> Missing | None:
        """Return the hole that is to be filled next."""
        if not self._stretches:
            return None
        head = self._stretches[0]
        return Missing(self._due - 1, head.first, head.since)

    def first_missing(self, after: int) -> int | None:
        """Return the first id above ``after`` that is missing in that hole."""
        if not self._stretches:
            return None
        ids = range(max(after + 1, self._due), self._stretches[0].first)
        return next((one for one in ids if one not in self._found), None)

    def asked_until(self, first: int, most: int) -> int:
        """
        Return before which id to ask for what is missing from ``first`` on, ``most`` ids at most.

        That is where its hole ends, or the last of those that follow closely: the few records between them are
        heard twice, which costs less than to ask for each hole by itself.
        """
        before = first
        for one in self._stretches:
            before = one.first
            if one.last - one.first >= BATCH or before >= first + most:
                break
        return min(before, first + most)

    def is_past(self, record: Any) -> bool:
        """Whether ``record`` is no newer than what was published."""
        due = self._due if self._stretches else self.next_id
        return due is not None and record.id < due and record.ts <= self.newest_us

    @property
    def newest_id(self) -> int | None:
        """The highest id that came, published or not; :obj:`None` while none is known."""
        if self._stretches:
            return self._stretches[-1].last
        return None if self.next_id is None else self.next_id - 1

    def leaves_hole(self, record: Any) -> bool:
        """Whether there would be a hole before ``record``, beside those that are being filled."""
        due = self._stretches[-1].last + 1 if self._stretches else self.next_id
        return due is not None and record.id > due

    # --- what comes

    def follows(self, records: Sequence[Any]) -> bool:
        """Whether ``records`` are just what follows; then they are to be published as they came."""
        due, newest_us = self.next_id, self.newest_us
        if due is None:
            return False
        for record in records:
            if record.id != due:
                return False
            due += 1
            if record.ts > newest_us:  # noqa: PLR1730  # a call less for every trade
                newest_us = record.ts
        self.next_id, self.newest_us = due, newest_us
        return True

    def take(self, records: Sequence[Any], ts: int | None, recv_us: int, reason: str) -> tuple[list[Step], str]:
        """
        Take a message's records and return what is to be published and told now.

        ``reason`` says why something may be missing before them, if it may; what
        is left of it for those that come next is returned, too.
        """
        steps: list[Step] = []
        for record in records:
            take = self._keep if self._stretches else self._pass
            reason = take(record, ts, recv_us, reason, steps)
        return steps, reason

    def fill(self, records: Iterable[Any], recv_us: int) -> tuple[list[Step], int]:
        """Take what was fetched; return what is to be published now, and how many of ``records`` were missing."""
        steps: list[Step] = []
        missed = 0
        for record in records:
            if self._lacks(record.id):
                self._find(record, None, recv_us)
                missed += 1
        self._advance(steps)
        return steps, missed

    def give_up(self, *, recoverable: bool) -> list[Step]:
        """Wait no longer for the hole that is to be filled next; return what is to be told and published now."""
        steps: list[Step] = []
        if self._stretches:
            self._abandon(steps, recoverable=recoverable)
            self._advance(steps)
        return steps

    def give_up_all(self, *, recoverable: bool) -> list[Step]:
        """Wait for no hole that there is; return what is to be told and published now."""
        steps: list[Step] = []
        while self._stretches:
            steps += self.give_up(recoverable=recoverable)
        return steps

    def forget(self) -> None:
        """Know nothing of what came, and drop what waits."""
        self.next_id, self.newest_us, self._size = None, 0, 0
        self._stretches.clear()
        self._found.clear()

    def never_wait(self) -> list[Step]:
        """Holes cannot be filled after all; return what is to be told and published now."""
        self._fills = False
        return self.give_up_all(recoverable=False)

    # --- while nothing waits

    def _pass(self, record: Any, ts: int | None, recv_us: int, reason: str, steps: list[Step]) -> str:
        due = self.next_id
        if due is not None and record.id < due and record.ts <= self.newest_us:
            return reason
        if due is not None and record.id > due and self._fills:
            self._due, self.next_id, self._passed_us = due, None, self.newest_us
            self._open(record, ts, recv_us, reason)
            self._advance(steps)
            return ""
        if record.id != due and (due is not None or reason):
            # Ids that go back while times go on: the exchange has begun to count anew.
            first, last = (None, None) if due is None or record.id < due else (due, record.id - 1)
            steps.append(Hole(first, last, reason or Reason.SEQUENCE_GAP, self.newest_us or None, record.ts))
        _say(steps, record, ts, recv_us)
        self.next_id, self.newest_us = record.id + 1, max(self.newest_us, record.ts)
        return ""

    # --- while something waits

    def _keep(self, record: Any, ts: int | None, recv_us: int, reason: str, steps: list[Step]) -> str:
        newest = self._stretches[-1]
        if record.id > newest.last:
            if record.id == newest.last + 1:
                _say(newest.steps, record, ts, recv_us)
                newest.last, newest.last_us, newest.size = record.id, record.ts, newest.size + 1
                self._size += 1
                self.newest_us = max(self.newest_us, record.ts)
            else:
                self._open(record, ts, recv_us, reason)
            self._make_room(steps)
            return ""
        if self._lacks(record.id):
            self._find(record, ts, recv_us)
            self._advance(steps)
            self._make_room(steps)
        elif record.ts > self.newest_us:
            steps += self.give_up_all(recoverable=True)
            return self._pass(record, ts, recv_us, reason, steps)
        return reason

    def _open(self, record: Any, ts: int | None, recv_us: int, reason: str) -> None:
        """``record`` comes after a hole."""
        stretch = _Stretch(
            record.id,
            record.id,
            [Run([record], ts, recv_us)],
            reason or Reason.SEQUENCE_GAP,
            self._now(),
            record.ts,
            record.ts,
        )
        self._stretches.append(stretch)
        self._size += 1
        self.newest_us = max(self.newest_us, record.ts)

    def _make_room(self, steps: list[Step]) -> None:
        while self._size > self._waiting:
            steps += self.give_up(recoverable=True)

    def _find(self, record: Any, ts: int | None, recv_us: int) -> None:
        self._found[record.id] = record, ts, recv_us
        self._size += 1

    def _lacks(self, number: int) -> bool:
        """Whether ``number`` is missing in any of the holes."""
        behind = bisect_right(self._stretches, number, key=lambda one: one.first)
        if behind == len(self._stretches) or number < self._due or number in self._found:
            return False
        return behind == 0 or number > self._stretches[behind - 1].last

    def _advance(self, steps: list[Step]) -> None:
        """Move what joins to ``steps``; holes that are too long are given up."""
        while self._stretches:
            self._pass_found(steps)
            head = self._stretches[0]
            if head.first - self._due > self._longest:
                self._abandon(steps, recoverable=True)
            elif head.first > self._due:
                return
            del self._stretches[0]
            steps += head.steps
            self._size -= head.size
            self._due, self._passed_us = head.last + 1, head.last_us
            self.next_id = None if self._stretches else self._due

    def _pass_found(self, steps: list[Step]) -> None:
        while (found := self._found.pop(self._due, None)) is not None:
            _say(steps, *found)
            self._size -= 1
            self._due, self._passed_us = self._due + 1, found[0].ts

    def _abandon(self, steps: list[Step], *, recoverable: bool) -> None:
        """Tell what of the first hole is missing, and let pass what was found in it."""
        head = self._stretches[0]
        for number in sorted(one for one in self._found if one < head.first):
            if number > self._due:
                self._tell(number, self._found[number][0].ts, steps, recoverable=recoverable)
            self._pass_found(steps)
        if head.first > self._due:
            self._tell(head.first, head.first_us, steps, recoverable=recoverable)

    def _tell(self, number: int, at_us: int, steps: list[Step], *, recoverable: bool) -> None:
        reason = self._stretches[0].reason
        steps.append(Hole(self._due, number - 1, reason, self._passed_us, at_us, recoverable))
        self._due = number


def _say(steps: list[Step], record: Any, ts: int | None, recv_us: int) -> None:
    """Have ``record`` published, with those before it that came by the same message."""
    newest = steps[-1] if steps else None
    if isinstance(newest, Run) and newest[1:] == (ts, recv_us) and len(newest.records) < BATCH:
        newest.records.append(record)
    else:
        steps.append(Run([record], ts, recv_us))
