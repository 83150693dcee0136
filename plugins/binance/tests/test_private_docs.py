"""What docs/binance.md says of accounts is what is declared, read and paid."""

import json
import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

import pytest
from binance_page import PAGE, PLUGINS, rows
from private import NOW_US, listed, target

from gateway import config, spi
from gateway_binance.options import SpotOptions
from gateway_binance.private.futures_events import FuturesEvents
from gateway_binance.private.orders import Names
from gateway_binance.private.spot_events import SpotEvents

ACCOUNTS = PAGE.partition("## Accounts")[2]
WITHOUT_RECORD = {"MARGIN_CALL", "CONDITIONAL_ORDER_TRIGGER_REJECT"}


def test_the_events_are_those_that_are_read() -> None:
    names = Names(listed())
    known = [set(SpotEvents(names)._readers), set(FuturesEvents(names)._readers) - WITHOUT_RECORD]
    table = rows("<!-- events: compared with what is read -->")
    assert [set(re.findall(r"\w+", " ".join(column))) for column in list(zip(*table, strict=True))[1:]] == known
    assert all(kind in ACCOUNTS for kind in WITHOUT_RECORD)
    channels = [channel for channel, *_ in table]
    for exchange, plugin in PLUGINS.items():
        offered = [one.name for one in plugin.gateway_exchange_info().channels if one.private]
        assert offered == (channels[:2] if exchange == "binance" else channels)


def test_the_hosts_are_those_that_are_dialled() -> None:
    told = rows("<!-- private environments: compared with what the plugins declare -->")
    assert told == [
        [exchange, environment, endpoint.urls[environment]]
        for exchange, plugin in PLUGINS.items()
        for environment in plugin.gateway_exchange_info().environments
        for endpoint in plugin.gateway_exchange_info().endpoints
        if endpoint.private and environment != "data"
    ]


ENDED = {"symbol": "A", "orderId": 7, "clientOrderId": "", "price": "1", "origQty": "1", "executedQty": "1"}
ENDED |= {"status": "FILLED", "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "updateTime": 1}
TRIGGERED = {"symbol": "A", "algoId": 7, "clientAlgoId": "", "orderType": "STOP", "side": "BUY", "quantity": "1"}
TRIGGERED |= {"timeInForce": "GTC", "price": "1", "algoStatus": "FINISHED", "updateTime": 1, "actualOrderId": "8"}

ANSWERS = {"account": {"balances": [], "userAssets": []}, "order": ENDED, "algoOrder": TRIGGERED}
"""By the end of what is asked for; to all else the answer is that there is nothing."""


def paid(exchange: str, known: Any, options: Any = None) -> tuple[int, set[str]]:
    """Return what it costs to fetch an account, and on which limits that draws."""
    plugin = PLUGINS[exchange]
    conversation = plugin.gateway_reconcile(target(exchange, options=options), NOW_US, known, listed())
    weight, limits = 0, set[str]()
    reply: Any = None
    while True:
        try:
            step = conversation.send(reply)
        except StopIteration:
            return weight, limits
        reply = spi.HttpReply(
            200, {}, json.dumps(ANSWERS.get(urlsplit(step.url).path.rpartition("/")[2], [])).encode()
        )
        weight += sum(step.cost.values())
        limits |= step.cost.keys()


def order(kind: str = "LIMIT") -> spi.Order:
    return spi.Order(order_id=7, symbol="A", side="buy", status="new", ts=1, type=kind)


@pytest.mark.parametrize(
    ("account", "exchange", "options"),
    [
        ("spot", "binance", None),
        ("margin", "binance", SpotOptions(cross_margin=("main",))),
        ("futures", "binance-usdm", None),
        ("futures", "binance-coinm", None),
    ],
)
def test_a_fetch_weighs_what_is_said(account: str, exchange: str, options: Any) -> None:
    [(whole, each, limit)] = [
        row[1:] for row in rows("<!-- weights: compared with what is paid -->") if row[0] == account
    ]
    weight, limits = paid(exchange, [], options)
    assert (str(weight), limits) == (whole, {limit})
    one, *more = map(int, re.findall(r"\d+", each))
    assert paid(exchange, [order()], options)[0] - weight == one
    assert [paid(exchange, [order("STOP")], options)[0] - weight for _ in more] == more


def test_the_limit_of_margin_is_the_one_that_holds() -> None:
    [limit] = [one for one in PLUGINS["binance"].gateway_exchange_info().limits if "margin" in one.name]
    assert f"`{limit.name}`, {limit.count} in {limit.per:g} s, told in `{limit.usage_header}`" in ACCOUNTS


def test_every_option_of_accounts_is_told() -> None:
    told = {
        key.rpartition(".")[2]
        for key, *_ in rows("`x-sapi-used-ip-weight-1m`.")
        if key.startswith("plugins.options")
    }
    assert told == SpotOptions.model_fields.keys() - {"time_unit"}


def test_the_example_is_a_configuration() -> None:
    [example] = re.findall(r"```toml\n(.*?)```", ACCOUNTS, re.DOTALL)
    settings = config.load(None, {}, tomllib.loads(example))
    assert settings.accounts["main"].exchange == "binance"


@pytest.mark.parametrize("exchange", PLUGINS)
def test_how_long_things_last_is_as_said(exchange: str) -> None:
    assert all(f"{seconds:g} s" in ACCOUNTS for seconds in periods(exchange))


def periods(exchange: str) -> list[float]:
    """Return the periods and lives of what keeps an account's stream."""
    conversation = PLUGINS[exchange].gateway_handshake(target(exchange))
    replies: dict[type, Any] = {spi.Fetch: spi.HttpReply(200, {}, b'{"listenKey":"k"}')}
    replies[spi.Receive] = b'{"id":2,"status":200,"result":{"subscriptionId":0}}'
    reply = None
    while True:
        try:
            step = conversation.send(reply)
        except StopIteration as end:
            [one] = end.value.keepalives
            return [one.every] + ([] if one.lasts is None else [one.lasts])
        reply = replies.get(type(step))
