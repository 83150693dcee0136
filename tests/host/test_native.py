"""What a plugin says in its exchange's own protocol is checked where it enters, and its mistakes are named."""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from gateway import spi
from gateway.errors import PluginError
from gateway.host.native import NativeSide

REPLY = spi.HttpReply(200, {}, b"{}")
FETCH = spi.NativeFetch(spi.Fetch("GET", "https://rest.example/x"), 1.0)
BOOK = spi.NativeBook(stream="a@depth", levels=5, render=lambda snapshot: REPLY, otherwise=FETCH)
CLIENT = spi.NativeClient("plain", ("a",))
SNAPSHOT = spi.BookSnapshot([("1", "2")], [], 7)


class Plain:
    """Answers everything as it should; a test replaces what it is about."""

    def greet(self, path, query, /):
        return spi.NativeGreeting("plain", ("a",))

    def hear(self, client, text, /):
        return spi.NativeTurn(reply=text)

    def refuse(self, text, code, words, /):
        return f"{code}: {words}"

    def wrap(self, shape, stream, payload, /):
        return payload

    def answer(self, method, path, query, /):
        return REPLY

    def unavailable(self, after, /):
        return replace(REPLY, status=503)


CALLS = {
    "greet": lambda side: side.greet("/ws", {}),
    "hear": lambda side: side.hear(CLIENT, "hello"),
    "refuse": lambda side: side.refuse("x", "bad_request", "no"),
    "answer": lambda side: side.answer("GET", "/x", {}),
    "unavailable": lambda side: side.unavailable(1.0),
}
KINDS = {"greet": "NativeGreeting", "hear": "NativeTurn", "refuse": "str", "answer": "NativeFetch"}


@pytest.fixture
def side(bound, target):
    """Bind a plugin whose protocol answers as given."""

    names = (f"acme{number or ''}" for number in count())

    def bind(**answers):
        functions = {
            name: lambda _, *given, answer=answer: answer(*given) if callable(answer) else answer
            for name, answer in answers.items()
        }
        protocol = type("Made", (Plain,), functions)()
        return bound(next(names), gateway_native=lambda: protocol).native(target)

    return bind


def refusal(call, *arguments) -> str:
    with pytest.raises(PluginError) as caught:
        call(*arguments)
    assert caught.value.plugin == "acme"
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value.problem


def test_a_plugin_without_a_protocol_has_none(bound, target):
    assert bound().native(target) is None
    assert bound("other", gateway_native=lambda: None).native(target) is None


def test_what_is_right_is_passed_on(side):
    one = side()
    assert isinstance(one, NativeSide)
    assert one.greet("/ws", {}) == spi.NativeGreeting("plain", ("a",))
    assert one.hear(CLIENT, "hello").reply == "hello"
    assert one.refuse(None, "timeout", "late") == "timeout: late"
    assert one.wrap("plain", "a", b"x") == b"x"
    assert one.answer("GET", "/x", {}) is REPLY
    assert one.unavailable(None).status == 503
    assert side(greet=REPLY).greet("/ws", {}) is REPLY
    assert side(answer=FETCH).answer("GET", "/x", {}) is FETCH
    assert side(answer=BOOK).answer("GET", "/x", {}) is BOOK
    assert one.render(BOOK, SNAPSHOT) is REPLY


def test_data_are_written_by_the_plugins_own_function(bound, target):
    protocol = Plain()
    one = bound(gateway_native=lambda: protocol).native(target)
    assert one.wrap == protocol.wrap


@pytest.mark.parametrize("name", [*CALLS, "wrap"])
def test_every_method_must_be_there(bound, target, name):
    made = type("Partial", (Plain,), {name: None})()
    problem = refusal(bound(gateway_native=lambda: made).native, target)
    assert problem == f"gateway_native returned a Partial without {name}"


