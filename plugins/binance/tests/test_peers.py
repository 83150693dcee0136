"""What peers make of recorded frames, we make of them: ids, prices, sizes, sides, times; or it is said why not."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from peers import agree, crypto_msg_parser, tardis, told, unicorn_fy
from recordings import fetched

from gateway import spi

FILES = {
    "binance-spot/tardis-pairs.dev.json": tardis,
    "binance-coinm/tardis-pairs.dev.json": tardis,
    "binance-spot/cmp-pairs.dev.jsonl": crypto_msg_parser,
    "binance-spot/unicornfy-pairs.dev.json": unicorn_fy,
    "binance-usdm/unicornfy-pairs.dev.json": unicorn_fy,
}

ALL_MARKET = "a stream of all symbols, which only passes through raw: no topic has its records"
NOT_COMBINED = "a frame of a connection that is not combined; the plugin opens no such connection"
NO_CHANNEL = "no channel has what it says: it only passes through raw"
PRIVATE = "an account's event; those have tests of their own"
ANSWER = "an answer to a request, not a datum"
REST_ONLY = "open interest has no stream; the peer's collector fetched it"
SILENT = "the peer has no such record"
UNREADY = "the peer tells no change until it has the whole book; ours waits in the book, not in the dialect"
OFF_BOOK = "no trade of the order book: neither tells it"
FUTURES = "unicorn-fy TestBinanceComWebsocketFutures.test_"
COINM = "unicorn-fy TestBinanceComWebsocketCoinFutures.test_"
REASONS = {
    "tardis binance 4": SILENT,
    "tardis binance 7": UNREADY,
    "tardis binance 8": UNREADY,
    "tardis binance-delivery 1": ANSWER,
    "tardis binance-delivery 5": NO_CHANNEL,
    "tardis binance-delivery 8": REST_ONLY,
    "tardis binance-delivery 11": OFF_BOOK,
    "bbo::inverse_future InverseFuture 12": ALL_MARKET,
    "ticker::spot Spot 15": ALL_MARKET,
    "ticker::linear_future LinearFuture 17": ALL_MARKET,
    "ticker::linear_swap LinearSwap 19": ALL_MARKET,
    "open_interest::inverse_future InverseFuture 25": REST_ONLY,
    "open_interest::linear_swap LinearSwap 26": REST_ONLY,
    "unicorn-fy TestBinanceGeneric.test_result": ANSWER,
    "unicorn-fy TestBinanceComWebsocket.test_miniTicker_single": NO_CHANNEL,
    "unicorn-fy TestBinanceComWebsocket.test_listStatus": PRIVATE,
    f"{FUTURES}result": ANSWER,
    f"{FUTURES}miniTicker_single": NO_CHANNEL,
    f"{FUTURES}account_update_futures": PRIVATE,
    f"{FUTURES}margin_call_futures": PRIVATE,
    f"{FUTURES}account_config_update_asset_mode_futures": PRIVATE,
    f"{COINM}index_price_update_arr": NOT_COMBINED,
    f"{COINM}mark_price_update_arr": NOT_COMBINED,
    f"{COINM}miniTicker_arr": NOT_COMBINED,
    f"{COINM}ticker_arr": NOT_COMBINED,
    f"{COINM}margin_call": PRIVATE,
    f"{COINM}order_update": PRIVATE,
}
"""Why an answer is not compared."""
ELSEWHERE = {
    "tardis binance 9": {"bids 1 size"},  # of an update before, which the peer has merged in
    "tardis binance-delivery 7": {"mark"},  # of a mark price before
    "unicorn-fy TestBinanceComWebsocket.test_ticker_single": {"bid_size", "ask_size"},  # no fields of the channel
}
"""What an answer says beyond the frame, or beyond the channel."""


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
    reasons = set[str]()
    for answer in FILES[name](capture(name)):
        if answer.name in REASONS:
            reasons.add(answer.name)
            continue
        (data,) = read(dialect_of(answer.exchange), drive, answer.frame)
        ours = told(data)
        wanted = {
            fact: value for fact, value in answer.facts.items() if fact not in ELSEWHERE.get(answer.name, ())
        }
        assert wanted
        differ = {
            fact: (ours.get(fact), value) for fact, value in wanted.items() if not agree(ours.get(fact), value)
        }
        assert differ == {}, answer.name
        compared += len(wanted)
    with capsys.disabled():
        print(f"\n{name}: {compared} facts compared, 0 differ, {len(reasons)} answers listed")  # noqa: T201  # see there
    assert compared


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_compared_gives_no_record_and_no_reason_is_spent_in_vain(
    name: str, capture: Any, dialect_of: Any
) -> None:
    answers = {answer.name: answer for answer in FILES[name](capture(name))}
    for listed in REASONS.keys() & answers.keys():
        dialect, answer = dialect_of(answers[listed].exchange), answers[listed]
        if REASONS[listed] in {SILENT, UNREADY}:
            assert not answer.facts
            continue
        try:
            events = list(dialect.decode(answer.frame, False))
        except ValueError:
            continue
        assert not any(getattr(event, "records", ()) for event in events)


def test_every_reason_is_of_an_answer(capture: Any) -> None:
    answers = {answer.name for name, peer in FILES.items() for answer in peer(capture(name))}
    assert answers >= REASONS.keys() | ELSEWHERE.keys()
