"""Scenarios of Binance's own words: orders live, keys end, contracts come and go; also in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from talk import KEY, Line, Talk, mac, signed, talking, tick

from gateway.cli.exits import explained
from gateway.errors import TransportLost
from gateway.net.transport import Kind, Transport
from gateway.spi.steps import Fetch, Open
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.scenario import play
from gateway.testing.scenario_files import ScenarioError, read
from gateway.testing.virtual import virtually
from gateway_binance.venue import venue as entry
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings
from gateway_binance.venue.words import WORDS

NOW = 1_764_547_200.0


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    async with talking(BinanceVenue(rate=None, settings=Settings(now=lambda: NOW))) as opened:
        yield opened


async def played(talk: Talk, *steps: str) -> None:
    lines = ", ".join(f"{{ at = 0, {step} }}" for step in steps)
    await play(read(f"steps = [{lines}]", own=WORDS), talk.venue)


async def private(talk: Talk, line: Line) -> None:
    await line.ask("userDataStream.subscribe.signature", signed(talk.venue))


LIFE = (
    'do = "place_order", id = "a", symbol = "BTCUSDT", side = "BUY", quantity = "2", price = "100"',
    'do = "fill_order", id = "a", quantity = "0.5"',
    'do = "fill_order", id = "a", price = "99"',
    'do = "place_order", id = "b", symbol = "BTCUSDT", side = "BUY", quantity = "2", price = "100"',
    'do = "cancel_order", id = "b"',
    'do = "place_order", id = "c", symbol = "BTCUSDT", side = "SELL", quantity = "1", price = "99999"',
    'do = "expire_order", id = "c"',
    'do = "transfer", asset = "USDT", amount = "-5.5"',
)


async def test_orders_live_as_the_scenario_says(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        await private(talk, line)
        await played(talk, *LIFE)
        events = [one["event"] for one in await line.data(16)]
    lives = [(one["c"] if one["x"] != "CANCELED" else one["C"], one["X"]) for one in events if "x" in one]
    assert lives == [
        *(("a", "NEW"), ("a", "PARTIALLY_FILLED"), ("a", "FILLED")),
        *(("b", "NEW"), ("b", "CANCELED"), ("c", "NEW"), ("c", "EXPIRED")),
    ]
    assert [one["L"] for one in events if one.get("x") == "TRADE"] == ["100.00000000", "99.00000000"]
    assert events[-2]["d"] == "-5.50000000"
    statuses = {
        row["clientOrderId"]: row["status"] for row in await talk.order("GET /api/v3/allOrders", symbol="BTCUSDT")
    }
    assert statuses == {"a": "FILLED", "b": "CANCELED", "c": "EXPIRED"}


SHORT = (
    'do = "place_order", market = "usdm", id = "a", symbol = "BTCUSDT", side = "SELL", quantity = "1", '
    'type = "MARKET"'
)


async def test_futures_are_funded_called_and_liquidated(talk: Talk) -> None:
    _, key, _ = await talk.call("POST /fapi/v1/listenKey")
    events = "ACCOUNT_UPDATE/MARGIN_CALL/listenKeyExpired"
    async with (
        talk.line(f"/private/ws?listenKey={key['listenKey']}&events={events}") as mine,
        talk.line("/market/ws/btcusdt@forceOrder") as public,
        talk.line("/dstream.binance.com/ws/!forceOrder@arr") as everybodys,
    ):
        await played(
            talk,
            SHORT,
            'do = "fund", symbol = "BTCUSDT", rate = "0.001"',
            'do = "call_margin", symbol = "BTCUSDT"',
            'do = "liquidate", symbol = "BTCUSDT", side = "BUY", quantity = "0.25"',
            'do = "expire_keys"',
        )
        sold, funded, called, expired = await mine.data(4)
        assert [one["a"]["m"] for one in (sold, funded)] == ["ORDER", "FUNDING_FEE"]
        assert float(funded["a"]["B"][0]["bc"]) > 0  # whoever is short is paid
        assert (called["e"], called["p"][0]["pa"], "T" in called) == ("MARGIN_CALL", "-1", False)
        assert expired["e"] == "listenKeyExpired"
        for line in (public, everybodys):
            order = (await line.datum())["o"]
            assert (order["s"], order["S"], order["q"]) == ("BTCUSDT", "BUY", "0.25")


async def test_contracts_come_change_and_go(talk: Talk) -> None:
    async with talk.line("/market/ws/!contractInfo") as line:
        await played(
            talk,
            'do = "set_status", market = "usdm", symbol = "NEWUSDT", status = "TRADING"',
            'do = "set_status", market = "coinm", symbol = "BTCUSD_PERP", status = "SETTLING"',
            'do = "delist", market = "usdm", symbol = "ETHUSDT"',
        )
        told = [(one["s"], one["cs"], one["st"]) for one in await line.data(2)]
        assert told == [("NEWUSDT", "TRADING", 1), ("BTCUSD_PERP", "SETTLING", 2)]
    _, info, _ = await talk.call("GET /fapi/v1/exchangeInfo")
    names = {one["symbol"] for one in info["symbols"]}
    assert "NEWUSDT" in names
    assert "ETHUSDT" not in names
    assert (await talk.call("GET /fapi/v1/depth", {"symbol": "ETHUSDT"}))[1]["code"] == -1121
    async with talk.line("/public/ws/newusdt@bookTicker/ethusdt@bookTicker") as line:
        tick(talk.venue, 400)
        await line.ask("LIST_SUBSCRIPTIONS")
        assert {one["s"] for one in line._data} == {"NEWUSDT"}


async def test_spots_new_symbol_is_listed_without_a_word(talk: Talk) -> None:
    await played(talk, 'do = "set_status", symbol = "NEWUSDT", status = "BREAK"')
    _, info, _ = await talk.call("GET /api/v3/exchangeInfo", {"symbol": "NEWUSDT"})
    assert info["symbols"][0]["status"] == "BREAK"


async def test_keys_are_revoked_and_addresses_banned_and_the_clock_is_wrong(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        await private(talk, line)
        await played(talk, 'do = "end_subscriptions"')
        assert (await line.datum())["event"]["e"] == "eventStreamTerminated"
        await private(talk, line)
        await played(talk, 'do = "shift_clock", seconds = -7.5', 'do = "ban", market = "coinm", seconds = 9')
        assert (await line.ask("time"))["result"]["serverTime"] == int((NOW - 7.5) * 1000)
        query = f"timestamp={int(NOW * 1000)}"
        assert (await talk.send("GET /api/v3/account", f"{query}&signature={mac(query)}"))[1]["code"] == -1021
        assert [(await talk.call(f"GET {path}/ping"))[0] for path in ("/dapi/v1", "/fapi/v1", "/api/v3")] == [
            418,
            418,
            200,
        ]
        await played(talk, 'do = "revoke_key"')
        assert (await line.ask("session.subscriptions"))["result"] == []
    assert (await talk.sign("GET /api/v3/account"))[1]["code"] == -2015


@pytest.mark.parametrize(
    "step",
    [
        'do = "fill_order", id = "x"',
        'do = "place_order", account = "nobody", id = "x", symbol = "BTCUSDT", side = "BUY", quantity = "1"',
        'do = "fund", market = "spot", symbol = "BTCUSDT"',
        'do = "place_order", id = "x", symbol = "NOPEUSDT", side = "BUY", quantity = "1"',
        'do = "revoke_key", account = "nobody"',
    ],
)
async def test_a_scenario_of_what_there_is_not_fails(talk: Talk, step: str) -> None:
    with pytest.raises(ScenarioError, match=r"a step of the scenario cannot be taken: .") as failed:
        await played(talk, step)
    assert "defect" not in explained(failed.value)[1]


async def test_an_order_without_a_price_is_filled_at_once(talk: Talk) -> None:
    tick(talk.venue)
    async with talk.line("/ws-api/v3") as line:
        await line.ask("userDataStream.subscribe.signature", signed(talk.venue))
        await played(talk, 'do = "place_order", id = "x", symbol = "BTCUSDT", side = "BUY", quantity = "1"')
        events = [(await line.datum())["event"] for _ in range(3)]
    told = [(one["o"], one["X"]) for one in events if one["e"] == "executionReport"]
    assert told == [("MARKET", "NEW"), ("MARKET", "FILLED")]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            'do = "place_order", id = "x", symbol = "A", side = "HOLD", quantity = "1"',
            "side: need one of BUY, SELL, got 'HOLD'",
        ),
        (
            'do = "place_order", id = "x", symbol = "A", side = "BUY", quantity = 1',
            "quantity: need a number as text",
        ),
        (
            'do = "place_order", id = "x", symbol = "A", side = "BUY", quantity = "NaN"',
            "quantity: need a number as text",
        ),
        ('do = "fill_order", id = "x", market = "options"', "market: need one of spot, usdm, coinm"),
        ('do = "shift_clock", seconds = "1"', "seconds: need seconds, also below 0"),
        ('do = "fill_ordr", id = "x"', "did you mean 'fill_order'"),
        ('do = "cancel_order"', "id: cancel_order needs it"),
    ],
)
def test_a_wrong_step_is_told_in_one_sentence(step: str, words: str) -> None:
    with pytest.raises(ScenarioError) as wrong:
        read(f"steps = [{{ at = 0, {step} }}]", own=WORDS)
    assert words in str(wrong.value)


FILE = """
[[steps]]
at = 0.2
do = "place_order"
id = "a"
symbol = "BTCUSDT"
side = "BUY"
quantity = "0.5"
price = "20000"

