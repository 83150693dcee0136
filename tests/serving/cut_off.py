"""What clients that are cut off anywhere have got: every message once, or a word that it is missing."""

from collections import Counter
from random import Random
from typing import Any

RING = 1024
CHANNELS = {"mock:trades:A": "trades", "mock:quotes:A": "quotes"}
WHOLE = {"mock:quotes:A"}
"""Topics that begin with a snapshot."""
Place = tuple[str, int]


class Ledger:
    """All that one client was sent, over all its connections; raises where the protocol was broken."""

    def __init__(self) -> None:
        self.at: dict[str, Place] = {}
        self.awaiting: set[str] = set()
        """Topics of which a snapshot must come next."""
        self.resumes: Counter[tuple[bool, bool]] = Counter()
        """How often what was missed was still kept, and was recovered."""
        self.taken: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        """Messages that the client was told it will not get."""
        self.began: dict[str, int] = {}
        self._fresh: set[str] = set()
        """Topics of which nothing came since the client was told of a hole."""

    def place(self, topic: str) -> Place | None:
        """Return from where ``topic`` can be resumed: not without the snapshot that it was to begin with."""
        return None if topic in self.awaiting else self.at.get(topic)

    def joined(self, topic: str, now: Place, asked: Place | None, *, recovered: bool | None) -> None:
        """Take the answer to a subscription."""
        if asked is not None and asked != self.at[topic]:
            self._step_back(topic, asked)
        before = self.at.get(topic)
        assert (recovered is None) == (asked is None), "whoever resumes is told what came of it, and nobody else"
        if asked is not None:
            self.resumes[now[1] - asked[1] <= RING, bool(recovered)] += 1
        self.began.setdefault(topic, now[1])
        if recovered:
            return
        if before is not None:
            self.missed[topic] += now[1] - before[1]
        self.at[topic] = now
        self._fresh.add(topic)
        self.awaiting.discard(topic)
        if topic in WHOLE and now[1]:
            self.awaiting.add(topic)

    def _step_back(self, topic: str, asked: Place) -> None:
        """It was told of a hole and cut off before anything that says that it stands behind it."""
        assert topic in self._fresh
        self.missed[topic] -= self.at[topic][1] - asked[1]
        self.at[topic] = asked

    def take(self, message: dict[str, Any]) -> None:
        """Take a message with data."""
        topic = message["topic"]
        epoch, last = self.at[topic]
        assert message["epoch"] == epoch
        assert message["data"][0]["bid"] == str(message["offset"])
        self._fresh.discard(topic)
        if topic in self.awaiting:
            assert (message["type"], message["offset"]) == ("snapshot", last), "whole first, never a part"
            self.awaiting.discard(topic)
            return
        assert (message["type"], message["offset"]) == ("update", last + 1), "each once, and in order"
        self.at[topic] = (epoch, last + 1)
        self.taken[topic] += 1

    def check(self, offsets: dict[str, int], breaks: int) -> None:
        """Demand that all was got or told to be missing, and that exactly what was kept was recovered."""
        for topic, offset in offsets.items():
            assert self.began[topic] + self.taken[topic] + self.missed[topic] == offset
        assert set(self.resumes) == {(True, True), (False, False)}, "recovered if and only if all of it is kept"
        assert min(self.resumes.values()) > breaks // 20
        print(f"{breaks} cuts: {self}")  # noqa: T201  # pytest shows it with -rP

    def __str__(self) -> str:
        """Tell how resuming went."""
        kept, gone = self.resumes[True, True], self.resumes[False, False]
        sums = f"{sum(self.taken.values())} messages, each once; {sum(self.missed.values())} told to be missing"
        return f"{kept} of {kept + self.resumes[True, False]} resumes recovered that could be, {gone} not; {sums}"


class Knife:
    """
    Where a connection is cut: after so many bytes, or so many messages, or right after an answer.

    Args:
        rng: draws it.
    """

    def __init__(self, rng: Random) -> None:
        self.bytes = 1 << 40
        self.answers = self.messages = 1 << 40
        match rng.randrange(5):
            case 0:
                self.bytes = rng.randrange(300)  # while it is upgraded or answered
            case 1:
                self.bytes = rng.randrange(60_000)  # in the middle of a message, as a rule
            case 2:
                self.answers = rng.randrange(1, 3)  # before the first message
            case 3:
                self.messages = rng.randrange(1, 50)  # while what was missed is sent
            case _:
                self.messages = rng.randrange(1, 2000)

    def seen(self, message: dict[str, Any]) -> bool:
        """Count a message; whether the cut is here."""
        if "method" in message:
            self.answers -= 1
        elif message["type"] != "status":
            self.messages -= 1
        return not (self.answers and self.messages)

    def cut(self, data: bytes) -> tuple[bytes, bool]:
        """Return what is still received of ``data``, and whether the cut is in it."""
        self.bytes, left = self.bytes - len(data), self.bytes
        return data[: max(left, 0)], self.bytes < 0
