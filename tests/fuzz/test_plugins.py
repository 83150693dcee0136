"""What plugins declare, how they are announced, and what clients of an exchange's own protocol ask them."""

import json
from collections.abc import Iterator
from dataclasses import fields
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from private import target
from strange import NESTED, NOISE, ODD, TEXT, VALID, bent, fuzzed, object_of, spelt, tried

from gateway import spi
from gateway.errors import PluginError
from gateway.host import discovery, permission
from gateway.host.answers import Answers
from gateway.host.declarations import checked, is_streaming
from gateway_binance import coinm, spot, usdm
from gateway_mock.plugin import INFO
from gateway_mock.plugin import plugin as mock

ANY = ODD | st.sampled_from(
    [
        10**400,
        "",
        "x",
        (),
        ("a",),
        ("a", "a"),
        frozenset({None}),
        {},
        b"",
        None,
        spi.Scope.IP,
        "ws://h",
        "ws://[",
        "http://h:0",
    ]
)
URLS = st.dictionaries(
    st.sampled_from(["live", "test"]),
    st.sampled_from(["ws://h", "wss://h:1/x", "https://h", "x", "ws://[", "ws://h:99999999"]) | ODD,
)


def some(draw: Any, kind: type, **usual: Any) -> Any:
    """Return a value of ``kind``, most of whose fields are as they usually are."""
    given = {
        one.name: draw(st.just(usual[one.name]) | ANY) if one.name in usual else draw(ANY)
        for one in fields(kind)
        if one.name in usual or draw(st.integers(0, 5)) == 0
    }
    return kind(**given)


@st.composite
def infos(draw: Any) -> Any:
    """Return what a plugin might declare."""
    endpoint = spi.Endpoint("stream", {"live": "ws://h"})
    endpoints = [
        some(draw, spi.Endpoint, name=draw(st.sampled_from(["stream", "rest"])), urls=draw(URLS))
        for _ in range(draw(st.integers(0, 2)))
    ]
    channels = [some(draw, spi.Channel, name="trades") for _ in range(draw(st.integers(0, 2)))]
    limits = [some(draw, spi.Limit, name="w", count=5, per=1.0) for _ in range(draw(st.integers(0, 2)))]
    return some(
        draw,
        spi.ExchangeInfo,
        spi_version=0,
        environments=("live",),
        endpoints=(endpoint, *endpoints),
        channels=(spi.Channel("quotes"), *channels),
        limits=tuple(limits),
    )


@fuzzed(40)
@given(info=infos() | ODD)
def test_a_declaration_can_be_worked_with_or_the_plugin_is_wrong(info: Any) -> None:
    found = tried(lambda: checked("acme", info), PluginError, told=3_000)
    if found is not None:
        assert found is info
        assert all(is_streaming(one) in {True, False} for one in found.endpoints)
        assert all(name and isinstance(name, str) for name in found.environments)


@fuzzed(25)
@given(data=st.data())
def test_what_a_hook_returns_can_be_worked_with_or_the_plugin_is_wrong(data: Any) -> None:
    answers, draw = Answers("mock", INFO), data.draw
    session = some(draw, spi.Session)
    verdict = some(draw, spi.Verdict, action=spi.Action.RETRY)
    route = some(draw, spi.Route, endpoint="stream", stream="x")
    request = some(draw, spi.Request, frame="{}", streams=("a",), op="subscribe")
    for check in (
        lambda: answers.session("h", session),
        lambda: answers.verdict("h", verdict),
        lambda: answers.route("h", route),
        lambda: answers.requests("h", ["a"], [request]),
        lambda: answers.seconds("h", draw(ANY)),
        lambda: answers.dialect("h", draw(ANY)),
    ):
        tried(check, PluginError, told=3_000)


POINTS = st.text(st.sampled_from("[]=:.a\n gwplugins"), max_size=40) | st.sampled_from(
    [
        "[gateway.plugins]\nacme = a.b:c\n",
        "[gateway.plugins]\nacme\n",
        "acme = x\n",
        "[gateway.plugins]\nacme = \n",
        "[gateway.plugins\n",
        "\ufeff[gateway.plugins]\na = b",
    ]
)
METADATA = TEXT | st.sampled_from(["Name: acme\nVersion: 1\n", "Name: \n", "Version: 1", "Name: " + "x" * 2_000])
RECORDS = TEXT | st.sampled_from(
    ["a.py,,\n", "a\0b,,\n", "../x,,\n", '"', "x" * 140_000 + ",,", "a.py,,\n\ngone.py,,"]
)
UTF8 = st.binary(max_size=3)


def written(folder: Path, files: dict[str, bytes]) -> PathDistribution:
    place = folder / "acme-1.dist-info"
    place.mkdir(exist_ok=True)
    (folder / "a.py").write_bytes(b"x = 1\n")
    for name, content in files.items():
        (place / name).write_bytes(content)
    return PathDistribution(place)


