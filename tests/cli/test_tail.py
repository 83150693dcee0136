"""What a live tail shows of a message."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from gateway.cli import tail

TRADES = {
    "topic": "mock:trades:BTC-USDT",
    "type": "update",
    "epoch": "k3",
    "offset": 7,
    "ts": 1_764_000_000_123_456,
    "recv": 1_764_000_000_200_000,
    "data": [{"id": 1, "price": "10.50", "side": "buy", "ts": 1}, {"id": 2, "price": "10.60", "side": "sell"}],
}
CLOCK = datetime.fromtimestamp(1_764_000_000, UTC).astimezone().strftime("%H:%M:%S")


def test_each_record_is_a_line_with_the_exchanges_time_and_its_topic() -> None:
    assert tail.lines(TRADES) == [
        f"{CLOCK}.123 mock:trades:BTC-USDT id=1 price=10.50 side=buy",
        f"{CLOCK}.123 mock:trades:BTC-USDT id=2 price=10.60 side=sell",
    ]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            {"topic": "t", "type": "status", "status": "gap", "reason": "sequence_gap", "from": 4, "to": 6},
            "--:--:--.--- t -- gap reason=sequence_gap from=4 to=6",
        ),
        ({"topic": "t", "type": "lag", "from": 4, "to": 6}, "--:--:--.--- t -- lag from=4 to=6"),
        (
            {"topic": "t", "type": "snapshot", "data": [{"bids": [["1", "2"], ["0", "3"]], "asks": [], "seq": 4}]},
            "--:--:--.--- t snapshot bids=1x2(+1) asks=[] seq=4",
        ),
        ({"topic": "t", "type": "update", "data": {"e": "x"}}, "--:--:--.--- t e=x"),
        ({"topic": "t", "type": "update", "data": "text"}, '--:--:--.--- t "text"'),
    ],
)
def test_every_kind_of_message_has_a_line(message: dict[str, Any], line: str) -> None:
    assert tail.lines(message) == [line]


def test_a_pipe_gets_the_message_itself() -> None:
    out = io.StringIO()
    tail.json_lines(out.write)(TRADES)
    assert json.loads(out.getvalue()) == TRADES
    assert out.getvalue().count("\n") == 1


@pytest.mark.parametrize(("status", "colour"), [("gap", "1;31"), ("live", "33")])
def test_a_terminal_shows_alarms_in_red_and_markup_as_text(status: str, colour: str) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=20)
    tail.coloured(console)({"topic": "t", "type": "status", "status": status, "reason": "[red]x[/red]"})
    assert f"\x1b[{colour}m" in out.getvalue()
    assert "[red]x[/red]" in out.getvalue()
    assert out.getvalue().count("\n") == 1
