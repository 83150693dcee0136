"""What clients ask: requests on the stream, bodies, queries, where they stand, and who they say that they are."""

import json
import re
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from documented import wrongs
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict
from strange import JSON, NESTED, NOISE, TEXT, VALID, check_told, fuzzed, object_of, spelt, tried
from yarl import URL

from gateway.app.events import EventRing
from gateway.errors import SubscriptionError
from gateway.model.subscriptions import parse_topic
from gateway.serving import requests
from gateway.serving.accounts import Connect, Disconnect
from gateway.serving.auth.credentials import CredentialsError, in_url, offered, shown
from gateway.serving.bodies import Body, Nothing, checked, query_of
from gateway.serving.books import Query as BookQuery
from gateway.serving.config import Reload
from gateway.serving.documents.asyncapi import asyncapi
from gateway.serving.documents.parameters import ExchangeId, SymbolName, TopicName
from gateway.serving.events import Query as EventsQuery
from gateway.serving.problems import ProblemError
from gateway.serving.replies import Reply
from gateway.serving.requests import Position, Selection
from gateway.serving.sse import asked, places
from gateway.serving.topics import _limit

WORDS = st.sampled_from(["binance", "trades", "raw", "orders", "book", "BTC-USDT", "@x", "main", "a:b"])
NAMES = WORDS | VALID
SUBSCRIBE = object_of(
    exchange=NAMES,
    channel=NAMES,
    symbols=st.lists(NAMES, max_size=3),
    streams=st.lists(NAMES, max_size=3),
    account=NAMES,
    variant=NAMES,
    snapshot=st.booleans(),
    conflate_ms=st.integers(),
    on_lag=st.sampled_from(["conflate", "disconnect", "drop_oldest"]),
    resume=st.dictionaries(NAMES, object_of(epoch=NAMES, offset=st.integers()), max_size=2),
)
GOOD = st.fixed_dictionaries(
    {
        "exchange": st.just("binance"),
        "channel": st.sampled_from(["trades", "raw"]),
        "symbols": st.lists(WORDS, max_size=2),
    },
    optional={
        "streams": st.lists(WORDS, max_size=2),
        "resume": st.just({"BTC-USDT": {"epoch": "e", "offset": 1}}),
    },
)
METHODS = st.sampled_from(["subscribe", "unsubscribe", "list", "ping", "auth"])
ASKED = object_of(method=METHODS, req_id=st.integers(), params=SUBSCRIBE | GOOD | object_of(token=VALID)) | (
    st.fixed_dictionaries({"method": METHODS, "params": SUBSCRIBE | GOOD | st.just({})})
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(json.dumps(asyncapi("1")))


@fuzzed()
@given(sent=ASKED.map(spelt) | NOISE | JSON.map(spelt))
@example(sent=b'{"method":1,"req_id":123456789012345678901234567890}')
@example(sent=b'{"method":"ping","zz":' + NESTED[0] + b"}")
@example(sent=b'{"method":"subscribe","params":' + NESTED[2] + b"}")
def test_a_request_is_read_or_refused_by_its_code(document: dict[str, Any], sent: bytes) -> None:
    """Whatever is accepted is what the document says, read by somebody else; a refusal can be sent."""
    text = sent.decode("utf-8", "replace")  # a socket's text is text
    try:
        envelope = requests.read(text)
        params = requests.params(envelope)
        if isinstance(params, Selection):
            assert params.wishes()
    except SubscriptionError as refused:
        check_told(refused, told=2_000)
        wrong: SubscriptionError | None = refused
    else:
        wrong = None
    if wrong is not None:
        assert wrong.code in {"bad_json", "bad_request", "unknown_method"}
        req_id = wrong.req_id if isinstance(wrong, requests.BadFrameError) else envelope.req_id
        assert Reply(None, req_id, lambda: 1).refusal(wrong)
        return
    assert (
        wrongs(
            document, document["components"]["messages"][f"{envelope.method}Request"]["payload"], json.loads(text)
        )
        == []
    )
    assert Reply(envelope.method, envelope.req_id, lambda: 1).success()


@fuzzed()
@given(text=TEXT)
def test_a_topic_is_read_as_it_is_written(text: str) -> None:
    wish = tried(lambda: parse_topic(text), ValueError)
    assert wish is None or wish.topic == text


PLACES = st.lists(
    st.none() | st.tuples(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), st.integers(0, 10**18 - 1)),
    min_size=1,
    max_size=4,
)


@fuzzed()
@given(text=TEXT | st.from_regex(r"[a-z:,0-9]{0,20}", fullmatch=True), topics=st.integers(1, 4))
def test_where_a_client_stands_is_read_or_refused(text: str, topics: int) -> None:
    found = tried(lambda: places.read(text, topics), SubscriptionError)
    if found is not None and text:
        spelled = places.Places({str(at): one for at, one in enumerate(found)})
        again = places.read(spelled.line.decode()[4:-1], topics)
        assert again == found


