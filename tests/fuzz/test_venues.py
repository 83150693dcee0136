"""What simulated exchanges are asked, what a native client is passed on, tokens by their shape, and addresses."""

from typing import Any

from aiohttp.test_utils import make_mocked_request
from hypothesis import example, given
from hypothesis import strategies as st
from strange import NESTED, NOISE, ODD, SECRET, TEXT, VALID, bent, fuzzed, object_of, spelt, tried
from yarl import URL

from gateway.errors import TransportLost
from gateway.model.urls import host_of
from gateway.net.egress import Egress
from gateway.net.egress import host_of as dialled
from gateway.serving.auth.tokens import base62, digest_of, id_of
from gateway_acme.venue import AcmeVenue
from gateway_binance.native.wrapping import wrap
from gateway_binance.venue import requests, rest, wsapi
from gateway_binance.venue.calls.call import RefusedError
from gateway_binance.venue.private.credentials import Hmac, proof
from gateway_mock.venue import MockVenue

METHODS = st.sampled_from(["SUBSCRIBE", "LIST_SUBSCRIPTIONS", "GET_PROPERTY", "time", "order.place", "v3/time"])
ASKED = object_of(
    method=METHODS,
    params=st.lists(st.sampled_from(["btcusdt@trade", "combined"]) | ODD, max_size=2)
    | st.dictionaries(st.sampled_from(["symbol", "signature"]), ODD),
    id=st.integers() | st.text(max_size=40),
    op=st.sampled_from(["login", "subscribe", "unsubscribe"]),
    streams=st.lists(st.text(max_size=4), max_size=2),
    do=st.sampled_from(["subscribe", "unsubscribe"]),
    stream=st.sampled_from(["trade/btceur", "x"]),
    key=st.text(max_size=4),
    signature=st.text(max_size=4),
)
SENT = ASKED.map(spelt) | ASKED.map(spelt).flatmap(bent) | NOISE


class Socket:
    """What a venue says to one client."""

    id, path, account = "1", "/private", None

    def __init__(self) -> None:
        self.streams: dict[str, Any] = {}
        self.said: list[bytes] = []

    def answer(self, payload: bytes) -> None:
        self.said.append(payload)

    text = answer


@fuzzed(6)
@given(sent=SENT)
@example(sent=NESTED[2])
@example(sent=NESTED[3])
@example(sent=b'{"method":[],"id":1}')
@example(sent=b'{"op":"login","zz":' + NESTED[0])
@example(sent=b'{"id":"\\ud800","method":"\\ud800","params":{"a":"\\ud800"}}')
def test_a_simulated_exchange_hears_a_request_or_refuses_it(sent: bytes) -> None:
    asked = tried(lambda: requests.read(sent), requests.RequestError)
    assert asked is None or isinstance(asked.params, list)
    found = tried(lambda: wsapi._read(sent), RefusedError)
    assert found is None or all(isinstance(one, str) for one in found[1].params.values())
    for venue in (MockVenue(seed=1), AcmeVenue(seed=1)):
        venue.received(Socket(), sent, False)  # type: ignore[arg-type]  # all that it needs


@fuzzed()
@given(query=st.text(st.sampled_from("ab=&%+0zé"), max_size=20), body=st.binary(max_size=20), signature=VALID)
def test_a_simulated_exchanges_rest_is_asked(query: str, body: bytes, signature: str) -> None:
    params, signed = rest._read(make_mocked_request("GET", f"/x?{query}"), body)
    assert all(isinstance(one, str) for pair in params.items() for one in pair)
    assert b"signature=" not in signed
    assert Hmac("s").holds(signed, signature) is False
    tried(lambda: proof(signature), ValueError)


@fuzzed()
@given(
    stream=st.sampled_from(["btcusdt@trade", "x"]),
    payload=st.just(b'{"stream":"x","data":{"a":1}}') | bent(b'{"stream":"x","data":{"a":1}}') | NOISE,
)
@example(stream="x", payload=b'{"stream":"y","data":' + NESTED[2] + b"}")
@example(stream="x", payload=b'{"zz":' + NESTED[0])
def test_a_datum_is_unwrapped_or_makes_no_sense(stream: str, payload: bytes) -> None:
    assert wrap("combined", stream, payload) == payload
    found = tried(lambda: wrap("bare", stream, payload), ValueError)
    assert found is None or found in payload


@fuzzed()
@given(
    text=TEXT | st.from_regex(r"gw1_[0-9a-z]{10}_[0-9A-Za-z]{43}\n?", fullmatch=True),
    number=st.binary(min_size=32, max_size=32),
)
def test_a_token_has_its_shape_or_none(text: str, number: bytes) -> None:
    assert id_of(f"gw1_{'a' * 10}_{base62(number)}") == "a" * 10
    found = id_of(text)
    assert found is None or text.startswith(f"gw1_{found}_")
    assert len(digest_of(text)) == 32


HOSTS = st.sampled_from(
    [
        "h",
        "[::1]",
        "127.1",
        "0x7f.1",
        "169.254.169.254",
        "[::ffff:10.0.0.1]",
        "a" * 300,
        "%zz",
        "h:99999999",
        "é.example",
        "[",
        "u:p@h",
    ]
)


@fuzzed()
@given(
    url=TEXT
    | st.builds(
        lambda scheme, host: f"{scheme}://{host}/x?{SECRET}", st.sampled_from(["ws", "wss", "http", "x"]), HOSTS
    ),
    address=TEXT | HOSTS,
)
def test_a_host_is_reached_or_refused(url: str, address: str) -> None:
    assert SECRET not in host_of(url)
    assert isinstance(tried(lambda: dialled(url), ValueError) or "", str)
    egress = Egress.of(["wss://h"], [], private=False)
    assert egress.admits("h", address) in {True, False}
    if address in {"127.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"}:
        assert not Egress(private=False, trusted=frozenset()).admits("h", address.strip("[]"))
    if (found := tried(lambda: URL(url), ValueError)) is not None:
        tried(lambda: egress.check(found), TransportLost)
