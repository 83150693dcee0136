"""What must hold of every seed, all along and at the end: each has a name, and a violation is planted for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Invariant:
    """``of`` are the numbers that it has in the design; some promises of the stream protocol have none."""

    about: str
    of: str = ""


INVARIANTS: Final[Mapping[str, Invariant]] = {
    # all along, of connections
    "live": Invariant("what is `live` is CONNECTED, and what is CONNECTED is `live`", "I5"),
    "moves": Invariant("every change of state is in the table and begins where the last one ended", "I1"),
    "epochs": Invariant("each dial has a greater epoch than the one before, and none comes back", "I2, I6"),
    "sockets": Invariant("a connection holds one socket, for half a minute of a rollover two, never three", "I3"),
    "ghosts": Invariant("a connection whose socket is gone is not CONNECTED for long", "I4"),
    "dead": Invariant("a connection whose peer says nothing is left within one and a half heartbeats", "I24"),
    "held down": Invariant("a connection that is to be down is not dialled", "I7"),
    "down": Invariant("a disconnect is done within three seconds and a half", "I27"),
    "quiet": Invariant("nothing is dialled or requested while the exchange wants quiet", "I7"),
    "writers": Invariant("one task writes to a socket, and one thing at a time", "I17"),
    "acks": Invariant("a stream is active only once the exchange has answered for it on this very socket", "I11"),
    "nonces": Invariant("numbers of an account's requests grow, whatever the wall clock does", "I22"),
    "login": Invariant("nothing is asked on an account's socket before its own login was accepted", "I12"),
    "calm": Invariant("where nothing goes wrong no connection is lost", "I32"),
    # all along, as the exchange counts
    "dials": Invariant("dials stay within the exchange's limit in any minute", "I8"),
    "messages": Invariant("requests stay within the exchange's limit in any second, on each socket", "I9"),
    "weight": Invariant("requests over REST stay within the exchange's limit in any minute", "I8"),
    # all along, as clients see it
    "offsets": Invariant("offsets of a topic's epoch have no hole but one that was told by `lag`"),
    "gaps": Invariant("what is missing is told, with its bounds, before what follows", "I13"),
    "once": Invariant("nothing comes twice or after what followed it", "I14, I16, I23"),
    "books": Invariant("a book that is shown as whole is the exchange's", "I15"),
    "silence": Invariant("a stream that is silent for longer than its rhythm allows is not shown as live", "I25"),
    "secrets": Invariant("no secret is in anything that is told to clients, observers or logs", "I21"),
    "queues": Invariant("what waits for a client stays within its bounds", "I18"),
    "told": Invariant("a client that reads knows within a second what its topics are", "I29"),
    "waits": Invariant(
        "a connection that failed is dialled within the longest wait, or what the exchange asked for", "I26"
    ),
    "comes up": Invariant(
        "a dial where nothing goes wrong ends CONNECTED, as soon as the exchange's pace allows", "I26"
    ),
    # at the end
    "exit": Invariant(
        "the gateway is closed within its bound, though the exchange may not answer any more", "I28"
    ),
    "wishes": Invariant("each stream that is wanted is subscribed to exactly once, and no other", "I10"),
    "recovery": Invariant(
        "all is well once a dial was given up, the longest wait is over and a dial answered", "I26"
    ),
    "answers": Invariant("no answer is waited for any more", "I31"),
    "bounded": Invariant("histories and rings are no longer than was set"),
    "nothing left": Invariant("no task, timer or socket outlives the gateway", "I30"),
}


ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    "I19": ("whoever reads a socket never awaits others' code", "tests/integration/test_hot_path.py"),
    "I20": ("no lock is held across an await, or while others' code runs", "tests/reliability/test_source.py"),
}
"""What is a property of the code, which no run shows reliably, and which tests read the code for it."""


class Broken:
    """What was broken, when; of each invariant the first few."""

    MOST: Final = 5

    def __init__(self) -> None:
        self.told: dict[str, list[str]] = {}

    def add(self, name: str, at: float, text: str) -> None:
        """Note that the invariant called ``name`` does not hold."""
        assert name in INVARIANTS
        said = self.told.setdefault(name, [])
        if len(said) < self.MOST:
            said.append(f"{at:.3f} s: {text}")

    def __str__(self) -> str:
        return "\n".join(
            f"{name} ({INVARIANTS[name].about}):\n  " + "\n  ".join(said) for name, said in self.told.items()
        )
