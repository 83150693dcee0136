"""The plugin alone: hooks are plain functions, a handshake is driven with ``send``, a dialect is fed frames."""

import pydantic
import pytest

from gateway import spi
from gateway_acme.plugin import INFO, AcmeDialect, Options, plugin

WELCOME = b'{"event":"welcome","protocol":3,"patience":30}'
TRADE = b'{"stream":"trade/btceur","at":5,"trades":[{"no":7,"price":60000.10,"amount":2,"taker":"B","ms":4}]}'
QUOTE = b'{"stream":"quote/btceur","at":5,"quote":{"no":9,"bid":[60000.00,1.500],"ask":[60000.20,0.1]}}'
NOISE = [
    b"",
    b"PONG",
    b"[]",
    b"[" * 100_000,
    b"\xff\xfe",
    b'{"stream":"trade/btceur","at":5}',
    TRADE.replace(b"60000.10", b"NaN"),
    TRADE.replace(b"60000.10", b"null"),
    TRADE.replace(b'"ms":4', b'"ms":"4"'),
    TRADE.replace(b'"B"', b'"?"'),
    QUOTE.replace(b"1.500", b"1.500,2"),
    b'{"event":"refused","do":"dance","of":"x","why":"y"}',
]


def target(options: Options) -> spi.Target:
    return spi.Target(
        exchange="acme",
        environment="live",
        endpoint="feed",
        urls={"feed": "wss://feed", "rest": "https://rest"},
        now=lambda: 0,
        nonce=lambda: 1,
        options=options,
    )


def shake(greeting: bytes, region: str = "eu") -> tuple[spi.Open, spi.Session]:
    handshake = plugin.gateway_handshake(target(Options(region=region)))
    opened = next(handshake)
    assert handshake.send(None) == spi.Receive(within=5.0)
    with pytest.raises(StopIteration) as end:
        handshake.send(greeting)
    return opened, end.value.value


def test_the_greeting_says_how_often_to_ping():
    opened, session = shake(WELCOME)
    assert opened == spi.Open("wss://feed/eu", cost={"acme-dials": 1})
    assert session == spi.Session(heartbeat_interval=10)


def test_the_region_is_an_option():
    assert shake(WELCOME, "us")[0].url == "wss://feed/us"
    with pytest.raises(pydantic.ValidationError):
        Options(region="moon")


def test_another_protocol_is_refused_for_good():
    with pytest.raises(spi.LoginRefused, match="Acme speaks protocol 4, this plugin 3") as refused:
        shake(WELCOME.replace(b"3,", b"4,"))
    assert refused.value.retry_after is None


@pytest.mark.parametrize(
    "greeting", [b"{}", b"hello", WELCOME.replace(b"30", b"0"), WELCOME.replace(b"30", b"9" * 400)]
)
def test_whoever_greets_otherwise_is_not_acme(greeting):
    with pytest.raises(ValueError, match=r"no greeting|Expecting value"):
        shake(greeting)


@pytest.mark.parametrize("body", [b"null", b"{}", b"7", b'[{"market":"btceur"}]', b"[" * 100_000])
def test_what_is_no_list_of_markets_makes_no_sense(body):
    fetching = plugin.gateway_instruments(target(Options()))
    next(fetching)
    with pytest.raises(ValueError, match=r"market|nested|Expecting|JSON|deep"):
        fetching.send(spi.HttpReply(200, {}, body))


def test_routes_name_acmes_streams():
    def route(channel: str, symbol: str) -> spi.Route | None:
        return plugin.gateway_route(spi.Subscription("acme", channel, symbol))

    assert route("trades", "btceur") == spi.Route("feed", "trade/btceur")
    assert route("quotes", "btceur") == route("raw", "quote/btceur") == spi.Route("feed", "quote/btceur")
    assert route("book", "btceur") is None


def test_prices_keep_their_digits():
    [trades] = AcmeDialect().decode(TRADE, False)
    assert trades == spi.Data("trade/btceur", [spi.Trade(7, "60000.10", "2", "buy", 4000)], 5000)
    [quotes] = AcmeDialect().decode(QUOTE, False)
    assert quotes.records == [spi.Quote("60000.00", "1.500", "60000.20", "0.1", seq=9, ts=5000)]


def test_a_stream_is_told_without_parsing():
    assert [AcmeDialect().stream(one, False) for one in (TRADE, QUOTE)] == ["trade/btceur", "quote/btceur"]
    assert [AcmeDialect().stream(one, False) for one in (WELCOME, b"pong", b'{"stream":"cut')] == [None] * 3


def test_each_stream_is_asked_for_in_a_request_of_its_own():
    first, second = AcmeDialect().subscribe(["trade/btceur", "quote/btceur"])
    assert (first.frame, first.streams) == ('{"do": "subscribe", "stream": "trade/btceur"}', ("trade/btceur",))
    assert second.streams == ("quote/btceur",)
    assert first.id != second.id
    assert first.cost.keys() <= {limit.name for limit in INFO.limits}


@pytest.mark.parametrize("op", ["subscribe", "unsubscribe"])
def test_answers_carry_the_id_of_their_request(op):
    [request] = getattr(AcmeDialect(), op)(["trade/btceur"])
    done = b'{"event":"done","do":"%b","of":"trade/btceur"}' % op.encode()
    assert AcmeDialect().decode(done, False) == (spi.Ack(request.id),)
    refused = b'{"event":"refused","do":"%b","of":"trade/btceur","why":"closed"}' % op.encode()
    [nack] = AcmeDialect().decode(refused, False)
    assert (nack.id, nack.op) == (request.id, op)
    assert (nack.verdict.action, nack.verdict.scope, nack.verdict.text) == ("stop", "stream", "closed")


def test_pings_are_text():
    assert AcmeDialect().ping(1) == "ping"
    assert AcmeDialect().decode(b"pong", False) == (spi.Pong(),)


@pytest.mark.parametrize("noise", NOISE)
def test_noise_is_a_value_error(noise):
    with pytest.raises(ValueError, match=r"."):
        AcmeDialect().decode(noise, False)


def test_binary_messages_are_noise():
    with pytest.raises(ValueError, match="text only"):
        AcmeDialect().decode(TRADE, True)
    assert AcmeDialect().stream(TRADE, True) is None
