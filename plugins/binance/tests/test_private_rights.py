"""What an account's key may do: as Binance tells it, as the venue does, and as the gateway tells it on."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from private import KEY, NOW_US, signer, target
from talk import SECRET, Talk, signed, talking
from trading import MARKETS, PLUGINS, account, trading

from gateway import spi
from gateway.testing.virtual import virtually
from gateway_binance.private.signing import signature
from gateway_binance.venue.private.accounts import demo, load
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

DOCUMENTED = {
    "ipRestrict": False,
    "createTime": 1698645219000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "permitsUniversalTransfer": False,
    "enableVanillaOptions": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": True,
    "enableSpotAndMarginTrading": False,
    "enablePortfolioMarginTrading": False,
}
"""The example of "Get API Key Permission", with nothing allowed."""
READS = spi.KeyRights(trading=False, withdrawal=False, address_bound=False)
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "9"}
LIMITED = "Invalid API-key, IP, or permissions for action."


def ask(exchange: str, reply: dict[str, Any], **parts: Any) -> tuple[spi.Fetch, spi.KeyRights]:
    """Return what is asked, and what comes of ``reply``."""
    conversation = PLUGINS[exchange].gateway_key_rights(target(exchange, **parts))
    assert conversation is not None
    step = next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.send(spi.HttpReply(200, {}, json.dumps(reply).encode()))
    return step, end.value.value


# --- what is asked


def test_spot_asks_once_and_signs_it() -> None:
    step, rights = ask("binance", DOCUMENTED)
    path, _, query = step.url.partition("?")
    payload, _, sum_ = query.rpartition("&signature=")
    assert path == "https://rest.example/sapi/v1/account/apiRestrictions"
    assert payload == f"recvWindow=60000&timestamp={NOW_US // 1000}"
    assert sum_ == signature(signer(), payload)
    assert (step.method, step.headers) == ("GET", {"X-MBX-APIKEY": KEY})
    assert step.cost == {"binance-margin-weight": 1}
    assert rights == READS


@pytest.mark.parametrize(
    ("right", "changed"),
    [
        ("ipRestrict", {"address_bound": True}),
        ("enableWithdrawals", {"withdrawal": True}),
        ("enableInternalTransfer", {"withdrawal": True}),
        ("permitsUniversalTransfer", {"withdrawal": True}),
        ("enableSpotAndMarginTrading", {"trading": True}),
        ("enableMargin", {"trading": True}),
        ("enableFutures", {"trading": True}),
        ("enableVanillaOptions", {"trading": True}),
        ("enablePortfolioMarginTrading", {"trading": True}),
        ("enableFixApiTrade", {"trading": True}),
    ],
)
def test_every_right_counts(right: str, changed: dict[str, bool]) -> None:
    assert ask("binance", {**DOCUMENTED, right: True})[1] == replace(READS, **changed)


@pytest.mark.parametrize("environment", ["testnet", "demo"])
def test_where_the_money_is_none_nobody_is_asked(environment: str) -> None:
    assert PLUGINS["binance"].gateway_key_rights(target(environment=environment)) is None


@pytest.mark.parametrize(
    ("exchange", "path"), [("binance-usdm", "/fapi/v1/accountConfig"), ("binance-coinm", "/dapi/v1/account")]
)
def test_futures_tell_what_an_account_may_not_do_and_nothing_of_its_key(exchange: str, path: str) -> None:
    step, rights = ask(exchange, {"canTrade": True, "canWithdraw": True})
    assert step.url.startswith(f"https://rest.example{path}?")
    assert step.cost == {"binance-futures-weight": 5}
    assert rights == spi.KeyRights()
    assert ask(exchange, {"canTrade": False, "canWithdraw": False})[1] == spi.KeyRights(
        trading=False, withdrawal=False
    )


# --- the venue


def reader(**rights: bool) -> BinanceVenue:
    """Return a venue whose account has a key of such rights."""
    return BinanceVenue(settings=Settings(accounts=[replace(demo(), **rights)]))


async def test_the_venue_tells_what_a_key_may_do_and_wants_it_signed() -> None:
    async with talking(reader(withdraws=True, bound=True)) as talk:
        status, told, headers = await talk.sign("GET /sapi/v1/account/apiRestrictions")
        assert (status, {name: told[name] for name in DOCUMENTED}) == (200, told)
        assert (told["enableWithdrawals"], told["ipRestrict"], told["enableSpotAndMarginTrading"]) == (True,) * 3
        assert headers["x-mbx-used-weight-1m"] == "1"
        status, refused, _ = await talk.call("GET /sapi/v1/account/apiRestrictions")
        assert (status, refused["code"]) == (400, -1102)
        wrong = f"timestamp={talk.venue.now_ms()}&signature={'0' * 64}"
        status, refused, _ = await talk.send("GET /sapi/v1/account/apiRestrictions", wrong)
        assert (status, refused["code"]) == (400, -1022)


async def test_a_key_that_only_reads_places_no_orders_at_the_venue() -> None:
    async with talking(reader(trades=False)) as talk:
        for route in ("POST /api/v3/order", "DELETE /api/v3/openOrders", "POST /fapi/v1/leverage"):
            status, refused, _ = await talk.sign(route, **ORDER)
            assert (status, refused) == (401, {"code": -2015, "msg": LIMITED})
        await talk.order("GET /api/v3/account")
        status, made, _ = await talk.call("POST /fapi/v1/listenKey")
        assert (status, list(made)) == (200, ["listenKey"])
        await over_the_websocket(talk)


async def over_the_websocket(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        refused = await line.ask("order.place", signed(talk.venue, **ORDER))
        assert (refused["status"], refused["error"]["code"]) == (401, -2015)
        assert (await line.ask("account.status", signed(talk.venue)))["status"] == 200


def test_a_file_of_accounts_says_what_a_key_may_do(tmp_path: Path) -> None:
    (path := tmp_path / "accounts.toml").write_text(
        f'[reader]\napi_key = "{KEY}"\nsecret = "{SECRET}"\ntrades = false\nbound = true\n'
    )
    [one] = load(path)
    assert (one.trades, one.withdraws, one.bound) == (False, False, True)
    path.write_text(path.read_text().replace("trades = false", 'trades = "no"'))
    with pytest.raises(ValueError, match="reader: need true or false for trades, withdraws, bound"):
        load(path)


# --- the gateway


@virtually
async def test_the_gateway_warns_of_a_key_that_may_trade() -> None:
    async with trading() as one:
        await one.hear("binance:orders:@spot")
        key = one.gateway.roster.account("spot")["key"]
        assert key == {
            "trading": True,
            "withdrawal": False,
            "address_bound": False,
            "excess": ["may trade", "works from every address"],
        }
        assert len(one.asked("GET", "/apiRestrictions")) == 1


@virtually
async def test_and_has_nothing_to_say_of_one_that_may_not() -> None:
    harmless = replace(account(), trades=False, bound=True)
    async with trading(venue={"accounts": [harmless]}) as one:
        ear = await one.hear("binance:orders:@spot")
        assert one.gateway.roster.account("spot")["key"]["excess"] == []
        one.venue.drop()
        await asyncio.sleep(60)
        assert one.state("binance/private@spot") == "CONNECTED"
        assert len(one.asked("GET", "/apiRestrictions")) == 1
        assert ear.take()[:2] == ["snapshot", "live"]


@pytest.mark.parametrize("exchange", ["binance-usdm", "binance-coinm"])
@virtually
async def test_of_a_futures_key_it_says_that_nothing_is_known(exchange: str) -> None:
    async with trading(exchange) as one:
        await one.hear(f"{exchange}:orders:@{MARKETS[exchange]}")
        key = one.gateway.roster.account(str(MARKETS[exchange]))["key"]
        known = {"trading": None, "withdrawal": None if exchange == "binance-usdm" else False}
        assert key == {**known, "address_bound": None, "excess": []}
