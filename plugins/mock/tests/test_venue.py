"""The mock venue: deterministic data, books without holes, scripted holes, and the command line."""

import asyncio
import json

import pytest

from gateway.engine.booksync import BookSync, Outcome
from gateway.spi import Instruments
from gateway_mock.plugin import MockDialect, plugin
from gateway_mock.venue import MockVenue
from gateway_mock.venue import venue as simulator

EVERYTHING = [
    f"{channel}.{symbol}_usdt" for channel in ("trades", "quotes", "book", "ticker") for symbol in ("btc", "eth")
]


async def _ticks(seed: int, count: int = 20) -> list[bytes]:
    sent: list[bytes] = []
    venue = MockVenue(seed=seed, now=lambda: 1)
    venue.wanted = lambda: set(EVERYTHING)
    venue.publish = lambda stream, payload, **_: sent.append(payload) or 1
    for _ in range(count):
        venue.tick()
    return sent


async def test_the_same_seed_gives_the_same_data():
    assert await _ticks(7) == await _ticks(7)
    assert await _ticks(7) != await _ticks(8)


async def test_a_tick_is_one_datum_for_each_wanted_stream():
    assert [json.loads(payload)["stream"] for payload in await _ticks(1, count=1)] == sorted(EVERYTHING)


async def test_trade_ids_have_no_holes_unless_scripted():
    venue = MockVenue()
    ids = [venue.emit_trade("BTC-USDT")["id"] for _ in range(3)]
    venue.faults.skip("trades.btc_usdt", 2)
    ids.append(venue.emit_trade("btc_usdt", price="1.5", side="buy")["id"])
    assert ids == [1, 2, 3, 6]
    assert (
        venue.markets["btc_usdt"].trades[-1] | {"price": "1.5", "side": "buy"}
        == venue.markets["btc_usdt"].trades[-1]
    )


async def test_prices_never_fall_to_zero():
    venue = MockVenue(symbols=1)
    venue.random.randint = lambda least, most: least
    prices = [float(venue.emit_trade("SYM001-USDT")["price"]) for _ in range(300)]
    assert (prices[0], prices[-1]) == (9.95, 0.1)


async def test_a_book_kept_from_its_updates_is_the_venues_book(client, target, venue):
    dialect = MockDialect(Instruments())
    await client.perform(plugin.gateway_handshake(target()))
    venue.emit_book("BTC-USDT")
    await client.ask(dialect.subscribe(["book.btc_usdt"]))
    sync = BookSync(dialect.book("book.btc_usdt"))
    (data,) = dialect.decode(await client.receive(), False)
    assert sync.load(data.records[0]) is Outcome.REPLACED
    for _ in range(300):
        venue.emit_book("BTC-USDT")
        (data,) = dialect.decode(await client.receive(), False)
        assert sync.update(data.records[0])[0] is Outcome.APPLIED
    book, ours = venue.markets["btc_usdt"].book(), sync.whole()
    assert (ours.bids, ours.asks, ours.seq) == (book["bids"], book["asks"], 301)
    assert float(ours.bids[0][0]) < float(ours.asks[0][0])


@pytest.mark.parametrize("fault", ["skip", "lose"])
async def test_a_scripted_hole_breaks_the_book_and_asking_again_mends_it(client, target, venue, fault):
    dialect = MockDialect(Instruments())
    await client.perform(plugin.gateway_handshake(target()))
    await client.ask(dialect.subscribe(["book.btc_usdt"]))
    sync = BookSync(dialect.book("book.btc_usdt"))
    (data,) = dialect.decode(await client.receive(), False)
    sync.load(data.records[0])
    getattr(venue.faults, fault)("book.btc_usdt")
    venue.emit_book("BTC-USDT")
    venue.emit_book("BTC-USDT")
    (data,) = dialect.decode(await client.receive(), False)
    assert sync.update(data.records[0])[0] is Outcome.BROKEN
    if fault == "skip":
        await client.receive()
    await client.ask(dialect.subscribe(["book.btc_usdt"]))
    (data,) = dialect.decode(await client.receive(), False)
    assert sync.load(data.records[0]) is Outcome.REPLACED


async def test_nonsense_is_answered_with_an_error(client, target, venue):
    await client.perform(plugin.gateway_handshake(target()))
    deep, wrong = '{"zz":' + "[" * 100_000, '{"op":"subscribe","streams":"x"}'
    for frame in ("not json", "[]", deep, '{"op":"dance","id":3}', wrong, '{"op":"login"}'):
        await client.ws.send_str(frame)
        assert json.loads(await client.receive())["op"] == "error"


async def test_private_streams_need_a_login(client, target, venue):
    client.ws = await client.session.ws_connect(venue.addresses["private"])
    assert json.loads(await client.receive())["op"] == "hello"
    (answer,) = await client.ask(MockDialect(Instruments()).subscribe(["orders"]))
    assert answer["rejected"] == ["orders"]


async def test_the_used_weight_is_told(client, target, venue):
    url = venue.addresses["rest"]
    async with client.session.get(f"{url}/symbols") as first, client.session.get(f"{url}/time") as second:
        assert [answer.headers["x-mock-used-weight"] for answer in (first, second)] == ["10", "11"]


@pytest.mark.parametrize(
    "query", ["", "?symbol=btc_usdt", "?symbol=nope&after=1&before=2", "?symbol=btc_usdt&after=x&before=2"]
)
async def test_a_wrong_request_gets_400(client, venue, query):
    async with client.session.get(f"{venue.addresses['rest']}/trades{query}") as answer:
        assert answer.status == 400


async def test_the_simulation_serves_the_symbols_asked_for_at_the_rate_asked_for(client):
    async with (
        asyncio.timeout(20),
        simulator.simulate(["--symbols", "500", "--rate", "200", "--seed", "3"]) as venue,
    ):
        assert set(venue.addresses) == {"stream", "private", "rest"}
        assert "sym500_usdt" in venue.markets
        client.ws = await client.session.ws_connect(venue.url)
        streams = [f"trades.sym{number:03}_usdt" for number in range(1, 501)]
        answers = await client.ask(MockDialect(Instruments()).subscribe(streams)[:1])
        assert answers[0]["op"] == "ok"
        await venue.wait_for(lambda: venue.counts.published >= 300)


@pytest.mark.parametrize("symbols", ["-1", "many", "10001"])
async def test_a_wrong_number_of_symbols_ends_with_one_sentence(symbols, capsys):
    with pytest.raises(SystemExit) as ended:
        await simulator.simulate([f"--symbols={symbols}"]).__aenter__()
    assert ended.value.code == 2
    expected = f"simulate mock: argument --symbols: need a number from 0 to 10000, got {symbols!r}\n"
    assert capsys.readouterr().err == expected
