"""One exchange's own protocol: the plugin's words, the books that are kept, and what the exchange is asked."""

import asyncio
import json
from typing import Any

import pytest

from gateway import spi
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Refuse
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange

FETCH = spi.NativeFetch(spi.Fetch("GET", "http://memory/depth", cost={"mock-weight": 10}), 60.0)


class Protocol:
    """Answers ``/fetched`` with what the exchange says, ``/book/<levels>`` with a book, all else itself."""

    def __init__(self, target: spi.Target) -> None:
        self.target = target

    def greet(self, path, query, /):
        return spi.NativeGreeting("plain", (path,))

    def hear(self, client, text, /):
        return spi.NativeTurn(reply=text.upper())

    def refuse(self, text, code, words, /):
        return code

    def wrap(self, shape, stream, payload, /):
        return payload

    def answer(self, method, path, query, /):
        if path.startswith("/book/"):
            levels = int(path.removeprefix("/book/"))
            return spi.NativeBook(stream="book.a", levels=levels, render=self.render, otherwise=FETCH)
        return FETCH if path == "/fetched" else HttpReply(200, body=path.encode())

    def render(self, book):
        return HttpReply(200, body=json.dumps([book.last, book.bids, book.asks]).encode())

    def unavailable(self, after, /):
        return HttpReply(503, body=repr(after).encode())


class Speaking(MockExchange):
    """The mock exchange with a protocol of its own."""

    calls = 0

    @spi.hookimpl
    def gateway_instruments(self) -> None:
        """Have no list: symbols are the exchange's own."""

    @spi.hookimpl
    def gateway_native(self, target: spi.Target) -> Any:
        """Count how often it is asked for."""
        type(self).calls += 1
        return Protocol(target)


class Mute(MockExchange):
    """One without."""

    @spi.hookimpl
    def gateway_native(self) -> None:
        """Have none."""


class Failing(MockExchange):
    """One whose protocol cannot be had."""

    @spi.hookimpl
    def gateway_native(self) -> Any:
        """Return what is none."""
        return object()


async def body(one: Any, path: str) -> bytes:
    return (await one.exchange.native().answer("GET", path, {})).body


@pytest.fixture
def speaking(stage: Any) -> Any:
    """What makes a stage whose exchange speaks."""

    def made() -> Any:
        Speaking.calls = 0
        one = stage(Speaking())
        one.network.on_fetch = lambda _: HttpReply(200, body=b"theirs")
        return one

    return made


def asked(one: Any) -> int:
    return sum(request.step.url.endswith("/depth") for request in one.network.fetches)


@virtually
async def test_it_is_made_when_the_first_client_comes_and_once(speaking) -> None:
    async with speaking() as one:
        assert Speaking.calls == 0
        first = one.exchange.native()
        assert one.exchange.native() is first
        assert Speaking.calls == 1
        assert first.greet("/ws", {}) == spi.NativeGreeting("plain", ("/ws",))
        assert first.hear(spi.NativeClient("plain", ()), "a").reply == "A"
        assert first.refuse(None, "late", "") == "late"
        assert first.wrap("plain", "a", b"x") == b"x"


@virtually
async def test_a_plugin_without_a_protocol_has_none(stage) -> None:
    async with stage(Mute()) as one:
        assert one.exchange.native() is None


@virtually
async def test_one_that_cannot_be_had_is_named_once_and_harms_nothing_else(stage) -> None:
    async with stage(Failing()) as one:
        assert one.exchange.native() is None
        assert one.exchange.native() is None
        [notice] = one.seen.noticed_of("plugin_error")
        assert "gateway_native returned a object without" in str(notice["error"])


@virtually
async def test_what_the_plugin_says_itself_costs_nothing(speaking) -> None:
    async with speaking() as one:
        assert await body(one, "/ping") == b"/ping"
        assert asked(one) == 0


@virtually
async def test_what_the_exchange_says_is_kept(speaking) -> None:
    async with speaking() as one:
        assert [await body(one, "/fetched") for _ in range(3)] == [b"theirs"] * 3
        assert asked(one) == 1


@virtually
async def test_a_book_that_is_not_kept_is_fetched(speaking) -> None:
    async with speaking() as one:
        assert await body(one, "/book/1") == b"theirs"


@virtually
async def test_a_book_that_is_kept_is_told_as_it_stands(speaking) -> None:
    async with speaking() as one:
        await one.hear("mock:book:a")
        one.far.ack_all()
        await one.quiet()
        assert await body(one, "/book/1") == b"theirs"  # there is none yet
        one.far.snapshot("a", 4)
        one.far.delta("a", 5)
        await one.quiet()
        assert json.loads(await body(one, "/book/1")) == [5, [["99", "1"]], [["101", "1"]]]
        assert json.loads(await body(one, "/book/9")) == [5, [["99", "1"], ["98", "5"]], [["101", "1"]]]
        assert asked(one) == 1


@virtually
async def test_a_stream_that_is_only_wanted_raw_keeps_no_book(speaking) -> None:
    async with speaking() as one:
        await one.hear("mock:raw:book.a")
        one.far.ack_all()
        await one.quiet()
        assert await body(one, "/book/1") == b"theirs"


@virtually
async def test_a_refusal_is_passed_on_and_heeded_by_everybody(speaking) -> None:
    async with speaking() as one:
        one.network.on_fetch = lambda _: HttpReply(429, {"retry-after": "30"}, b"slow down")
        reply = await one.exchange.native().answer("GET", "/fetched", {})
        assert (reply.status, reply.body) == (429, b"slow down")
        again = await one.exchange.native().answer("GET", "/fetched", {})
        assert (again.status, again.body) == (503, b"30")
        assert asked(one) == 1
        await asyncio.sleep(31)
        assert (await one.exchange.native().answer("GET", "/fetched", {})).status == 429


@virtually
async def test_an_exchange_that_cannot_be_reached_is_told_in_its_words(speaking) -> None:
    async with speaking() as one:
        one.network.on_fetch = lambda _: Refuse()
        assert await body(one, "/fetched") == b"None"


@virtually
async def test_a_cost_that_is_not_declared_is_told_of_the_plugin(speaking, monkeypatch) -> None:
    wrong = spi.NativeFetch(spi.Fetch("GET", "http://memory/depth", cost={"other": 1}), 1.0)
    monkeypatch.setattr(Protocol, "answer", lambda *_: wrong)
    async with speaking() as one:
        assert await body(one, "/fetched") == b"None"
        assert "undeclared limits: other" in str(one.seen.noticed_of("plugin_error")[0]["error"])