[[steps]]
at = 0.4
do = "fill_order"
id = "a"
"""


async def test_the_command_makes_markets_up_and_plays_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "life.toml").write_text(FILE)
    accounts = f'[main]\napi_key = "{KEY}"\nsecret = "other"\nspot = {{ USDT = "20000" }}\n'
    (tmp_path / "accounts.toml").write_text(accounts)
    arguments = ["--seed", "3", "--symbols", "5", "--max-age", "60", "--rate", "40"]
    arguments += ["--scenario", str(tmp_path / "life.toml"), "--accounts", str(tmp_path / "accounts.toml")]
    async with asyncio.timeout(20), entry.simulate(arguments) as running, aiohttp.ClientSession() as session:
        assert {"stream", "rest"} <= running.addresses.keys()
        talk = Talk(running, session)
        async with talk.line("/ws-api/v3") as line, talk.line("/ws/btcusdt@trade") as public:
            every = {"apiKey": KEY, "timestamp": running.now_ms()}
            text = f"apiKey={KEY}&timestamp={every['timestamp']}"
            await line.ask("userDataStream.subscribe.signature", {**every, "signature": mac(text, "other")})
            events = [one["event"] for one in await line.data(4)]
            assert [one.get("X") for one in events] == ["NEW", None, "FILLED", None]
            assert events[1]["B"][1] == {"a": "USDT", "f": "10000.00000000", "l": "10000.00000000"}
            assert (await public.datum())["e"] == "trade"
        _, info, _ = await talk.call("GET /api/v3/exchangeInfo")
        assert len(info["symbols"]) == 10


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no toml", "line 1"),
        pytest.param("a = " + "[" * 50_000, "nested too deeply", id="deep"),
        ("main = 7", "main: need a table"),
        ('[main]\napi_key = "k"', "main: need api_key, and either secret or pem"),
        ('[main]\napi_key = "k"\ncolour = "red"', "main: there is no colour"),
        ('[main]\napi_key = "k"\npem = "gone.pem"', "cannot read"),
        ('[main]\napi_key = "k"\nsecret = "-----BEGIN X-----"', "accounts.toml"),
        ('[main]\napi_key = "k"\nsecret = "s"\nspot = { USDT = "much" }', "main: spot: need a table of amounts"),
    ],
)
async def test_wrong_accounts_are_one_sentence(tmp_path: Path, capsys: Any, text: str, words: str) -> None:
    (tmp_path / "accounts.toml").write_text(text)
    with pytest.raises(SystemExit) as left:
        async with entry.simulate(["--accounts", str(tmp_path / "accounts.toml")]):
            pass
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


# --- virtual time


async def heard(transport: Transport, now: Callable[[], float]) -> list[tuple[float, bytes]]:
    """Answer pings to the end; return when each message came, and how it ended."""
    told = []
    try:
        while True:
            kind, payload = await transport.receive()
            if kind is Kind.PING:
                await transport.pong(payload)
            else:
                told.append((now(), payload))
    except TransportLost as lost:
        return [*told, (now(), str(lost.code).encode())]


@virtually
async def test_a_day_passes_in_virtual_time() -> None:
    loop = asyncio.get_running_loop()
    venue = BinanceVenue(rate=1 / 30, settings=Settings(now=lambda: NOW + loop.time()))
    async with MemoryVenue(venue) as network:
        made = await network.fetch(Fetch("POST", "http://memory/fapi/v1/listenKey", {"x-mbx-apikey": KEY}))
        key = made.json()["listenKey"]
        addresses = (f"{network.addresses['stream']}/stream", f"ws://memory/private/ws?listenKey={key}")
        sockets = [await network.open(Open(address), max_frame=1_000_000) for address in addresses]
        spot, private = await asyncio.gather(*(heard(one, loop.time) for one in sockets))
    [(expired, event), *_] = private
    assert b'"listenKeyExpired"' in event
    assert 3600 <= expired <= 3631
    for told in (spot, private):
        ended, code = told[-1]
        assert (round(ended), code) == (86_400, b"1001")
