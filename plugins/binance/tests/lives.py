"""Recorded lives of orders: what every event of one must be, whatever it is called and how it ended."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import plainly
import plainly_private
from captures import CAPTURES, Kind, market_of, named
from msgspec.structs import asdict
from private import frames

from gateway import spi

EVENTS: Final = frozenset({*plainly_private.KINDS, "TRADE_LITE", "listStatus"})
ENDED: Final = frozenset({"filled", "canceled", "expired", "rejected"})


def recorded_of(exchange: str) -> list[str]:
    """Return the names of a market's recordings that have nothing but events of accounts."""
    known = f"binance-{'spot' if exchange == 'binance' else 'usdm'}/lean-userdata-orders.dev.jsonl"
    names = [name for name in named(Kind.FRAMES, known) if not CAPTURES.is_dir() or market_of(name) == exchange]
    return [name for name in names if not CAPTURES.is_dir() or _is_of_accounts(CAPTURES / name)]


def _is_of_accounts(path: Path) -> bool:
    events = [event_of(payload) for _, payload in frames(path)]
    return bool(events) and all(one.get("e") in EVENTS for one in events)


def event_of(payload: bytes) -> Any:
    """Return the event of a frame; nothing of another frame."""
    try:
        message = json.loads(payload)
    except ValueError:
        return {}
    event = plainly_private.event_of(message) if isinstance(message, dict) else {}
    return event if isinstance(event, dict) else {}


def said(record: Any) -> dict[str, Any]:
    """Return what a record says."""
    return {name: value for name, value in asdict(record).items() if value is not None}


def lives(path: Path, decode: Callable[[bytes], Any]) -> Iterator[tuple[str, list[spi.Order]]]:
    """Yield the orders of each life as they were told, once they agree with the second opinion."""
    for life, steps in groupby(frames(path), lambda step: step[0]):
        orders: list[spi.Order] = []
        for _, payload in steps:
            event = event_of(payload)
            records = [record for data in decode(payload) for record in data.records]
            if event["e"] not in plainly_private.KINDS:
                assert not records
                continue
            assert [(type(record).__name__, said(record)) for record in records] == plainly_private.read(payload)
            assert {data.ts for data in decode(payload)} == {plainly.time(event["E"])}
            orders += [record for record in records if isinstance(record, spi.Order)]
        check(orders)
        yield life, orders


def check(orders: list[spi.Order]) -> None:
    """See that each order is filled ever more, and is over once it is."""
    latest: dict[int | str, spi.Order] = {}
    for order in orders:
        before = latest.get(order.order_id)
        if before is not None:
            assert before.status not in ENDED
            assert (before.side, before.symbol, before.ts <= order.ts) == (order.side, order.symbol, True)
            assert Decimal(before.filled or "0") <= Decimal(order.filled or "0")
        latest[order.order_id] = order
