"""
How the live table is drawn: by a timer, however much arrives, and never higher than the terminal.

It has the terminal's other screen to itself, so that one of another size is simply drawn
anew; what was shown last stays in the terminal afterwards.
"""

import asyncio
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from gateway.cli.plain import plain
from gateway.cli.table import Message, Row, Table
from gateway.cli.table_values import age
from gateway.cli.tail import style

PAUSE: Final = 0.25
"""Seconds between two drawings."""
COLOURS: Final = {
    "live": "green",
    "pending": "yellow",
    "resyncing": "yellow",
    "stale": "bold red",
    "disconnected": "bold red",
    "closed": "bold red",
    "refused": "bold red",
}
NARROW: Final = 110
"""Columns of a terminal below which only the more telling half is shown."""
WIDEST: Final = {"topic": 36, "status": 28}
COLUMNS: Final = ("topic", "status", "newest", "age", "received", "messages", "per s", "gaps", "lag")
NUMBERS: Final = frozenset({"age", "received", "messages", "per s", "gaps", "lag"})
SPARED: Final = frozenset({"age", "messages", "lag"})


class Screen:
    """
    A terminal with a table on it.

    Args:
        table: what is drawn.
        console: where.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        pause: seconds between two drawings.
    """

    def __init__(
        self,
        table: Table,
        console: Console,
        now: Callable[[], float],
        wall_us: Callable[[], int],
        pause: float = PAUSE,
    ) -> None:
        self._table = table
        self._console = console
        self._now = now
        self._wall_us = wall_us
        self._pause = pause

    async def show(self, messages: AsyncIterable[Message]) -> None:
        """Draw while messages come. What the terminal raises ends it, as what they raise does."""
        main = asyncio.current_task()
        assert main is not None
        try:
            with Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=False) as live:
                drawing = asyncio.create_task(self._draw(live), name="gateway-table")
                drawing.add_done_callback(lambda one: None if one.cancelled() else main.cancel())
                try:
                    async for message in messages:
                        self._table.take(message)
                finally:
                    drawing.cancel()
                    with suppress(asyncio.CancelledError):
                        await drawing
        finally:
            self._console.print(self.picture())

    def picture(self) -> RenderableType:
        """Return the table as it is now, no higher than the terminal."""
        self._table.measure(self._now())
        said = self._table.said()
        room = self._console.height - 1
        said = said[max(0, len(said) - room // 3) :]
        room -= len(said) + bool(said)
        rows = list(self._table.rows.values())
        fit = len(rows) if len(rows) <= room else max(1, room - 1)
        parts: list[RenderableType] = [self._grid(rows[:fit])]
        if fit < len(rows):
            hidden = f"{len(rows) - fit} more topics are hidden: the terminal is too low"
            parts.append(_cut(plain(hidden, style="yellow")))
        if said:
            parts.append(Text(""))
            parts += [_cut(plain(line, style=style(message))) for message, line in said]
        return Group(*parts)

    async def _draw(self, live: Live) -> None:
        while True:
            live.update(self.picture(), refresh=True)
            await asyncio.sleep(self._pause)

    def _grid(self, rows: list[Row]) -> Grid:
        now_us = self._wall_us()
        cells = [_cells(row, now_us) for row in rows]
        spared = SPARED if self._console.width < NARROW else ()
        grid = Grid(box=None, expand=True, pad_edge=False, header_style="bold")
        names = [name for name in COLUMNS if name not in spared]
        for name in names:
            grid.add_column(
                name,
                no_wrap=True,
                overflow="ellipsis",
                justify="right" if name in NUMBERS else "left",
                ratio=1 if name == "newest" else None,
                max_width=WIDEST.get(name),
            )
        for one in cells:
            grid.add_row(*(one[name] for name in names))
        return grid


def _cells(row: Row, now_us: int) -> dict[str, Text]:
    because = f" ({row.reason})" if row.reason and row.status != "live" else ""
    happened, received = row.ages(now_us)
    return {
        "topic": plain(row.topic, style="cyan"),
        "status": plain(row.status + because, style=COLOURS.get(row.status, "")),
        "newest": plain(row.values()),
        "age": plain(age(happened)),
        "received": plain(age(received)),
        "messages": plain(str(row.messages)),
        "per s": plain(f"{row.rate:.1f}"),
        "gaps": plain(str(row.gaps), style="bold red" if row.gaps else ""),
        "lag": plain(str(row.lagged), style="bold red" if row.lagged else ""),
    }


def _cut(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
