"""The plugin against its venue, step by step and frame by frame, without the core."""

import json

import pluggy
import pytest

from gateway.spi import (
    Ack,
    Action,
    Balance,
    BookDelta,
    BookSnapshot,
    Continuity,
    Data,
    Draining,
    HttpReply,
    Instrument,
    Instruments,
    LoginRefused,
    Nack,
    Order,
    Ping,
    Quote,
    ReplyRefused,
    Revoked,
    Route,
    Session,
    Subscription,
    Ticker,
    Trade,
    hookspecs,
)
from gateway.testing.faults import Noise, Refusal
from gateway_mock.plugin import INFO, MockDialect, plugin

RECORDS = {"trades": Trade, "quotes": Quote, "ticker": Ticker, "book": BookDelta}


@pytest.fixture
def dialect():
    return MockDialect(Instruments([Instrument(symbol="BTC-USDT", native="btc_usdt", base="BTC", quote="USDT")]))


def _frame(**message) -> bytes:
    return json.dumps(message).encode()


def test_every_hook_matches_its_specification():
    manager = pluggy.PluginManager("gateway")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, "mock")
    manager.check_pending()
    assert manager.hook.gateway_exchange_info() is INFO
    assert manager.hook.gateway_heartbeat_interval(target=None) == 5.0


def test_every_cost_is_a_declared_limit(dialect):
    names = {limit.name for limit in INFO.limits}
    assert set(dialect.subscribe(["trades.btc_usdt"])[0].cost) <= names


def test_routes_name_the_native_stream():
    def route(*args, **kwargs) -> Route:
        return plugin.gateway_route(Subscription("mock", *args, **kwargs))

    assert route("trades", "btc_usdt") == Route("stream", "trades.btc_usdt")
    assert route("book", "btc_usdt", "20") == route("book", "btc_usdt") == Route("stream", "book.btc_usdt")
    assert route("raw", "quotes.btc_usdt") == Route("stream", "quotes.btc_usdt")
    assert route("orders", account="main") == Route("private", "orders", "main")


# --- the handshake


async def test_a_public_connection_needs_no_login(client, target, venue):
    assert await client.perform(plugin.gateway_handshake(target())) == Session()
    assert [step.url for step in client.steps] == [venue.url]


async def test_an_account_logs_in_by_signing_the_nonce(client, target, keys, venue):
    await client.perform(plugin.gateway_handshake(target("private", keys)))
    assert [socket.account for socket in venue.sockets.values()] == ["mock-key"]


async def test_a_wrong_secret_is_refused(client, target, keys):
    keys.secret = b"guessed"
    with pytest.raises(LoginRefused, match="bad key or signature"):
        await client.perform(plugin.gateway_handshake(target("private", keys)))


async def test_an_unknown_key_is_refused(client, target, keys):
    keys.api_key = "nobody"
    with pytest.raises(LoginRefused, match="bad key or signature"):
        await client.perform(plugin.gateway_handshake(target("private", keys)))


async def test_the_venue_refuses_a_login_in_the_words_it_was_given(client, target, keys, venue):
    venue.faults.refuse_logins.arm("account frozen", 1)
    with pytest.raises(LoginRefused, match="account frozen"):
        await client.perform(plugin.gateway_handshake(target("private", keys)))


async def test_an_account_without_credentials_is_refused_at_once(client, target):
    with pytest.raises(LoginRefused, match="needs credentials"):
        await client.perform(plugin.gateway_handshake(target("private")))


# --- data


@pytest.mark.parametrize("channel", ["trades", "quotes", "ticker", "book"])
async def test_what_the_venue_sends_becomes_records(client, target, venue, dialect, channel):
    await client.perform(plugin.gateway_handshake(target()))
    stream = f"{channel}.btc_usdt"
    await client.ask(dialect.subscribe([stream]))
    if channel == "book":
        (data,) = dialect.decode(await client.receive(), False)
        (snapshot,) = data.records
        assert type(snapshot) is BookSnapshot
        assert (len(snapshot.bids), len(snapshot.asks)) == (20, 20)
    venue.tick()
    payload = await client.receive()
    assert dialect.stream(payload, False) == stream
    (data,) = dialect.decode(payload, False)
    assert data.stream == stream
    assert [type(record) for record in data.records] == [RECORDS[channel]]
    assert data.ts == data.records[0].ts


