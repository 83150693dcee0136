"""A symbol is found by either spelling, and never guessed."""

from dataclasses import replace

import pytest

from gateway.errors import SubscriptionError
from gateway.model.instruments import Instrument, Instruments, ListChange


def instrument(symbol: str, native: str) -> Instrument:
    base, _, quote = symbol.partition("-")
    return Instrument(symbol=symbol, native=native, base=base, quote=quote)


BTC = instrument("BTC-USDT", "BTCUSDT")
ETH = instrument("ETH-USDT", "ETHUSDT")


def test_either_spelling_finds_it() -> None:
    instruments = Instruments([BTC, ETH])
    assert instruments.find("x", "BTC-USDT") is instruments.find("x", "BTCUSDT") is BTC
    assert (len(instruments), list(instruments)) == (2, [BTC, ETH])


@pytest.mark.parametrize("written", ["btc-usdt", "BTC", "BTC/USDT", "BTC-USDTX", "", "BTC-USDT "])
def test_nothing_else_does(written: str) -> None:
    with pytest.raises(SubscriptionError) as caught:
        Instruments([BTC, ETH]).find("binance", written)
    assert (caught.value.code, str(caught.value)) == ("unknown_symbol", f"binance has no symbol {written}")
    assert not caught.value.temporary


def test_our_spelling_is_tried_first() -> None:
    """The exchange's own name of one thing may be our name of another."""
    odd = instrument("ODD", "BTC-USDT")
    instruments = Instruments([odd, BTC])
    assert instruments.find("x", "BTC-USDT") is BTC
    assert instruments.find("x", "ODD") is odd
    assert instruments.native("BTC-USDT") is odd


@pytest.mark.parametrize("written", ["BTC-USDT", "BTC"])
def test_two_matches_are_told_with_the_choices(written: str) -> None:
    twins = [instrument("BTC-USDT", "XBT"), instrument("BTC-USDT", "BTC"), instrument("WBTC-USDT", "BTC")]
    with pytest.raises(SubscriptionError) as caught:
        Instruments(twins).find("kraken", written)
    assert caught.value.code == "ambiguous_symbol"
    choices = {"BTC-USDT": "BTC, BTC-USDT, XBT", "BTC": "BTC, BTC-USDT, WBTC-USDT"}
    assert str(caught.value) == f"{written} could be any of {choices[written]} on kraken"


def test_a_native_name_that_two_share_names_none() -> None:
    instruments = Instruments([instrument("A", "x"), instrument("B", "x"), BTC])
    assert instruments.native("x") is None
    assert instruments.native("unknown") is None
    assert instruments.native("BTCUSDT") is BTC


def test_an_empty_list_knows_nothing() -> None:
    assert len(Instruments()) == 0
    with pytest.raises(SubscriptionError, match="x has no symbol BTC"):
        Instruments().find("x", "BTC")


def test_instruments_may_come_from_a_generator() -> None:
    assert len(Instruments(one for one in (BTC, ETH))) == 2


def test_what_became_of_each_instrument_is_told() -> None:
    halted = replace(ETH, status="HALT")
    sol = instrument("SOL-USDT", "SOLUSDT")
    changes = list(Instruments([sol, halted]).since(Instruments([BTC, ETH])))
    assert [(change.what, change.instrument) for change in changes] == [
        ("delisted", BTC),
        ("changed", halted),
        ("listed", sol),
    ]
    assert changes[1].before is ETH
    assert not list(Instruments([BTC, ETH]).since(Instruments([ETH, BTC])))


def test_one_that_is_called_otherwise_by_the_exchange_is_another() -> None:
    renamed = instrument("BTC-USDT", "XBTUSDT")
    changes = list(Instruments([renamed]).since(Instruments([BTC])))
    assert [(change.what, change.instrument) for change in changes] == [("delisted", BTC), ("listed", renamed)]


def test_a_change_is_of_something() -> None:
    with pytest.raises(LookupError):
        _ = ListChange(None, None).instrument