@fuzzed()
@given(stood=PLACES)
def test_where_a_client_stands_is_read_as_it_was_told(stood: list[Any]) -> None:
    told = {str(at): None if one is None else Position(*one) for at, one in enumerate(stood)}
    line = places.Places(told).line
    assert places.read(line.decode()[4:-1], len(stood)) == list(told.values())


def asking(query: list[tuple[str, str]], path: str = "/", headers: Any = ()) -> Any:
    """Return a request as the server would hand it over."""
    url = URL.build(path=path, query=[(key, value.encode("utf-8", "replace").decode()) for key, value in query])
    return make_mocked_request("GET", str(url), headers=CIMultiDict(headers))


PARAMETERS = st.sampled_from(
    ["topic", "snapshot", "conflate_ms", "on_lag", "depth", "format", "after", "zz", "token"]
)
VALUES = NAMES | st.sampled_from(
    ["true", "false", "0", "100", "5000", "conflate", "json", "binance:trades:BTC-USDT", "binance:orders:@main"]
)
QUERIES = st.lists(st.tuples(PARAMETERS, VALUES), max_size=4)


@fuzzed()
@given(query=QUERIES, topics=st.lists(VALUES, max_size=60))
def test_the_url_of_events_is_read_or_refused(query: list[tuple[str, str]], topics: list[str]) -> None:
    request = asking([*query, *(("topic", one) for one in topics)])
    found = tried(lambda: asked.query_of(request), SubscriptionError, told=2_000)
    for topic in [] if found is None else found.topic:
        wanted = tried(lambda topic=topic: asked.subscribe_to(topic, found), SubscriptionError, told=2_000)
        wishes = None if wanted is None else tried(wanted.wishes, SubscriptionError, told=2_000)
        assert wishes is None or [wish.topic for wish in wishes] == [topic]


@fuzzed()
@given(query=QUERIES)
def test_a_query_is_read_or_refused(query: list[tuple[str, str]]) -> None:
    request = asking(query)
    for model in (BookQuery, EventsQuery):
        found = tried(lambda model=model: query_of(request, model), ProblemError)
        if found is not None:
            assert {key for key, _ in query} <= {"depth", "format", "after"}
    if found := tried(lambda: query_of(request, BookQuery), ProblemError):
        assert 1 <= found.depth <= 5_000


@fuzzed()
@given(text=TEXT)
def test_parts_of_a_path_are_read_or_refused(text: str) -> None:
    for model in (ExchangeId, SymbolName, TopicName):
        assert tried(lambda model=model: checked("exchange", text, model), ProblemError) in {None, text}
    limit = _limit(text)
    assert limit is None or 1 <= limit <= 10_000


class Sent:
    """A request with a body."""

    content_type = "application/json"

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


BODIES = object_of(wait=st.floats(), retry=st.booleans(), topics=st.lists(NAMES, max_size=2)) | SUBSCRIBE | GOOD


@fuzzed()
@given(sent=BODIES.map(spelt) | NOISE | JSON.map(spelt))
@example(sent=b'{"exchange":"a","channel":"' + b"b" * 100_000 + b'"}')
@example(sent=b'{"retry":' + NESTED[0] + b"}")
async def test_a_body_is_read_or_refused(sent: bytes) -> None:
    for model in (Selection, Nothing, Connect, Disconnect, Reload):
        body: Body[Any] = Body(model)
        try:
            found = await body.read(Sent(sent))  # type: ignore[arg-type]  # all that it looks at
        except ProblemError as refused:
            check_told(refused, told=2_000)
            continue
        assert isinstance(found, model)


@fuzzed()
@given(text=st.none() | TEXT | st.from_regex(r"e:[0-9]{0,30}", fullmatch=True))
def test_the_last_event_is_read_or_everything_is_told(text: str | None) -> None:
    events = EventRing("e", lambda: 1)
    events.add("connection", "x")  # type: ignore[arg-type]  # a type's name is its value
    recovered, missed = events.after(text)
    assert recovered == (re.fullmatch(r"e:0{0,19}[01]", text or "") is not None)
    assert recovered or len(missed) == 1


HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40) | st.sampled_from(
    [
        "Bearer Zq7hunter2SecretZq7",
        "bearer  x ",
        "Basic Zq7hunter2SecretZq7",
        "Bearer",
        "gateway.token.Zq7hunter2SecretZq7, gateway.v1",
        ",,,",
        "",
    ]
)


@fuzzed()
@given(tokens=st.lists(HEADER, max_size=3), protocols=st.lists(HEADER, max_size=3), query=QUERIES)
def test_what_a_client_shows_is_one_token_or_refused(
    tokens: list[str], protocols: list[str], query: list[tuple[str, str]]
) -> None:
    headers = [("Authorization", one) for one in tokens] + [("Sec-WebSocket-Protocol", one) for one in protocols]
    request = asking(query, headers=headers)
    found = tried(lambda: shown(request), CredentialsError)
    assert found is None or any(found in one for one in (*tokens, *protocols))
    assert all(isinstance(one, str) for one in offered(request))
    assert in_url(request) >= any(key == "token" for key, _ in query)