async def test_an_order_is_told_with_the_gateways_symbol(client, target, keys, venue, dialect):
    await client.perform(plugin.gateway_handshake(target("private", keys)))
    await client.ask(dialect.subscribe(["orders", "balances"]))
    venue.emit_order({"order_id": 7, "symbol": "btc_usdt", "side": "buy", "status": "new"})
    venue.emit_balance({"asset": "USDT", "free": "10.0"})
    (order,) = dialect.decode(await client.receive(), False)
    (balance,) = dialect.decode(await client.receive(), False)
    assert [(type(o), o.order_id, o.symbol) for o in order.records] == [(Order, 7, "BTC-USDT")]
    assert [(type(b), b.asset, b.free) for b in balance.records] == [(Balance, "USDT", "10.0")]


async def test_noise_is_a_value_error_and_never_more(client, target, venue, dialect):
    await client.perform(plugin.gateway_handshake(target()))
    for noise in (Noise.TEXT, Noise.CUT_JSON, Noise.STRANGE_JSON, Noise.EMPTY, Noise.BINARY):
        payload = noise.value[1]
        dialect.stream(payload, False)
        with pytest.raises(ValueError):
            tuple(dialect.decode(payload, False))


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"null",
        b'{"op":"surprise"}',
        b'{"stream":"candles.btc_usdt","data":[]}',
        b'{"stream":"trades.btc_usdt","data":5}',
        b'{"stream":"trades.btc_usdt","data":[{"id":1}]}',
        b'{"stream":"\xff\xfe","data":[]}',
        b'{"stream":"never closed',
    ],
)
def test_senseless_messages_are_value_errors(dialect, payload):
    dialect.stream(payload, False)
    with pytest.raises(ValueError):
        tuple(dialect.decode(payload, False))


# --- requests and answers


async def test_a_request_is_acked_by_its_id(client, target, dialect):
    await client.perform(plugin.gateway_handshake(target()))
    (request,) = dialect.subscribe(["trades.btc_usdt", "quotes.eth_usdt"])
    await client.ws.send_str(request.frame)
    assert list(dialect.decode(await client.receive(), False)) == [Ack(request.id)]


async def test_unknown_streams_are_rejected_by_name(client, target, dialect):
    await client.perform(plugin.gateway_handshake(target()))
    (request,) = dialect.subscribe(["trades.btc_usdt", "trades.nothing"])
    await client.ws.send_str(request.frame)
    assert list(dialect.decode(await client.receive(), False)) == [Ack(request.id, rejected=("trades.nothing",))]


async def test_a_refusal_as_a_whole_is_a_nack_in_the_exchanges_words(client, target, venue, dialect):
    venue.faults.refuse_subscribes.arm("too busy", 1)
    await client.perform(plugin.gateway_handshake(target()))
    (request,) = dialect.subscribe(["trades.btc_usdt"])
    await client.ws.send_str(request.frame)
    (nack,) = dialect.decode(await client.receive(), False)
    assert isinstance(nack, Nack)
    assert (nack.id, nack.verdict.action, nack.verdict.text) == (request.id, Action.STOP, "too busy")


async def test_what_was_given_up_is_sent_no_more(client, target, venue, dialect):
    await client.perform(plugin.gateway_handshake(target()))
    await client.ask(dialect.subscribe(["trades.btc_usdt", "trades.eth_usdt"]))
    (answer,) = await client.ask(dialect.unsubscribe(["trades.btc_usdt"]))
    assert answer["op"] == "ok"
    assert venue.streams() == [(1, "trades.eth_usdt")]


