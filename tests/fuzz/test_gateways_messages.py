"""What a gateway sends, as its clients read it: on the stream, over REST, typed, followed, recorded and shown."""

import asyncio
from collections.abc import Sequence
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any, Self

from aiohttp import WSMsgType
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from strange import JSON, NESTED, NOISE, ODD, TEXT, check_told, fuzzed, object_of, spelt, tried

from gateway.app.doctor.running import _judged
from gateway.cli.status_picture import picture
from gateway.cli.status_report import report_of
from gateway.cli.table_values import values
from gateway.client import Client
from gateway.client.following import Following
from gateway.client.link import Link, endpoint
from gateway.client.rest import Rest, base_of
from gateway.client.typed import records
from gateway.errors import ConnectionFault, GatewayError, SubscriptionError
from gateway.recording.hearing import decoding
from gateway.spi.steps import HttpReply

TOPIC = "mock:trades:BTC"
TOPICS = st.sampled_from([TOPIC, "mock:book:BTC", "mock:raw:x", "mock:new:x", "", ":", "a:b"])
TRADE = {"id": 1, "price": "1", "size": "2", "side": "buy", "ts": 3}
ACK = {
    "method": "subscribe",
    "req_id": 1,
    "success": True,
    "topic": TOPIC,
    "epoch": "e",
    "offset": 4,
    "status": "live",
    "recovered": True,
    "time_in": 1,
    "time_out": 2,
}
REFUSAL = {
    "method": "subscribe",
    "req_id": 1,
    "success": False,
    "error": {"code": "no", "message": "no", "temporary": False},
}
UPDATE = {"topic": TOPIC, "type": "update", "epoch": "e", "offset": 5, "recv": 1, "data": [TRADE]}
LAG = {"topic": TOPIC, "type": "lag", "from": 6, "to": 8}
STATUS = {"topic": TOPIC, "type": "status", "status": "live", "reason": "", "ts": 1}


@st.composite
def messages(draw: Any) -> bytes:
    """Return one that a gateway sends, or nearly."""
    whole = dict(draw(st.sampled_from([ACK, REFUSAL, UPDATE, LAG, STATUS])))
    for name in draw(st.lists(st.sampled_from(sorted(whole)), max_size=2, unique=True)):
        if draw(st.booleans()):
            del whole[name]
        else:
            whole[name] = draw(TOPICS | ODD)
    return draw(st.just(spelt(whole)) | NOISE | JSON.map(spelt) | st.sampled_from([b'"method"', b'["method"]']))


class Socket:
    """What a gateway sends, and then the end of it."""

    close_code = 1006

    def __init__(self, sent: Sequence[bytes]) -> None:
        self._sent = list(sent)
        self.asked: list[Any] = []

    async def send_str(self, text: str) -> None:
        self.asked.append(text)

    async def receive(self) -> Any:
        await asyncio.sleep(0)
        if self._sent:
            return SimpleNamespace(type=WSMsgType.TEXT, data=self._sent.pop(0).decode("utf-8", "replace"))
        return SimpleNamespace(type=WSMsgType.CLOSED, data=None)

    async def close(self) -> None:
        """It is closed."""


class Opened(Client):
    """A client that is connected to what a gateway sends."""

    def __init__(self, sent: Sequence[bytes], **given: Any) -> None:
        super().__init__(**given)
        self._sent = sent

    async def __aenter__(self) -> Self:
        link: Link = self._link
        ws: Any = Socket(self._sent)
        link._ws = ws
        link._reading = asyncio.create_task(link._read(ws))
        return self


async def used(client: Client) -> None:
    """Do with a client all that one does; it ends, and not in any way but those that are told."""
    async with asyncio.timeout(30), client:
        for ask in (
            lambda: client.subscribe([TOPIC]),
            client.topics,
            client.ping,
            lambda: client.unsubscribe([TOPIC]),
        ):
            try:
                await ask()
            except (ConnectionFault, SubscriptionError) as exc:
                check_told(exc)
        try:
            async for message in client:
                tried(lambda message=message: records(message), ValueError)
        except ConnectionFault as exc:
            check_told(exc)
        reading = client._link._reading
        assert reading is not None
        assert reading.done()
        assert reading.exception() is None


@fuzzed(5)
@given(sent=st.lists(messages(), max_size=5))
@example(sent=[b'"method"'])
@example(sent=[b'["method"]'])
@example(sent=[b'{"topic":7,"type":"lag","from":1,"to":2}'])
@example(sent=[spelt(ACK), b'{"topic":"mock:trades:BTC","type":"lag","from":5,"to":"x"}'])
@example(sent=[b'"\\ud800"'])
@example(sent=[NESTED[2]])
@example(sent=[spelt({**ACK, "req_id": [1]})])
@example(sent=[spelt({"method": "list", "req_id": 1, "success": True})])
async def test_a_client_reads_what_comes_or_says_that_it_is_no_gateway(sent: list[bytes]) -> None:
    await used(Opened(sent))


@fuzzed()
@given(sent=st.lists(messages(), max_size=4))
@example(sent=[NESTED[1]])
async def test_a_recorder_reads_no_less(sent: list[bytes]) -> None:
    await used(Opened(sent, decode=decoding(lambda: 7)))


