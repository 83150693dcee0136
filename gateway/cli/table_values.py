"""What the live table shows of a topic's newest data: the few values of each channel that one looks for."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gateway.cli.levels import Level

Record = Mapping[str, Any]
LONGEST: Final = 200
MILLISECOND, SECOND, MINUTE, HOUR = 1_000, 1_000_000, 60_000_000, 3_600_000_000


def values(channel: str, data: Any) -> str:
    """Return the newest record of a message's ``data`` in short, and of accounts how many others came with it."""
    write = CHANNELS.get(channel)
    if write is None:
        return json.dumps(data, ensure_ascii=False)[:LONGEST]
    if not data:
        return "none"
    try:
        text, others = write(data[-1]), len(data) - 1
    except (AttributeError, LookupError, TypeError):  # not what the channel says: as it is
        return json.dumps(data, ensure_ascii=False)[:LONGEST]
    return f"{text}  and {others} more" if others and channel in ACCOUNT else text


def sides(bid: Level | None, ask: Level | None) -> str:
    """Return a best bid and a best ask with their sizes."""
    if bid is None and ask is None:
        return ""
    left, right = ("none" if level is None else f"{level[0]} x {level[1]}" for level in (bid, ask))
    return f"{left} | {right}"


def age(us: int | None) -> str:
    """Return microseconds as a person reads them; nothing for none, and what lies ahead of our clock as such."""
    if us is None:
        return ""
    size, sign = abs(us), "-" if us <= -MILLISECOND else ""
    if size < SECOND:
        return f"{sign}{size // MILLISECOND} ms"
    if size < MINUTE:
        return f"{sign}{size / SECOND:.1f} s"
    return f"{sign}{size // MINUTE} min" if size < HOUR else f"{sign}{size // HOUR} h"


def _trade(record: Record) -> str:
    return f"{record['price']} x {record['size']} {record['side']}"


def _quote(record: Record) -> str:
    return sides((record["bid"], record["bid_size"]), (record["ask"], record["ask_size"]))


def _ticker(record: Record) -> str:
    change = f" ({record['change_percent']} %)" if "change_percent" in record else ""
    return _joined(f"last {record['last']}{change}", record, "bid", "ask", "volume")


def _candle(record: Record) -> str:
    prices = " ".join(f"{name[0]} {record[name]}" for name in ("open", "high", "low", "close"))
    return _joined(prices, record, "volume") + (" closed" if record["closed"] else "")


def _mark(record: Record) -> str:
    funding = f" funding {record['funding_rate']}" if "funding_rate" in record else ""
    return _joined(f"mark {record['mark']}", record, "index") + funding


def _order(record: Record) -> str:
    done = f"{record.get('filled', '0')}/{record.get('size', '?')}"
    price = f" @ {record['price']}" if "price" in record else ""
    return f"{record['symbol']} {record['side']} {done}{price} {record['status']}"


def _balance(record: Record) -> str:
    return _joined(record["asset"], record, "free", "locked", "total", "change")


def _position(record: Record) -> str:
    entry = f" @ {record['entry_price']}" if "entry_price" in record else ""
    return _joined(f"{record['symbol']} {record['size']}{entry}", record, "side")


def _joined(head: str, record: Record, *names: str) -> str:
    return " ".join([head, *(f"{name} {record[name]}" for name in names if name in record)])


CHANNELS: Final[Mapping[str, Callable[[Record], str]]] = {
    "trades": _trade,
    "liquidations": _trade,
    "quotes": _quote,
    "ticker": _ticker,
    "candles": _candle,
    "mark": _mark,
    "orders": _order,
    "balances": _balance,
    "positions": _position,
}
"""How each channel's record is written; ``book`` is not among them, since one message alone does not tell."""
ACCOUNT: Final[Sequence[str]] = ("orders", "balances", "positions")
