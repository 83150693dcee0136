"""What clients of Binance's own protocol ask for on a socket, and how they are answered, after its documents."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as made

from gateway import spi
from gateway_binance.native.requests import hear, refuse

CLIENT = spi.NativeClient("bare", ("ethusdt@depth@100ms", "!miniTicker@arr"))
KEY = "a1" * 32


def ask(method: str, *params: Any, number: Any = 41) -> str:
    return json.dumps({"method": method, "params": list(params), "id": number})


def answered(turn: spi.NativeTurn) -> Any:
    assert turn.reply is not None
    return json.loads(turn.reply)


def test_streams_are_asked_for_each_once_in_order() -> None:
    turn = hear(CLIENT, ask("SUBSCRIBE", "b@trade", "a@depth@100ms", "b@trade", "!ticker_1h@arr"))
    assert turn.subscribe == ("b@trade", "a@depth@100ms", "!ticker_1h@arr")
    assert (answered(turn), turn.unsubscribe, turn.shape, turn.is_wrong) == (
        {"result": None, "id": 41},
        (),
        None,
        False,
    )


def test_streams_are_given_up() -> None:
    turn = hear(CLIENT, ask("UNSUBSCRIBE", "a@trade", number=None))
    assert (turn.unsubscribe, turn.subscribe) == (("a@trade",), ())
    assert answered(turn) == {"result": None, "id": None}


def test_streams_are_listed() -> None:
    turn = hear(CLIENT, '{"method":"LIST_SUBSCRIPTIONS","id":"x1"}')
    assert answered(turn) == {"result": ["ethusdt@depth@100ms", "!miniTicker@arr"], "id": "x1"}


@pytest.mark.parametrize(("value", "shape"), [(True, "combined"), (False, "bare")])
def test_data_are_combined_or_not(value: bool, shape: str) -> None:
    turn = hear(CLIENT, ask("SET_PROPERTY", "combined", value))
    assert (turn.shape, answered(turn)) == (shape, {"result": None, "id": 41})
    told = hear(spi.NativeClient(shape, ()), ask("GET_PROPERTY", "combined"))
    assert (told.shape, answered(told)["result"]) == (None, value)


@pytest.mark.parametrize(
    "id_", [0, -(2**63), 2**63 - 1, None, "", "a" * 36, "4ab2a9d6-7b0e-4b6e-9a39-16cbb1a0f6c5"]
)
def test_an_id_is_repeated(id_: Any) -> None:
    assert answered(hear(CLIENT, ask("SUBSCRIBE", "a@trade", number=id_)))["id"] == id_


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 3),
        ("no", 3),
        ("[" * 2000, 3),
        ("NaN", 3),
        ("[]", 2),
        ("null", 2),
        ('{"id":7}', 2),
        (ask("subscribe", "a@trade", number=7), 2),
        (ask("LOGIN", number=7), 2),
        ('{"method":["SUBSCRIBE"],"id":7}', 2),
        ('{"method":"SUBSCRIBE","params":"a@trade","id":7}', 2),
        (ask("SUBSCRIBE", number=7), 2),
        (ask("UNSUBSCRIBE", number=7), 2),
        (ask("SUBSCRIBE", 5, number=7), 2),
        (ask("SUBSCRIBE", "a@trade", "nothing", number=7), 2),
        (ask("SUBSCRIBE", "BTCUSDT@trade", number=7), 2),
        (ask("SUBSCRIBE", "@trade", number=7), 2),
        (ask("SUBSCRIBE", "a@", number=7), 2),
        (ask("SUBSCRIBE", KEY, number=7), 2),
        (ask("SET_PROPERTY", "combined", number=7), 2),
        (ask("SET_PROPERTY", "combined", True, 1, number=7), 2),
        (ask("SET_PROPERTY", 5, True, number=7), 2),
        (ask("SET_PROPERTY", "compressed", True, number=7), 0),
        (ask("SET_PROPERTY", "combined", "true", number=7), 1),
        (ask("SET_PROPERTY", "combined", 1, number=7), 1),
        (ask("GET_PROPERTY", number=7), 2),
        (ask("GET_PROPERTY", "compressed", number=7), 0),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_documented_code_and_asks_for_nothing(
    text: str, code: int
) -> None:
    turn = hear(CLIENT, text)
    told = answered(turn)
    assert (told["code"], told["id"]) == (code, 7 if ("7" in text) else None)
    assert told["msg"]
    assert turn == spi.NativeTurn(reply=turn.reply, is_wrong=True)


@pytest.mark.parametrize("id_", [1.5, True, 2**63, "a" * 37, {}, [1]])
def test_an_id_that_is_none_is_refused_without_one(id_: Any) -> None:
    told = answered(hear(CLIENT, ask("SUBSCRIBE", "a@trade", number=id_)))
    assert (told["code"], told["id"]) == (2, None)


@pytest.mark.parametrize(
    ("code", "theirs"),
    [("too_many_topics", 4), ("too_many_lingering", 4), ("rate_limited", 4), ("forbidden", 2), ("bad_request", 2)],
)
def test_what_the_gateway_refuses_has_a_code_of_the_exchanges(code: str, theirs: int) -> None:
    assert json.loads(refuse(ask("SUBSCRIBE", "a@trade", number=9), code, "words")) == {
        "code": theirs,
        "msg": "words",
        "id": 9,
    }
    assert json.loads(refuse(None, code, "words"))["id"] is None
    assert json.loads(refuse("[", code, "words"))["id"] is None


VALUES = made.recursive(
    made.none() | made.booleans() | made.integers() | made.floats() | made.text(max_size=8),
    lambda inner: made.lists(inner, max_size=3) | made.dictionaries(made.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
METHODS = made.sampled_from(
    ["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "combined", "a@trade"]
)
MESSAGES = made.one_of(
    made.text(),
    made.fixed_dictionaries({}, optional={"method": METHODS | VALUES, "params": VALUES, "id": VALUES}).map(
        json.dumps
    ),
    made.builds(ask, METHODS, METHODS, VALUES),
)


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_whatever_is_written_there_is_an_answer(text: str) -> None:
    turn = hear(CLIENT, text)
    told = answered(turn)
    assert set(told) in ({"result", "id"}, {"code", "msg", "id"})
    assert turn.is_wrong == ("code" in told)
    assert all("@" in stream or stream.startswith("!") for stream in (*turn.subscribe, *turn.unsubscribe))