@fuzzed()
@given(sent=st.lists(messages(), max_size=4))
@example(sent=[spelt({name: one for name, one in ACK.items() if name != "status"})])
@example(sent=[spelt({**ACK, "topic": 7})])
async def test_whoever_follows_is_told_or_hears_that_it_is_in_vain(sent: list[bytes]) -> None:
    rounds, attempts = iter([[spelt(ACK)], sent]), count()

    class Again(Following):
        def _client(self) -> Client:
            return Opened(next(rounds, []))

    async def pause(_: float) -> None:
        await asyncio.sleep(0)
        if next(attempts) > 3:
            raise SubscriptionError("enough", "")

    following = Again([TOPIC], rng=Random(1), pause=pause)
    rounds = iter([[spelt(ACK)], sent])
    told = 0
    try:
        async with asyncio.timeout(30):
            async for message in following:
                told += 1
                assert isinstance(message, dict)
                if told > 12:
                    break
    except (ConnectionFault, SubscriptionError) as exc:
        check_told(exc)


MESSAGE = object_of(
    topic=TOPICS, type=st.sampled_from(["update", "snapshot", "status"]), data=st.lists(st.just(TRADE), max_size=2)
)


@fuzzed()
@given(message=MESSAGE)
def test_records_are_made_or_the_message_is_not_of_the_protocol(message: dict[str, Any]) -> None:
    found = tried(lambda: records(message), ValueError)
    if found and message["topic"] == TOPIC:
        assert [one.id for one in found] == [row["id"] for row in message["data"]]


class Answering(Rest):
    """A gateway over REST, by its answers."""

    def __init__(self, replies: Sequence[HttpReply]) -> None:
        super().__init__("http://127.0.0.1:1")
        rest = iter(replies)

        async def fetch(_: Any) -> HttpReply:
            return next(rest)

        self._network: Any = SimpleNamespace(fetch=fetch, close=lambda: asyncio.sleep(0))


CONNECTION = {
    "id": "mock/stream/0",
    "state": "CONNECTED",
    "phase": "",
    "since_us": 1,
    "reason": "x",
    "text": "",
    "is_connected": True,
    "is_healthy": True,
    "unhealthy_because": "",
    "ages": {"message": 1.0, "pong": None},
    "streams": 1,
    "counters": {"messages_received": 1, "dials": 1},
    "history": [{"at_us": 1, "before": "CONNECTING", "after": "CONNECTED", "reason": "x", "text": ""}],
    "diagnosis": {"text": "y"},
}
EXCHANGE = {
    "id": "mock",
    "environment": "live",
    "instruments": 3,
    "limits": {"w": {"used": 1.0, "allowed": 2.0}},
    "problem": "",
}
DOCUMENTS = [
    {"problems": ["none"]},
    {"started_us": 1, "version": "1"},
    {"exchanges": [EXCHANGE]},
    {"connections": [CONNECTION]},
]


@st.composite
def documents(draw: Any) -> list[HttpReply]:
    """Return the four answers that a picture is made of, some of them changed in one place."""
    from bending import bent

    replies = []
    for one in DOCUMENTS:
        body = draw(st.sampled_from([spelt(one)] * 3) | bent(spelt(one)) | NOISE)
        kind = draw(st.sampled_from(["application/json"] * 4 + ["text/html", ""]))
        replies.append(
            HttpReply(draw(st.sampled_from([200, 200, 200, 503, 401, 404])), {"content-type": kind}, body)
        )
    return replies


@fuzzed(5)
@given(replies=documents())
async def test_a_gateway_is_shown_or_is_none(replies: list[HttpReply]) -> None:
    async with Answering(replies) as rest:
        try:
            report = await report_of(rest)
            shown = picture(report, 5)
        except GatewayError as exc:
            check_told(exc)
            return
    console = Console(width=120, record=True, file=SimpleNamespace(write=lambda _: None, flush=lambda: None))  # type: ignore[arg-type]  # nobody reads it
    console.print(shown)
    assert "gateway" in console.export_text()


@fuzzed()
@given(
    status=st.sampled_from([200, 401, 503]),
    ready=object_of(problems=st.lists(st.text(), max_size=2)) | ODD,
    info=object_of(version=st.text()) | ODD,
)
def test_the_doctor_judges_any_answer(status: int, ready: Any, info: Any) -> None:
    assert list(_judged("http://x", status, ready, info))


@fuzzed()
@given(
    channel=st.sampled_from(
        ["trades", "quotes", "ticker", "candles", "mark", "orders", "balances", "positions", "new"]
    ),
    data=st.lists(object_of(price=st.text(), size=st.text(), side=st.text()), max_size=2) | ODD,
)
def test_a_table_shows_any_data_or_that_it_is_none(channel: str, data: Any) -> None:
    assert isinstance(values(channel, data), str)


@fuzzed()
@given(url=TEXT | st.from_regex(r"(https?|wss?)://[a-z\[\]:@0-9]{0,12}/?[a-z]{0,4}", fullmatch=True))
def test_a_gateways_address_is_read_or_refused(url: str) -> None:
    for read in (endpoint, base_of, lambda url: Client(url, token="Zq7hunter2SecretZq7")):
        tried(lambda read=read: read(url), ValueError)
