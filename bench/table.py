"""How results are shown: a line for each case, beside the peer where it ran."""

import platform
from collections.abc import Mapping, Sequence

import cores
from results import Run, cost, rate, ratios, share, spread, values

COLUMNS = ("messages/s", "CPU us/message", "% of a core")
BESIDE = ("times the peer's messages/s", "the peer's CPU by this")


def heading(rounds: int) -> str:
    """Say on what it ran, and how to read the figures."""
    places = len(cores.free())
    bound = "pinned" if places > 1 else "not pinned"
    return (
        f"\nPython {platform.python_version()}, {places or '?'} cores, processes {bound}. "
        f"Medians of {rounds} rounds (least..most); ratios are paired by round."
    )


def table(cases: Mapping[str, Sequence[Run]], peer: str) -> str:
    """Return the cases of one tape as lines of columns."""
    peers = cases.get(peer)
    rows = [("", *COLUMNS, *(BESIDE if peers else ()))]
    rows += [_row(name, runs, peers) for name, runs in cases.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(name: str, runs: Sequence[Run], peers: Sequence[Run] | None) -> tuple[str, ...]:
    figures = spread(values(runs, rate)), spread(values(runs, cost), 2), spread(values(runs, share))
    if peers is None:
        return (name, *figures)
    if peers is runs:
        return (name, *figures, "", "")
    return (name, *figures, spread(ratios(runs, peers, rate), 2), spread(ratios(peers, runs, cost), 2))
