"""What a recording of Binance's spot market holds, as the stream protocol spells it."""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

Record = dict[str, Any]

TRADES: Final = "binance:trades:BTC-USDT"
QUOTES: Final = "binance:quotes:BTC-USDT"
BOOK: Final = "binance:book:BTC-USDT"
NOTHING: Final[Mapping[str, Any]] = {}


class Recorded:
    """The records of each topic by their numbers, in order."""

    def __init__(self, capture: Path) -> None:
        self.records: dict[str, dict[int, Record]] = {TRADES: {}, QUOTES: {}, BOOK: {}}
        for line in capture.read_bytes().splitlines():
            frame = json.loads(json.loads(line)["frame"])
            self._take(frame.get("stream", "").partition("@")[2], frame.get("data", NOTHING))
        self._quoted = list(self.records[QUOTES])

    def _take(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "trade":
            record = {"id": data["t"], "price": data["p"], "size": data["q"]}
            taker = "sell" if data["m"] else "buy"
            self.records[TRADES][data["t"]] = {**record, "side": taker, "ts": data["T"] * 1000}
        elif kind == "bookTicker":
            record = {"bid": data["b"], "bid_size": data["B"], "ask": data["a"], "ask_size": data["A"]}
            self.records[QUOTES][data["u"]] = {**record, "seq": data["u"]}
        elif kind == "depth@100ms":
            sides = {"bids": levels(data["b"]), "asks": levels(data["a"])}
            self.records[BOOK][data["u"]] = {**sides, "seq": data["u"], "ts": data["E"] * 1000}

    def best(self, seq: int) -> list[str]:
        """Return bid, its size, ask and its size of the newest quote at or below ``seq``, if there is one."""
        place = bisect_right(self._quoted, seq)
        if not place:
            return []
        newest = self.records[QUOTES][self._quoted[place - 1]]
        return [newest[name] for name in ("bid", "bid_size", "ask", "ask_size")]


def levels(side: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a side of a book with every nought spelled ``"0"``."""
    return [[price, size if float(size) else "0"] for price, size in side]
