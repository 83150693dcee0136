"""What a soak found: tables for whoever ran it, and what is not as it was promised."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from soak_ledger import Counts
from soak_levels import Judged


@dataclass(slots=True)
class Found:
    """
    All of it.

    ``recoveries`` are seconds, by kind of fault: from when all was whole again until every stream had new
    data at both clients. ``wrong`` is what was seen to be wrong at once.
    """

    seconds: float = 0.0
    traded: int = 0
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    judged: Mapping[str, Judged] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    rests: Sequence[float] = ()
    """Seconds after the beginning, in the middle of each time of rest."""
    means: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Of each figure, one for each time of rest."""
    wrong: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """What is not as it was promised; none if all is well."""
        told = [one for name, counts in self.counts.items() for one in counts.complaints(name)]
        growing = [f"{name} grow for certain" for name, one in self.judged.items() if one.grows]
        return [*self.wrong, *told, *growing]

    @property
    def verdict(self) -> str:
        """The last line: all is promised of growth too, where enough was seen to tell."""
        if self.complaints:
            return "not as promised"
        if not self.judged:
            return "all as promised, but it was too short to tell whether anything grows"
        if unsure := [name for name, one in self.judged.items() if one.unsure]:
            return f"all as promised, but it was too short to tell whether these grow: {', '.join(unsure)}"
        return "all as promised"


def lines(found: Found) -> Iterator[str]:
    """Tell all of it."""
    times = sum(map(len, found.recoveries.values()))
    yield f"{found.seconds:,.0f} s, {found.traded:,} messages traded, {times:,} disturbances"
    yield ""
    yield f"{'what':20} {'times':>6}   until all flowed again, s: {'median':>7} {'most':>7}"
    for kind, took in sorted(found.recoveries.items()):
        yield f"{kind:20} {len(took):6,}   {'':26} {median(took):7.2f} {max(took):7.2f}"
    yield ""
    yield from _sent(found.counts)
    yield ""
    yield from _slopes(found)
    yield ""
    yield from _told(found.metrics)


def _sent(counts: Mapping[str, Counts]) -> Iterator[str]:
    heads = ("received", "lost, told", "lost, untold", "doubled", "jumps", "cut off")
    yield f"{'records':30} " + "".join(f"{head:>13}" for head in heads)
    for name, one in counts.items():
        figures = (one.received, one.told, one.untold, one.doubled, one.jumps, one.away)
        yield f"{name:30} " + "".join(f"{figure:13,}" for figure in figures)


def _slopes(found: Found) -> Iterator[str]:
    if not found.judged:
        yield f"no slopes: {len(found.rests)} times of rest are too few"
        return
    heads = ("may be", "first", "warm", "last")
    yield f"{'at rest':17} {'growth by the hour (95 % interval)':38}" + "".join(f"{head:>13}" for head in heads)
    for name, one in found.judged.items():
        verdict = "  GROWS" if one.grows else "  cannot be told yet" if one.unsure else ""
        growth = f"{one.growth.slope:+,.0f} ({one.growth.low:+,.0f}..{one.growth.high:+,.0f})"
        figures = "".join(f"{figure:13,.0f}" for figure in (one.most, one.cold, one.warm, one.last))
        yield f"{name:17} {growth:38}{figures}{verdict}"


def _told(metrics: Mapping[str, float]) -> Iterator[str]:
    """Tell what the gateway counted itself."""
    errors: Counter[str] = Counter()
    for name, value in metrics.items():
        if name.startswith("gateway_connection_changes_total{") and 'state="ERROR"' in name:
            errors[name.partition('reason="')[2].partition('"')[0]] += int(value)
    yield "connections lost, by reason: " + ", ".join(f"{why} {times:,}" for why, times in errors.most_common())
    for label, start in WHAT.items():
        found = [value for name, value in metrics.items() if name.startswith(start)]
        yield f"{label}: {sum(found):,.0f}"


WHAT: Mapping[str, str] = {
    "seconds of CPU of the gateway": "process_cpu_seconds_total",
    "dials": "gateway_connection_dials_total",
    "records filled from the exchange's past": "gateway_records_filled_total",
    "clients that were too slow": 'gateway_clients_ended_total{why="too_slow"}',
    "messages dropped for slow clients, and told": "gateway_client_messages_dropped_total",
    "times that the event loop was held": 'gateway_events_total{exchange="gateway",event="loop_blocked"}',
}


def defects(metrics: Mapping[str, float]) -> Sequence[str]:
    """Return which defects of its own, and of the plugin, the gateway counted."""
    return [
        f"the gateway counted {name}: {value:g}"
        for name, value in metrics.items()
        if name.startswith(COUNTED) and value and any(f'"{one}"' in name for one in DEFECTS)
    ]


COUNTED = ("gateway_events_total{", "gateway_connection_changes_total{")
DEFECTS = ("internal_error", "plugin_error")
