"""How a running gateway looks: whether it is ready, its exchanges, its connections, what changed lately."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli.plain import plain, printable
from gateway.cli.status_report import Document, Report
from gateway.cli.table_values import age

COLOURS: Final = {
    "CONNECTED": "green",
    "CONNECTING": "yellow",
    "RECONNECTING": "yellow",
    "DISCONNECTING": "yellow",
    "DISCONNECTED": "bold red",
    "ERROR": "bold red",
}
CHANGES: Final = 8
"""Of all connections together, the newest that are shown."""
NEARLY: Final = 0.8
"""The share of a limit from which on it is shown in red."""
SECOND: Final = 1_000_000
WORDY: Final = frozenset({"reason", "problem", "limits used"})
"""Columns that take more lines where the terminal is narrow."""


def picture(report: Report, now_us: int) -> RenderableType:
    """Return all of it; ``now_us`` is microseconds since 1970."""
    parts: list[RenderableType] = [_head(report, now_us)]
    parts += [plain(f"  {problem}", style="bold red") for problem in report.problems]
    parts += [Text(""), _exchanges(report)] if report.exchanges else []
    parts += [Text(""), _connections(report, now_us)] if report.connections else [Text("No connection is wanted.")]
    changes = sorted(_changes(report), key=lambda one: one[0])[-CHANGES:]
    parts += [Text(""), Text("last changes", style="bold"), *(line for _, line in changes)] if changes else []
    return Group(*parts)


def _head(report: Report, now_us: int) -> Text:
    word = Text("ready", style="bold green") if report.ready else Text("not ready", style="bold red")
    up = age(now_us - report.info["started_us"])
    return Text.assemble(word, printable(f"  gateway {report.info['version']}, started {up} ago"))


def _exchanges(report: Report) -> Table:
    grid = _grid("exchange", "environment", "instruments", "limits used", "problem")
    for one in report.exchanges:
        limits = Text("  ").join(_limits(one.get("limits", {})))
        grid.add_row(
            plain(one["id"]),
            plain(one.get("environment", "")),
            plain(str(one.get("instruments", ""))),
            limits,
            plain(one.get("problem", ""), style="bold red"),
        )
    return grid


def _limits(limits: Mapping[str, Mapping[str, float]]) -> Iterator[Text]:
    for name, units in limits.items():
        is_near = units["used"] >= NEARLY * units["allowed"]
        yield plain(f"{name} {units['used']:g}/{units['allowed']:g}", style="bold red" if is_near else "")


def _connections(report: Report, now_us: int) -> Table:
    grid = _grid("connection", "state", "for", "reason", "message", "pong", "streams", "messages", "dials")
    for one in report.connections:
        grid.add_row(
            plain(one["id"], style="cyan"),
            _state(one),
            plain(age(now_us - one["since_us"])),
            plain(_reason(one)),
            *(plain(_seconds(one["ages"].get(name))) for name in ("message", "pong")),
            plain(str(one["streams"])),
            plain(str(one["counters"]["messages_received"])),
            plain(str(one["counters"]["dials"])),
        )
    return grid


def _state(one: Document) -> Text:
    phase = f" ({one['phase']})" if one["phase"] else ""
    return plain(one["state"] + phase, style=COLOURS.get(one["state"], ""))


def _reason(one: Document) -> str:
    """Return why it is as it is, and what is wrong with it though it is up."""
    diagnosis = one.get("diagnosis") or {}
    is_up = one["is_connected"] and one["is_healthy"]
    parts = [one["reason"], one["text"], "" if is_up else one["unhealthy_because"], diagnosis.get("text", "")]
    return ": ".join(dict.fromkeys(part for part in parts if part))


def _changes(report: Report) -> Iterator[tuple[int, Text]]:
    for one in report.connections:
        for change in one["history"]:
            at = datetime.fromtimestamp(change["at_us"] / SECOND, UTC).astimezone()
            text = f"{change['reason']} {change['text']}".rstrip()
            yield (
                change["at_us"],
                Text.assemble(
                    f"{at:%H:%M:%S} ",
                    (printable(one["id"]), "cyan"),
                    f" {change['before']} to ",
                    (change["after"], COLOURS.get(change["after"], "")),
                    printable(f" {text}"),
                ),
            )


def _seconds(since: float | None) -> str:
    return "never" if since is None else age(round(since * SECOND))


def _grid(*names: str) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        grid.add_column(name, no_wrap=name not in WORDY, overflow="fold" if name in WORDY else "ellipsis")
    return grid
