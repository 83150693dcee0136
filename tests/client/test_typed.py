"""Messages as typed records."""

import asyncio

import msgspec
import pytest

from gateway.client import connect, records
from gateway.client.typed import KINDS
from gateway.model.account import ACCOUNT_RECORDS, Balance, Order, Position
from gateway.model.market import MARKET_RECORDS, Book, Candle, Liquidation, Mark, Quote, Ticker, Trade

EVERY = [
    ("trades", Trade(4711, "60000.10", "0.5", "buy", 5)),
    ("trades", Trade("a1", "60000.10", "0.5", "sell", 5, first_id="x", last_id="y")),
    ("quotes", Quote("1", "2", "3", "4", seq=7)),
    ("book", Book([("1", "2")], [("3", "4"), ("5", "0")], 9, 10)),
    ("ticker", Ticker("1", 5, change_percent="2")),
    ("candles", Candle(1, 2, "1", "2", "3", "4", True)),
    ("mark", Mark("1", 5, funding_rate="0.1")),
    ("liquidations", Liquidation("sell", "1", "2", 5)),
    ("orders", Order("o1", "BTC-USDT", "buy", "filled", 5, trade_id=8)),
    ("balances", Balance("USDT", 5, free="1")),
    ("positions", Position("BTC-USDT", "1", 5)),
]


def message(channel, data, kind="update"):
    return {"topic": f"mock:{channel}:X", "type": kind, "epoch": "e", "offset": 1, "data": data}


@pytest.mark.parametrize("kind", ["update", "snapshot"])
@pytest.mark.parametrize(("channel", "record"), EVERY)
def test_what_went_over_the_wire_is_the_record_that_it_was(channel, record, kind):
    on_the_wire = msgspec.json.decode(msgspec.json.encode(message(channel, [record, record], kind)))
    assert records(on_the_wire) == [record, record]


def test_every_channel_has_its_record():
    assert set(KINDS) == {*MARKET_RECORDS, *ACCOUNT_RECORDS} == {channel for channel, _ in EVERY}


def test_fields_that_a_newer_gateway_adds_are_left_out_and_its_channels_left_as_they_are():
    plain = {"id": 1, "price": "1", "size": "2", "side": "buy", "ts": 5, "venue_fee": "3"}
    assert records(message("trades", [plain])) == [Trade(1, "1", "2", "buy", 5)]
    assert records(message("options", [plain])) == (plain,)


@pytest.mark.parametrize("payload", [{"e": "x"}, [1, 2], "text"])
def test_an_exchanges_own_payload_is_what_it_is(payload):
    assert records(message("raw", payload)) == (payload,)


@pytest.mark.parametrize("kind", ["status", "lag", "jump", "away", "back"])
def test_what_has_no_data_has_no_records(kind):
    assert records({"topic": "mock:trades:X", "type": kind}) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        *({}, {"type": "update"}, {"topic": "x", "type": "update", "data": []}, {"topic": 7, "type": "update"}),
        *({"topic": "a:new:c", "type": "update", "data": None}, {"topic": "a:trades:c", "type": []}),
    ],
)
def test_what_is_no_message_of_the_protocol_is_a_value_error(wrong):
    with pytest.raises(ValueError, match="no message of the protocol"):
        records(wrong)


def test_what_the_protocol_does_not_allow_is_an_error_that_names_the_topic():
    with pytest.raises(ValueError, match=r"mock:trades:X: .*price"):
        records(message("trades", [{"id": 1, "price": 2}]))


async def test_records_of_a_real_gateway(rig):
    async with asyncio.timeout(10), connect(rig.url) as client:
        await client.subscribe("mock:quotes:BTC-USDT")
        rig.publish("10")
        assert records(await anext(client)) == [Quote("10", "1", "2", "1")]
