"""Records say what the protocol's table of channels says, cannot be changed, and cost the collector nothing."""

import pytest
from msgspec import Struct
from msgspec.structs import fields

from gateway.model.account import ACCOUNT_RECORDS, Balance, Order
from gateway.model.market import MARKET_RECORDS, Trade

PROTOCOL = {
    "trades": ("id price size side ts", "first_id last_id"),
    "quotes": ("bid bid_size ask ask_size", "seq ts"),
    "book": ("bids asks", "seq ts"),
    "ticker": ("last ts", "open high low volume quote_volume bid ask change change_percent"),
    "candles": ("start end open high low close closed", "volume trades"),
    "mark": ("mark ts", "index funding_rate next_funding"),
    "liquidations": ("side price size ts", "status"),
    "orders": (
        "order_id symbol side status ts",
        (
            "client_order_id type time_in_force price size filled average_price"
            " last_price last_size fee fee_asset trade_id reason"
        ),
    ),
    "balances": ("asset ts", "free locked total change reason"),
    "positions": ("symbol size ts", "side entry_price unrealised_pnl margin_mode"),
}
"""The fields that each channel always has, and those that an exchange may not give."""

RECORDS = {**MARKET_RECORDS, **ACCOUNT_RECORDS}


def test_every_channel_with_records_has_its_own() -> None:
    assert set(RECORDS) == set(PROTOCOL)
    assert len(set(RECORDS.values())) == len(RECORDS)


@pytest.mark.parametrize("channel", PROTOCOL)
def test_a_record_has_the_fields_of_the_protocol(channel: str) -> None:
    always, sometimes = (set(names.split()) for names in PROTOCOL[channel])
    found = fields(RECORDS[channel])
    assert {field.name for field in found if field.required} == always
    assert {field.name for field in found if not field.required} == sometimes
    assert all(field.default is None for field in found if not field.required)


@pytest.mark.parametrize("record", RECORDS.values())
def test_records_are_frozen_light_and_leave_out_what_is_not_there(record: type[Struct]) -> None:
    config = record.__struct_config__
    assert (config.frozen, config.gc, config.omit_defaults) == (True, False, True)


def test_a_record_cannot_be_changed() -> None:
    trade = Trade(1, "1", "2", "buy", 3)
    with pytest.raises(AttributeError):
        trade.price = "9"  # type: ignore[misc]
    assert trade == Trade(1, "1", "2", "buy", 3)
    assert hash(Balance("BTC", 1)) == hash(Balance("BTC", 1))
    assert Order("1", "A", "buy", "new", 1) != Order("1", "A", "sell", "new", 1)