def test_requests_name_a_hundred_streams_at_most_and_each_stream_once(dialect):
    streams = [f"trades.sym{number:03}_usdt" for number in range(250)]
    requests = dialect.subscribe(streams)
    assert [len(request.streams) for request in requests] == [100, 100, 50]
    assert [stream for request in requests for stream in request.streams] == streams
    assert len({request.id for request in requests}) == 3
    assert json.loads(requests[0].frame)["streams"] == streams[:100]


async def test_the_venue_announces_its_closing_and_ends_streams(client, target, venue, dialect):
    await client.perform(plugin.gateway_handshake(target()))
    await client.ask(dialect.subscribe(["trades.btc_usdt"]))
    venue.announce_closing(5.0)
    venue.end_stream("trades.btc_usdt", "delisted")
    assert list(dialect.decode(await client.receive(), False)) == [Draining(5.0)]
    assert list(dialect.decode(await client.receive(), False)) == [Revoked("trades.btc_usdt", "delisted")]
    assert venue.streams() == []


def test_the_core_pings_with_websocket_pings(dialect):
    assert dialect.ping(1) is Ping.WEBSOCKET


def test_only_book_streams_carry_a_book(dialect):
    assert dialect.book("trades.btc_usdt") is None
    follows = dialect.book("book.btc_usdt").follows
    assert follows(4, BookDelta([], [], last=5, previous=4), True) is Continuity.APPLY
    assert follows(5, BookDelta([], [], last=5, previous=4), False) is Continuity.IGNORE
    assert follows(4, BookDelta([], [], last=7, previous=6), False) is Continuity.GAP


# --- REST


async def test_instruments_are_those_of_the_venue(client, target, venue):
    instruments = await client.perform(plugin.gateway_instruments(target()))
    assert [one.symbol for one in instruments] == ["BTC-USDT", "ETH-USDT", "SOL-USDT"]
    assert instruments.find("mock", "ETH-USDT").native == "eth_usdt"


async def test_the_time_is_the_venues(client, target, venue):
    venue._now = lambda: 1_700_000_000_000_000
    assert await client.perform(plugin.gateway_server_time(target())) == 1_700_000_000_000_000


async def test_missed_trades_are_fetched_between_two_ids(client, target, venue):
    for _ in range(6):
        venue.emit_trade("BTC-USDT")
    wish = Subscription("mock", "trades", "btc_usdt")
    trades = await client.perform(plugin.gateway_backfill(target(), wish, 2, 5))
    assert [trade.id for trade in trades] == [3, 4]
    assert plugin.gateway_backfill(target(), Subscription("mock", "quotes", "btc_usdt"), 2, 5) is None


async def test_a_refused_request_is_told_with_its_status(client, target, venue):
    venue.faults.refuse_requests.arm(Refusal(429))
    with pytest.raises(ReplyRefused) as raised:
        await client.perform(plugin.gateway_instruments(target()))
    assert raised.value.status == 429


def test_data_without_time_have_none(dialect):
    (data,) = dialect.decode(_frame(stream="trades.btc_usdt", data=[]), False)
    assert data == Data("trades.btc_usdt", [], None)


SENSELESS = [b"null", b"{}", b"7", b'[{"symbol":1}]', b'[["x"]]', b'{"now":"soon"}', b"[" * 100_000]


@pytest.mark.parametrize("body", SENSELESS)
def test_a_senseless_answer_is_the_exchanges_fault(target, body):
    wish = Subscription("mock", "trades", "btc_usdt")
    for conversation in (
        plugin.gateway_instruments(target()),
        plugin.gateway_server_time(target()),
        plugin.gateway_backfill(target(), wish, 2, 5),
    ):
        next(conversation)
        with pytest.raises(ValueError):
            conversation.send(HttpReply(200, {}, body))


def test_what_is_nested_too_deeply_makes_no_sense(dialect, target, keys):
    deep = b'{"zz":' + b"[" * 100_000
    with pytest.raises(ValueError, match="nested too deeply"):
        list(dialect.decode(deep, False))
    login = plugin.gateway_handshake(target("private", keys))
    next(login)
    login.send(None)
    with pytest.raises(ValueError, match="nested too deeply"):
        login.send(deep)
