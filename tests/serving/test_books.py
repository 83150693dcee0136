"""A book may be asked for once: the kept one, or one that is opened; never one that is not right."""

import asyncio
from typing import Any

import pytest

from gateway.engine.messages import TopicStatus
from gateway.errors import SubscriptionError
from gateway.model.market import Book
from gateway.serving import Limits, books
from gateway.serving.auth.tokens import mint

PATH = "/api/v1/books/mock/BTC-USDT"
BOOK = Book([("60000.1", "1"), ("60000", "2"), ("59999", "3")], [("60000.2", "4")], 88, 5)


def show(topic: Any, book: Book = BOOK) -> None:
    """Have ``topic`` know the whole book, as its feed does."""
    topic.snapshot_of = lambda: ([book], book.ts)


async def test_the_kept_book_is_told(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT", channel="book")
    await client.next()
    topic = rig.topic(channel="book")
    show(topic)
    topic.publish("update", [BOOK], 5, 6)
    assert await rig.get(PATH) == (
        200,
        {
            "topic": "mock:book:BTC-USDT",
            "epoch": "e1",
            "offset": 1,
            "bids": [["60000.1", "1"], ["60000", "2"], ["59999", "3"]],
            "asks": [["60000.2", "4"]],
            "seq": 88,
            "ts": 5,
        },
    )
    assert rig.upstream.opened == ["mock:book:BTC-USDT"]


async def test_as_many_levels_are_told_as_are_asked_for(rig: Any) -> None:
    rig.upstream.on_open = show
    _, told = await rig.get(f"{PATH}?depth=2")
    assert (told["bids"], told["asks"]) == ([["60000.1", "1"], ["60000", "2"]], [["60000.2", "4"]])


@pytest.mark.parametrize(
    "query", ["depth=0", "depth=5001", "depth=x", "depth=1.5", "depth=", "deep=1", "depth=1&depth=2"]
)
async def test_a_query_of_another_shape_is_refused(rig: Any, query: str) -> None:
    status, problem = await rig.problem(f"{PATH}?{query}")
    assert (status, problem["code"]) == (400, "bad_request")
    assert rig.upstream.opened == []


@pytest.mark.parametrize(
    "path", ["m%20ock/BTC-USDT", "mock/BTC%20USDT", "mock/@BTC", f"mock/{'x' * 129}", "mock/a%3Ab"]
)
async def test_what_is_no_name_is_refused(rig: Any, path: str) -> None:
    status, problem = await rig.problem(f"/api/v1/books/{path}")
    assert (status, problem["code"]) == (400, "bad_request")


async def test_one_that_nobody_listens_to_is_opened_and_waited_for(rig: Any) -> None:
    asking = asyncio.create_task(rig.get(PATH))
    await rig.until(lambda: "mock:book:BTC-USDT" in rig.hub.topics)
    topic = rig.topic(channel="book")
    topic.become(TopicStatus.RESYNCING, "subscribed", 2)
    await asyncio.sleep(0)
    assert not asking.done()
    show(topic)
    topic.publish("snapshot", [BOOK], 5, 6)
    status, told = await asking
    assert (status, told["offset"]) == (200, 1)
    assert topic.listeners == 0
    assert topic.idle_since is not None


async def test_one_that_is_never_right_is_never_told(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "PATIENCE", 0.05)
    rig.upstream.on_open = lambda topic: topic.become(TopicStatus.RESYNCING, "sequence_gap", 2)
    async with rig.http.get(rig.base + PATH) as reply:
        problem = await reply.json(content_type=None)
        assert (reply.status, problem["code"]) == (503, "no_book")
        assert reply.headers["Retry-After"] == "1"
    assert problem["detail"] == "there is no book: mock:book:BTC-USDT is resyncing: sequence_gap"
    assert rig.topic(channel="book").listeners == 0


async def test_one_that_the_exchange_refuses_is_not_waited_for(rig: Any) -> None:
    rig.upstream.on_open = lambda topic: topic.become(TopicStatus.CLOSED, "stream_refused", 2)
    status, problem = await rig.problem(PATH)
    assert (status, problem["code"]) == (503, "no_book")
    assert "is closed: stream_refused" in problem["detail"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("mock/NOPE-USDT", 404, "unknown_symbol"), ("nobody/BTC-USDT", 404, "unknown_exchange")],
)
async def test_one_that_there_is_not_is_not_found(rig: Any, path: str, status: int, code: str) -> None:
    told, problem = await rig.problem(f"/api/v1/books/{path}")
    assert (told, problem["code"]) == (status, code)


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("ambiguous_symbol", 409, "ambiguous_symbol"),
        ("plugin_error", 502, "plugin_error"),
        ("timeout", 503, "no_book"),
    ],
)
async def test_what_else_an_exchange_says_against_it_is_told(rig: Any, code: str, status: int, told: str) -> None:
    def refuse(_: Any) -> None:
        raise SubscriptionError(code, "so it is")

    rig.upstream.on_open = refuse
    found, problem = await rig.problem(PATH)
    assert (found, problem["code"], problem["detail"]) == (status, told, "so it is")
    assert rig.hub.topics == {}