def test_nobody_awaits_it(bound, target):
    class Waiting(Plain):
        async def hear(self, client, text, /):
            return spi.NativeTurn()

    problem = refusal(bound(gateway_native=Waiting).native, target)
    assert problem == "gateway_native returned coroutines, which nobody awaits: hear"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("error", [KeyError("S3CR3T"), SystemExit("S3CR3T"), asyncio.CancelledError("S3CR3T")])
def test_what_it_raises_is_the_plugins_error(side, name, error):
    def fails(*_):
        raise error

    problem = refusal(CALLS[name], side(**{name: fails}))
    assert problem.startswith(f"gateway_native's {name} raised {type(error).__name__}")
    assert "S3CR3T" not in problem


@pytest.mark.parametrize("name", CALLS)
def test_another_type_is_told(side, name):
    need = KINDS.get(name, "HttpReply")
    assert refusal(CALLS[name], side(**{name: 5})) == f"gateway_native's {name} must return a {need}, not int"


def test_a_coroutine_in_disguise_leaves_no_warning_behind(side):
    async def answer():
        """Never awaited."""

    waiting = answer()
    assert refusal(CALLS["hear"], side(hear=lambda *_: waiting)).endswith("not coroutine")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("greet", spi.NativeGreeting(""), "a NativeGreeting whose shape must be text, not empty"),
        ("greet", spi.NativeGreeting("x", ["a"]), "a NativeGreeting whose streams must be a tuple of names"),
        ("greet", replace(REPLY, status=101), "a HttpReply whose status must be a status from 200 to 599"),
        ("hear", spi.NativeTurn(subscribe="ab"), "a NativeTurn whose subscribe must be a tuple of names"),
        ("hear", spi.NativeTurn(unsubscribe=("",)), "a NativeTurn whose unsubscribe must be a tuple of names"),
        ("hear", spi.NativeTurn(shape=""), "a NativeTurn whose shape must be text, not empty, or None"),
        ("hear", spi.NativeTurn(reply=b"x"), "a NativeTurn whose reply must be text or None"),
        ("hear", spi.NativeTurn(is_wrong=1), "a NativeTurn whose is_wrong must be a truth value"),
        ("answer", replace(REPLY, body="x"), "a HttpReply whose body must be bytes"),
        ("answer", replace(REPLY, headers=None), "a HttpReply whose headers must be a mapping"),
        ("answer", replace(FETCH, keep=-1), "a NativeFetch whose keep must be seconds, 0 or more"),
        ("answer", replace(FETCH, keep=float("nan")), "a NativeFetch whose keep must be seconds, 0 or more"),
        ("answer", replace(BOOK, stream=""), "a NativeBook whose stream must be a name"),
        ("answer", replace(BOOK, levels=0), "a NativeBook whose levels must be a whole number above 0"),
        ("answer", replace(BOOK, render=None), "a NativeBook whose render must be a function"),
        ("unavailable", replace(REPLY, status=True), "a HttpReply whose status must be a status from 200 to 599"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(side, name, value, problem):
    assert refusal(CALLS[name], side(**{name: value})) == f"gateway_native's {name} returned {problem}"


@pytest.mark.parametrize("value", [replace(FETCH, request="GET /"), replace(BOOK, otherwise=None)])
def test_what_is_fetched_is_a_request(side, value):
    assert "must return a" in refusal(CALLS["answer"], side(answer=value))


def test_a_book_that_is_written_wrongly_is_the_plugins_mistake(side):
    broken = replace(BOOK, render=lambda snapshot: 1 / 0)
    one = side()
    assert refusal(one.render, broken, SNAPSHOT).startswith("gateway_native's render raised ZeroDivisionError")
    other = replace(BOOK, render=lambda snapshot: "text")
    assert refusal(one.render, other, SNAPSHOT) == "gateway_native's render must return a HttpReply, not str"


def test_one_that_takes_its_time_is_named(bound, target, told):
    class Slow(Plain):
        def hear(self, client, text, /):
            told.now += 1.5
            return spi.NativeTurn()

    bound(gateway_native=Slow).native(target).hear(CLIENT, "x")
    assert told.slow == [("acme", "gateway_native's hear", 1.5)]
