"""What peers make of recorded frames, we make of them: ids, prices, sizes, sides, times; or it is said why not."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import plainly
import plainly_private
import pytest
from captures import Kind, named, unpacked
from msgspec.structs import asdict
from peers import Answer, agree, crypto_msg_parser, tardis, told, unicorn_fy
from recordings import fetched
from unwrapped import wrapped

from gateway import spi
from gateway_binance.private.futures_events import FuturesEvents
from gateway_binance.private.listenkey import EVENTS
from gateway_binance.private.orders import Names
from gateway_binance.private.spot_events import SpotEvents

FILES = {
    **dict.fromkeys(named(Kind.TARDIS, "binance-spot/tardis-pairs.dev.json"), tardis),
    **dict.fromkeys(named(Kind.CRYPTO_MSG_PARSER, "binance-spot/cmp-pairs.dev.jsonl"), crypto_msg_parser),
    **dict.fromkeys(named(Kind.UNICORN_FY, "binance-usdm/unicornfy-pairs.dev.json"), unicorn_fy),
}
PRIVATE_EVENTS = {
    *plainly_private.KINDS,
    *EVENTS,
    "listStatus",
    "eventStreamTerminated",
    "outboundAccountInfo",
    "USER_LIABILITY_CHANGE",
    "MARGIN_LEVEL_STATUS_CHANGE",
}

# Why an answer is not compared. Each is told by the frame alone, never by what we make of it.
NO_PLUGIN = "a market of which there is no plugin"
ALL_MARKET = "a stream of all symbols, which only passes through raw: no topic has its records"
NO_CHANNEL = "no channel has what it says: it only passes through raw"
PRIVATE = "an account's event, which is compared below"
ANSWER = "an answer to a request, not a datum"
REST_ONLY = "open interest has no stream; the peer's collector fetched it"
SILENT = "the peer has no such record, or tells no change until it has the whole book"
OFF_BOOK = "no trade of the order book: neither tells it"
OTHER_UNIVERSE = "a symbol of the other futures market, which its plugin tells"
# Why one of an answer's facts is not compared.
ELSEWHERE = "of another frame: the peer gathers what several say, and its value is nowhere in this one"
NO_FIELD = "the channel has no such field"


def why_not(answer: Answer) -> str | None:
    """Return why an answer is not compared."""
    message = json.loads(answer.frame)
    if not answer.exchange:
        return NO_PLUGIN
    if isinstance(message, list) or message.get("stream", "").startswith("!"):
        return ALL_MARKET
    event = message.get("data", message)
    if not isinstance(event, dict):
        return NO_CHANNEL
    return _why_not_public(message, event) or _why_not_told(answer, event, message.get("stream", ""))


def _why_not_public(message: Any, event: Any) -> str | None:
    if "openInterest" in event:
        return REST_ONLY
    if event.get("e") in PRIVATE_EVENTS:
        return PRIVATE
    is_datum = "stream" in message or "e" in event or "lastUpdateId" in event
    return None if is_datum else ANSWER


def _why_not_told(answer: Answer, event: Any, stream: str) -> str | None:
    kind = stream.partition("@")[2].partition("@")[0].partition("_")[0]
    if stream and kind not in plainly.KINDS[answer.exchange] and kind != "depthSnapshot":
        return NO_CHANNEL
    if event.get("X") in {"INSURANCE_FUND", "ADL", "NA"}:
        return OFF_BOOK
    if event.get("st", plainly.UNIVERSE.get(answer.exchange)) != plainly.UNIVERSE.get(answer.exchange):
        return OTHER_UNIVERSE
    return None if answer.facts else SILENT


def why_not_that(answer: Answer, fact: str, value: Any, fields: set[str]) -> str | None:
    """Return why one of an answer's facts is not compared."""
    if fact.partition(" ")[0] in {"bids", "asks"}:
        return None
    if fact not in fields:
        return NO_FIELD
    said = str(value // 1000 if fact in {"ts", "message ts", "next_funding", "start", "end"} else value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    is_here = not is_number or any(agree(one, value) or one == said for one in scalars(json.loads(answer.frame)))
    return None if is_here else ELSEWHERE


def scalars(value: Any) -> Iterator[str]:
    """Yield every number of a frame, as text."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from scalars(one)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            float(value)
        except ValueError:
            return
        yield str(value)


def read(dialect: Any, drive: Any, frame: bytes) -> Sequence[Any]:
    """Return what we make of a frame or, where a peer's collector keeps one among frames, of a book's snapshot."""
    message = json.loads(frame)
    body = message["data"] if "@depthSnapshot" in message.get("stream", "") else message
    if "lastUpdateId" in body:
        snapshot = fetched(drive, dialect.book("btcusdt@depth"), json.dumps(body).encode())
        return [spi.Data("btcusdt@depth", (snapshot,), snapshot.ts)]
    return list(dialect.decode(frame, False))


@pytest.mark.parametrize("name", FILES)
def test_an_answer_is_ours(name: str, capture: Any, dialect_of: Any, drive: Any, capsys: Any) -> None:
    compared = 0
    reasons: Counter[str] = Counter()
    for answer in FILES[name](capture(name)):
        reason = why_not(answer)
        if reason is not None:
            reasons[reason] += 1
            continue
        frame = answer.frame if b'"stream"' in answer.frame else next(wrapped(answer.frame), answer.frame)
        (data,) = read(dialect_of(answer.exchange), drive, frame)
        ours = told(data)
        assert data.records, answer.name
        differ = {}
        for fact, value in answer.facts.items():
            reason = why_not_that(answer, fact, value, set(ours))
            if reason is not None:
                reasons[reason] += 1
                continue
            compared += 1
            if not agree(ours.get(fact), value):
                differ[fact] = (ours.get(fact), value)
        assert differ == {}, answer.name
    with capsys.disabled():
        print(f"\n{name}: {compared} facts compared, 0 differ")  # noqa: T201  # see there
        for reason, count in reasons.items():
            print(f"  {count} not compared: {reason}")  # noqa: T201  # likewise
    assert compared or NO_PLUGIN in reasons


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_compared_gives_no_record(name: str, capture: Any, dialect_of: Any) -> None:
    for answer in FILES[name](capture(name)):
        reason = why_not(answer)
        if reason is None or reason in {SILENT, NO_PLUGIN}:
            continue
        try:
            events = list(dialect_of(answer.exchange).decode(answer.frame, False))
        except ValueError:
            continue
        assert not any(getattr(event, "records", ()) for event in events), answer.name


KNOWN = {
    "binance-spot/tardis-pairs.dev.json": (10, 54),
    "binance-coinm/tardis-pairs.dev.json": (12, 33),
    "binance-spot/cmp-pairs.dev.jsonl": (26, 151),
    "binance-spot/unicornfy-pairs.dev.json": (6, 17),
    "binance-usdm/unicornfy-pairs.dev.json": (21, 106),
}
"""How many answers there are, and how many of their facts are compared at least."""


@pytest.mark.parametrize("name", sorted(KNOWN.keys() & FILES.keys()) or KNOWN)
def test_no_reason_grows_in_secret(name: str, capture: Any, dialect_of: Any, drive: Any) -> None:
    path = capture(name)
    answers = list(FILES[name](path))
    if KNOWN[name][0] != len(answers):
        return  # it has the name alone in common with the one that is known
    compared = 0
    for answer in answers:
        if why_not(answer) is None:
            frame = answer.frame if b'"stream"' in answer.frame else next(wrapped(answer.frame), answer.frame)
            (data,) = read(dialect_of(answer.exchange), drive, frame)
            fields = set(told(data))
            compared += sum(why_not_that(answer, *fact, fields) is None for fact in answer.facts.items())
    assert compared >= KNOWN[name][1]


# --- accounts

CALLED = {
    "order_id": {"order_id"},
    "client_order_id": {"client_order_id", "original_client_order_id"},
    "symbol": {"symbol"},
    "side": {"side", "position_side"},
    "price": {"order_price"},
    "size": {"order_quantity", "position_amount"},
    "filled": {"cumulative_filled_quantity"},
    "ts": {"transaction_time", "transaction", "order_trade_time", "clear_time", "event_time"},
    "trade_id": {"trade_id"},
    "last_price": {"last_executed_price"},
    "last_size": {"last_executed_quantity"},
    "asset": {"asset"},
    "free": {"free"},
    "locked": {"locked"},
    "total": {"wallet_balance"},
    "entry_price": {"entry_price"},
    "unrealised_pnl": {"upnl"},
}
"""What the peer calls what we tell, where it says it."""
EVENTS_OF: dict[str, Any] = {"futures": FuturesEvents, "spot": SpotEvents}


def values_of(value: Any, names: set[str]) -> set[str]:
    """Return every value that has one of these names in a peer's answer, as text."""
    if isinstance(value, list):
        return set[str]().union(*(values_of(one, names) for one in value))
    if not isinstance(value, dict):
        return set()
    here = {str(one) for name, one in value.items() if name in names}
    return here.union(*(values_of(one, names) for one in value.values()))


@pytest.mark.parametrize("name", [name for name, peer in FILES.items() if peer is unicorn_fy])
def test_what_we_tell_of_an_account_is_among_what_the_peer_tells(name: str, capture: Any, capsys: Any) -> None:
    compared = 0
    for pair in json.loads(unpacked(capture(name)))["pairs"]:
        event = json.loads(pair["message_raw"])
        if not isinstance(event, dict) or event.get("e") not in PRIVATE_EVENTS:
            continue
        reader = EVENTS_OF["futures" if "futures" in pair["decoder"] else "spot"](Names(spi.Instruments(())))
        told_of = reader.read(event["e"], pair["message_raw"].encode())
        for record in told_of.records if isinstance(told_of, spi.Data) else ():
            for field, value in asdict(record).items():
                theirs = values_of(pair["expected"], CALLED.get(field, set()))
                if theirs and value is not None:
                    wanted = str(value // 1000) if field == "ts" else str(value)
                    assert wanted in theirs or wanted.upper() in theirs, (pair["test"], field, value)
                    compared += 1
    with capsys.disabled():
        print(f"\n{name}: {compared} facts of accounts compared, 0 differ")  # noqa: T201  # see there
