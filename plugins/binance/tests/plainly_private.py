"""
What accounts' frames say, read with nothing of the plugins: the standard library, and the documents once more.

A second opinion for tests. What it does not accept, a plugin must not make a
record of, and what a plugin makes a record of must say the same.
"""

import json
from decimal import Decimal
from typing import Any, Final

from plainly import IDS, RefusedError, need, number, signed, text, time, whole

Json = Any
Said = list[tuple[str, dict[str, Any]]]
SYMBOLS: Final = {"ETHUSDT": "eth_usdt", "BTCUSDT": "btc_usdt", "BNBUSDT": "bnb_usdt"}
"""Those that are listed in the tests."""
STATUSES: Final = {
    "NEW": "new",
    "PENDING_NEW": "pending",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}
WAITING: Final = {
    "NEW": "pending",
    "TRIGGERING": "pending",
    "TRIGGERED": "new",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "REJECTED": "rejected",
}


def zero(one: str) -> bool:
    """Whether a number is nought."""
    return Decimal(one) == 0


def side(one: Json) -> str:
    """Let a side through."""
    need(one in ("BUY", "SELL"))
    return str(one).lower()


def symbol(one: Json) -> str:
    """Spell a symbol."""
    return SYMBOLS.get(text(one), text(one))


def one_of(*reasons: str) -> str | None:
    """Return the first that is a reason."""
    found = [one for one in reasons if one not in ("", "0", "NONE")]
    return found[0] if found else None