async def test_an_exchange_whose_instruments_do_not_come_is_not_waited_for_long(
    rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "PATIENCE", 0.05)
    rig.upstream.patience = asyncio.Event()
    status, problem = await rig.problem(PATH)
    assert (status, problem["detail"]) == (503, "there is no book: its instruments did not come")


async def test_only_so_many_are_waited_for_at_once(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "AT_ONCE", 1)
    asking = asyncio.create_task(rig.get(PATH))
    await rig.until(lambda: bool(rig.hub.topics))
    status, problem = await rig.problem(PATH)
    assert (status, problem["code"]) == (429, "too_many_books")
    show(rig.topic(channel="book"))
    rig.topic(channel="book").publish("snapshot", [BOOK], 5, 6)
    assert (await asking)[0] == 200
    assert (await rig.get(PATH))[0] == 200


async def test_opening_them_counts_as_it_does_for_whoever_subscribes(start: Any) -> None:
    rig = await start(topics=2, openings_per_second=1e9)
    rig.upstream.on_open = show
    assert (await rig.get(PATH))[0] == 200
    assert (await rig.get("/api/v1/books/mock/ETH-USDT"))[0] == 200
    status, problem = await rig.problem("/api/v1/books/mock/XRP-USDT")
    assert (status, problem["code"]) == (429, "rate_limited")
    assert "2 that it left are open for a while yet" in problem["detail"]
    assert (await rig.get(PATH))[0] == 200
    assert len(rig.upstream.opened) == 2


async def test_whoever_leaves_while_waiting_leaves_nothing_behind(rig: Any) -> None:
    asking = asyncio.create_task(rig.get(PATH))
    await rig.until(lambda: bool(rig.hub.topics) and rig.topic(channel="book").listeners == 1)
    asking.cancel()
    await rig.until(lambda: rig.topic(channel="book").listeners == 0)


async def test_limits_that_are_others_hold_for_whoever_asks_next(start: Any) -> None:
    rig = await start(topics=1, openings_per_second=1e9)
    rig.upstream.on_open = show
    assert (await rig.get(PATH))[0] == 200
    assert (await rig.get("/api/v1/books/mock/ETH-USDT"))[0] == 429
    rig.server.admit(allowed_hosts=(), allowed_origins=(), limits=Limits(topics=2))
    assert (await rig.get("/api/v1/books/mock/ETH-USDT"))[0] == 200


async def test_what_a_token_opens_counts_for_that_token(start: Any) -> None:
    text, kept = mint(["market:read"], name="", now_us=1, expires_us=None)
    rig = await start(tokens=[kept], topics=1, openings_per_second=1e9)
    rig.upstream.on_open = show
    shown = {"Authorization": f"Bearer {text.reveal()}"}
    assert (await rig.get(PATH, **shown))[0] == 200
    assert (await rig.get("/api/v1/books/mock/ETH-USDT", **shown))[0] == 429
    assert (await rig.get(PATH))[0] == 401