@fuzzed(5)
@given(points=POINTS, metadata=METADATA, record=RECORDS, tail=UTF8)
@example(points="", metadata="Name: acme", record="a\0b,,\n", tail=b"")
@example(points="", metadata="Name: acme", record="x" * 140_000 + ",,", tail=b"")
@example(points="", metadata="Name: acme", record="a.py,,", tail=b"\xff")
def test_what_is_announced_is_found_or_hidden(
    tmp_path: Path, points: str, metadata: str, record: str, tail: bytes
) -> None:
    """A distribution whose files are broken hides itself and nobody else, and has no sum that could be allowed."""
    shipped = written(
        tmp_path,
        {
            "entry_points.txt": points.encode("utf-8", "replace"),
            "METADATA": metadata.encode("utf-8", "replace"),
            "RECORD": record.encode("utf-8", "replace") + tail,
        },
    )
    good = discovery.Installed("good", "good", "1", "g:p")

    def all_of() -> Iterator[Any]:
        return iter([shipped])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery, "distributions", all_of)
        patch.setattr(permission, "distribution", lambda _: shipped)
        for one in (*discovery.installed(), good):
            assert all(isinstance(text, str) for text in (one.name, one.distribution, one.version, one.value))
        tried(lambda: discovery.find("acme"), PluginError, told=5_000)
        total = permission.fingerprint("acme")
    assert total is None or len(total) == 64


PLUGINS: Final[Any] = {
    "binance": spot.plugin,
    "binance-usdm": usdm.plugin,
    "binance-coinm": coinm.plugin,
    "mock": mock,
}
URLS_OF_MOCK: Final = {"stream": "ws://m.example", "rest": "http://m.example"}


def native(exchange: str) -> spi.Native:
    """Return who speaks the exchange's own protocol."""
    if exchange == "mock":
        at = spi.Target(
            exchange="mock",
            environment="live",
            endpoint="stream",
            urls=URLS_OF_MOCK,
            now=lambda: 1,
            nonce=lambda: 1,
        )
    else:
        at = target(exchange, account=None, signer=None, endpoint="rest")
    found: spi.Native = PLUGINS[exchange].gateway_native(at)
    return found


STREAMS = (
    st.sampled_from(["btcusdt@trade", "!ticker@arr", "a1" * 32, "BTC", "", "btcusdt@depth@100ms", "x@"]) | VALID
)
PATHS = (
    st.sampled_from(
        [
            "/ws",
            "/stream",
            "/ws/btcusdt@trade",
            "/",
            "/public/ws",
            "/market/stream",
            "/private/ws",
            "/api/v3/depth",
            "/fapi/v1/exchangeInfo",
            "/api/v3/time",
            "/symbols",
        ]
    )
    | VALID
    | st.lists(STREAMS, max_size=3).map(lambda names: "/ws/" + "/".join(names))
)
QUERY = st.dictionaries(
    st.sampled_from(["streams", "timeUnit", "listenKey", "symbol", "limit", "symbols"]),
    st.lists(STREAMS, max_size=3).map("/".join) | VALID | st.integers().map(str),
)
ASKED = object_of(
    method=st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"]),
    params=st.lists(STREAMS | ODD, max_size=3),
    id=st.integers() | st.text(max_size=5),
    op=st.sampled_from(["subscribe", "unsubscribe"]),
    streams=st.lists(STREAMS, max_size=2),
).map(spelt)


@pytest.mark.parametrize("exchange", PLUGINS)
@fuzzed(40)
@given(
    path=PATHS,
    query=QUERY,
    sent=ASKED | NOISE | ASKED.flatmap(bent),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
)
@example(path="/ws", query={}, sent=NESTED[2], method="GET")
@example(path="/api/v3/depth", query={"symbol": "A", "limit": "9" * 5_000}, sent=NESTED[3], method="GET")
@example(path="/fapi/v1/depth", query={"symbol": "A", "limit": "1" + "0" * 5_000}, sent=b"", method="GET")
@example(path="/dapi/v1/depth", query={"symbol": "A", "limit": "000000001" + "0" * 5_000}, sent=b"", method="GET")
@example(path="/api/v3/depth", query={"symbol": "A", "limit": "000000001" + "0" * 5_000}, sent=b"", method="GET")
def test_a_native_client_is_served_or_refused(
    exchange: str, path: str, query: dict[str, str], sent: bytes, method: str
) -> None:
    one = native(exchange)
    greeted = one.greet(path, query)
    assert isinstance(greeted, spi.NativeGreeting | spi.HttpReply)
    if isinstance(greeted, spi.NativeGreeting):
        assert all(name and isinstance(name, str) for name in greeted.streams)
    turn = one.hear(
        spi.NativeClient("bare" if exchange != "mock" else "plain", ("btcusdt@trade",)),
        sent.decode("utf-8", "replace"),
    )
    assert turn.reply is None or json.loads(turn.reply) is not None
    for stream in (*turn.subscribe, *turn.unsubscribe):
        assert stream
        assert json.dumps(stream) in sent.decode("utf-8", "replace") or "\\" in sent.decode("utf-8", "replace")
    answer = one.answer(method, path, query)
    assert isinstance(answer, spi.HttpReply | spi.NativeFetch | spi.NativeBook)
    if isinstance(answer, spi.NativeFetch):
        assert answer.request.url.startswith(("http://m.example/", "https://rest.example/"))
    if isinstance(answer, spi.NativeBook):
        assert 1 <= answer.levels <= 5_000
