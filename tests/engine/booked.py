"""An exchange's book whose every state is remembered, and rules by which updates of it are joined."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from zlib import crc32

from gateway.model.market import Level
from gateway.spi.books import BookDelta, BookSnapshot, Continuity, Sides

Side = dict[str, str]
ZEROS: Final = ("0", "0.0", "0.00000000", "0E-8")


def by_ids(previous: int, update: BookDelta, _: bool) -> Continuity:
    """Judge by first and last id, and take a step back to the very beginning for a restart."""
    if update.first == 1:
        return Continuity.RESET if previous > 1 else Continuity.APPLY
    if update.last <= previous:
        return Continuity.IGNORE
    return Continuity.APPLY if update.first is not None and update.first <= previous + 1 else Continuity.GAP


def by_previous(previous: int, update: BookDelta, fresh: bool) -> Continuity:
    """Judge by the number of the update before; the first after a snapshot need only reach over it."""
    if update.first == 1:
        return Continuity.RESET if previous > 1 else Continuity.APPLY
    if update.last <= previous:
        return Continuity.IGNORE
    if fresh and update.first is not None:
        return Continuity.APPLY if update.first <= previous + 1 else Continuity.GAP
    return Continuity.APPLY if update.previous == previous else Continuity.GAP


def checksum_of(sides: Sides) -> int:
    bids, asks = sides.top(3)
    return crc32("|".join(f"{price}:{size}" for price, size in (*bids, *asks)).encode())


@dataclass
class Top:
    """The best levels of what the exchange has, to compute its checksum of."""

    bids: list[Level]
    asks: list[Level]

    def top(self, depth: int) -> tuple[list[Level], list[Level]]:
        return self.bids[:depth], self.asks[:depth]


@dataclass
class Exchange:
    """A book whose every state is remembered by its number; of a truncated one only ``depth`` levels are told."""

    rng: Random
    depth: int | None = None
    seq: int = 0
    bids: Side = field(default_factory=dict)
    asks: Side = field(default_factory=dict)
    states: dict[int, tuple[list[Level], list[Level]]] = field(default_factory=dict)
    past: dict[int, tuple[list[Level], list[Level]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in range(1, 9):
            self.bids[f"{100 - number}.50"] = "1"
            self.asks[f"{100 + number}.50"] = "2"
        self.seq = self.rng.randrange(1000, 9000)
        self.remember()

    def shown(self) -> tuple[list[Level], list[Level]]:
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))
        return bids[: self.depth], asks[: self.depth]

    def remember(self) -> None:
        self.states[self.seq] = self.shown()

    def step(self) -> BookDelta:
        before, first, previous = self.shown(), self.seq + 1, self.seq
        gone: list[set[str]] = [set(), set()]
        for _ in range(self.rng.randrange(1, 4)):
            self.seq += 1
            at = self.rng.randrange(2)
            side, sign = (self.bids, -1) if at == 0 else (self.asks, 1)
            price = f"{100 + sign * self.rng.randrange(1, 12)}.50"
            if self.rng.random() < 0.4:
                gone[at].add(price)
                side.pop(price, None)
            else:
                gone[at].discard(price)
                side[price] = str(self.rng.randrange(1, 99))
        self.remember()
        bids, asks = (
            [level for level in new if level not in old]
            + [(price, self.rng.choice(ZEROS)) for price in sorted(lost)]
            for new, old, lost in zip(self.shown(), before, gone, strict=True)
        )
        return BookDelta(
            bids, asks, self.seq, first, previous, ts=self.seq * 10, checksum=checksum_of(Top(*self.shown()))
        )

    def restart(self) -> BookDelta:
        """Count anew; the numbers of before mean nothing any more."""
        self.seq, self.past, self.states = 0, self.states, {}
        return self.step()

    def snapshot(self, at: int | None = None) -> BookSnapshot:
        seq = self.seq if at is None else at
        bids, asks = self.states[seq]
        return BookSnapshot([*bids, ("1.00", "0.000")], list(asks), seq, ts=seq * 10)


def fetched() -> Any:
    raise AssertionError("the engine fetches nothing")