def without_nothing(said: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not said."""
    return {name: value for name, value in said.items() if value is not None}


def order_status(one: Json, filled: str, size: str) -> str:
    """Return an order's status."""
    if text(one) in ("NEW_ADL", "NEW_INSURANCE"):
        return "new" if zero(filled) else "filled" if Decimal(filled) >= Decimal(size) else "partially_filled"
    need(one in STATUSES)
    return STATUSES[one]


def fill(data: Json) -> dict[str, Any]:
    """Return what was filled, if something was."""
    size, price = number(data["l"]), number(data["L"])
    if text(data["x"]) not in ("TRADE", "CALCULATED") or zero(size):
        return {}
    said = {"last_price": price, "last_size": size, "trade_id": data["t"]}
    fee, asset = data.get("n"), data.get("N")
    if fee is not None and asset is not None:
        said |= {"fee": signed(fee), "fee_asset": text(asset)}
    return said


def report(data: Json) -> Said:
    """Read ``executionReport``."""
    trade = data["t"]
    need(trade == -1 or whole(trade) == trade)
    need(isinstance(trade, int) and not isinstance(trade, bool))
    filled = fill(data)
    need(isinstance(data["n"], str) and (data["N"] is None or isinstance(data["N"], str)))
    if filled:
        signed(data["n"])
    said = {
        "order_id": whole(data["i"], IDS),
        "symbol": symbol(data["s"]),
        "side": side(data["S"]),
        "status": order_status(data["X"], number(data["z"]), number(data["q"])),
        "ts": time(data["T"]),
        "client_order_id": text(data.get("C", "")) or text(data["c"]),
        "type": text(data["o"]),
        "time_in_force": text(data["f"]),
        "price": number(data["p"]),
        "size": number(data["q"]),
        "filled": number(data["z"]),
        "reason": one_of(text(data["r"]), text(data.get("eR", ""))),
        **filled,
    }
    text(data["c"])
    return [("Order", without_nothing(said))]


def holdings(data: Json) -> Said:
    """Read ``outboundAccountPosition``."""
    ts = time(data["u"])
    need(isinstance(data["B"], list))
    return [
        ("Balance", {"asset": text(row["a"]), "ts": ts, "free": number(row["f"]), "locked": number(row["l"])})
        for row in data["B"]
    ]


def change(data: Json) -> Said:
    """Read ``balanceUpdate`` and ``externalLockUpdate``."""
    said = {"asset": text(data["a"]), "ts": time(data["T"]), "change": signed(data["d"])}
    return [("Balance", said | ({"reason": data["e"]} if data["e"] == "externalLockUpdate" else {}))]


def update(data: Json) -> Said:
    """Read ``ORDER_TRADE_UPDATE``."""
    one = data["o"]
    average = number(one["ap"])
    forced = one["X"] if one["X"] in ("NEW_ADL", "NEW_INSURANCE") else ""
    whole(one["t"], IDS)
    for name in ("n", "N"):
        need(one.get(name) is None or isinstance(one[name], str))
    said = {
        "order_id": whole(one["i"], IDS),
        "symbol": symbol(one["s"]),
        "side": side(one["S"]),
        "status": order_status(one["X"], number(one["z"]), number(one["q"])),
        "ts": time(one["T"]),
        "client_order_id": text(one["c"]),
        "type": text(one["o"]),
        "time_in_force": text(one["f"]),
        "price": number(one["p"]),
        "size": number(one["q"]),
        "filled": number(one["z"]),
        "average_price": None if zero(average) else average,
        "reason": one_of(forced, text(one.get("er", ""))),
        **fill(one),
    }
    return [("Order", without_nothing(said))]


def algo(data: Json) -> Said:
    """Read ``ALGO_UPDATE``."""
    one = data["o"]
    filled, average = text(one.get("aq", "")), text(one.get("ap", ""))
    for maybe in (filled, average):
        need(not maybe or bool(number(maybe)))
    size = number(one["q"])
    written = text(one["X"])
    if written == "FINISHED":
        done = Decimal(filled or "0")
        status = "filled" if done and done >= Decimal(size) else "canceled"
    else:
        need(written in WAITING)
        status = WAITING[written]
    said = {
        "order_id": whole(one["aid"], IDS),
        "symbol": symbol(one["s"]),
        "side": side(one["S"]),
        "status": status,
        "ts": time(data["T"]),
        "client_order_id": text(one["caid"]),
        "type": text(one["o"]),
        "time_in_force": text(one["f"]),
        "price": number(one["p"]),
        "size": size,
        "filled": filled or None,
        "average_price": None if not average or zero(average) else average,
        "reason": one_of(text(one.get("rm", ""))),
    }
    return [("Order", without_nothing(said))]


def account(data: Json) -> Said:
    """Read ``ACCOUNT_UPDATE``."""
    body, ts = data["a"], time(data["T"] if "T" in data else data["E"])
    reason = one_of(text(body.get("m", "")))
    for name in ("B", "P"):
        need(isinstance(body.get(name, []), list))
    balances = [
        {
            "asset": text(row["a"]),
            "ts": ts,
            "total": signed(row["wb"]),
            "change": signed(row["bc"]) if "bc" in row else None,
            "reason": reason,
        }
        for row in body.get("B", [])
    ]
    positions = [
        {
            "symbol": symbol(row["s"]),
            "size": signed(row["pa"]),
            "ts": ts,
            "side": text(row["ps"]).lower() if "ps" in row else None,
            "entry_price": signed(row["ep"]),
            "unrealised_pnl": signed(row["up"]),
            "margin_mode": text(row["mt"]) if "mt" in row else None,
        }
        for row in body.get("P", [])
    ]
    told: Said = [("Balance", without_nothing(row)) for row in balances]
    return told + [("Position", without_nothing(row)) for row in positions]


KINDS: Final = {
    "executionReport": report,
    "outboundAccountPosition": holdings,
    "balanceUpdate": change,
    "externalLockUpdate": change,
    "ORDER_TRADE_UPDATE": update,
    "ALGO_UPDATE": algo,
    "ACCOUNT_UPDATE": account,
}


def event_of(message: Json) -> Json:
    """Return the event of a message, however it is wrapped."""
    for wrapping in ("event", "data"):
        if wrapping in message:
            return message[wrapping]
    return message


def read(payload: bytes) -> Said:
    """
    Return the records that a frame stands for, each by its kind.

    Raises:
        RefusedError: If the documents do not allow it.
    """
    try:
        event = event_of(json.loads(payload.decode(), parse_constant=_refuse))
        time(event["E"])
        return KINDS[event["e"]](event)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as exc:
        raise RefusedError from exc


def _refuse(constant: str) -> None:
    raise RefusedError(constant)
