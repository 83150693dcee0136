"""Replies of REST that were recorded, by us or by peers, are read; what is no JSON is refused in good order."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from captures import CAPTURES, Kind, json_lines, named
from msgspec import convert

from gateway import spi
from gateway_binance import backfill, book, reference
from gateway_binance.private import futures_state, spot_state

PUBLIC: dict[str, Any] = {
    "exchangeInfo": reference.Info,
    "time": reference.Clock,
    "depth": book.Depth,
    "trades": Sequence[backfill.Old],
    "historicalTrades": Sequence[backfill.Old],
    "aggTrades": Sequence[backfill.OldAggregate],
}
SPOT: dict[str, Any] = {
    "openOrders": list[spot_state.Row],
    "order": spot_state.Row,
    "account": spot_state.Holdings,
}
FUTURES: dict[str, Any] = {
    "openOrders": list[futures_state.Row],
    "order": futures_state.Row,
    "balance": list[futures_state.Asset],
    "positionRisk": list[futures_state.Holding],
    "openAlgoOrders": list[futures_state.AlgoRow],
    "algoOrder": futures_state.AlgoRow,
}
READ: dict[str, dict[str, Any]] = {
    "api": {**PUBLIC, **SPOT},
    "fapi": {**PUBLIC, **FUTURES},
    "dapi": {**PUBLIC, **FUTURES},
}
"""What a reply is read as, by the beginning and the end of its path."""


def replies(name: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the paths of the replies that are read here, what they say, and as what they are read."""
    for line in json_lines(CAPTURES / name):
        path = line.get("path") or line.get("url", "").partition("?")[0].partition("://")[2].partition("/")[2]
        begin, _, rest = path.removeprefix("/").partition("/")
        kind = READ.get(begin, {}).get(rest.rpartition("/")[2])
        if kind is not None and line.get("method", "GET") == "GET" and "frame" in line:
            yield path, json.loads(line["frame"]), kind


@pytest.mark.parametrize("name", named(Kind.FRAMES) + named(Kind.BOOKS))
def test_a_recorded_reply_is_read(name: str, capsys: Any) -> None:
    read: Counter[str] = Counter()
    for path, said, kind in replies(name):
        if not (isinstance(said, dict) and "code" in said and "msg" in said):  # that would be a refusal
            assert convert(said, kind) is not None
            read[path] += 1
    with capsys.disabled():
        print(f"\n{name}: {dict(read)} replies")  # noqa: T201  # whoever runs it sees what was read


def binary() -> list[bytes]:
    """Return frames that are binary, of any exchange."""
    if not CAPTURES.is_dir():
        return []
    files = sorted({*CAPTURES.rglob("*sbe*"), *CAPTURES.rglob("*non-json*")})
    lines = [line for path in files for line in json_lines(path)]
    return [base64.b64decode(line["frame_b64"]) for line in lines if "frame_b64" in line]


@pytest.mark.parametrize("exchange", ["binance", "binance-usdm", "binance-coinm"])
@pytest.mark.parametrize("is_binary", [True, False])
def test_real_frames_that_are_no_json_are_refused(exchange: str, is_binary: bool, dialect_of: Any) -> None:
    dialect: spi.Dialect = dialect_of(exchange)
    for payload in binary():
        assert dialect.stream(payload, is_binary) is None
        with pytest.raises(ValueError):
            list(dialect.decode(payload, is_binary))
