"""How streams are asked for and what the exchange's answers report."""

from typing import Any

import orjson
import pytest

from gateway import spi

STREAMS = [f"s{number}usdt@trade" for number in range(450)]


def test_streams_are_asked_for_in_requests_of_two_hundred(dialect: Any) -> None:
    requests = dialect.subscribe(STREAMS)
    assert [len(request.streams) for request in requests] == [200, 200, 50]
    assert [stream for request in requests for stream in request.streams] == STREAMS
    for number, request in enumerate(requests, 1):
        asked = {"method": "SUBSCRIBE", "params": list(request.streams), "id": number}
        assert orjson.loads(request.frame) == asked
        assert isinstance(request.frame, str)
        assert (request.op, request.id, request.settles) == ("subscribe", number, "ack")
        assert request.cost == {"binance-spot-messages": 1}


def test_streams_are_given_up_with_ids_of_their_own(dialect: Any) -> None:
    (asked,) = dialect.subscribe(["a@trade"])
    (given,) = dialect.unsubscribe(["a@trade"])
    assert orjson.loads(given.frame)["method"] == "UNSUBSCRIBE"
    assert (given.op, given.streams) == ("unsubscribe", ("a@trade",))
    assert given.id != asked.id


def test_nothing_is_asked_for_with_no_streams(dialect: Any) -> None:
    assert dialect.subscribe([]) == ()


def test_an_acknowledgement_settles_its_request(dialect: Any) -> None:
    dialect.subscribe(["a@trade"])
    assert list(dialect.decode(b'{"result":null,"id":1}', False)) == [spi.Ack(1)]


@pytest.mark.parametrize(
    "text", ['{"code":2,"msg":"Invalid request","id":%s}', '{"error":{"code":2,"msg":"Invalid request"},"id":%s}']
)
def test_both_shapes_of_a_refusal_are_understood(dialect: Any, text: Any) -> None:
    dialect.subscribe(["a@trade"])
    dialect.unsubscribe(["a@trade"])
    stop = spi.Verdict(action=spi.Action.STOP, scope=spi.Scope.STREAM, text="2: Invalid request")
    (refused,) = dialect.decode((text % 2).encode(), False)
    assert refused == spi.Nack(2, "unsubscribe", stop)
    (refused,) = dialect.decode((text % "null").encode(), False)
    assert refused == spi.Nack(None, "subscribe", stop)


def test_a_refusal_without_an_id_is_the_oldest_requests(dialect: Any) -> None:
    dialect.unsubscribe(["a@trade"])
    dialect.subscribe(["b@trade"])
    ops = [next(iter(dialect.decode(b'{"code":3,"msg":"Invalid JSON"}', False))).op for _ in range(2)]
    assert ops == ["unsubscribe", "subscribe"]


def test_an_answered_request_is_not_the_oldest_any_more(dialect: Any) -> None:
    dialect.unsubscribe(["a@trade"])
    dialect.subscribe(["b@trade"])
    list(dialect.decode(b'{"result":null,"id":1}', False))
    (refused,) = dialect.decode(b'{"code":2,"msg":"","id":null}', False)
    assert refused.op == "subscribe"


def test_a_full_connection_may_have_room_later(dialect: Any) -> None:
    dialect.subscribe(["a@trade"])
    (refused,) = dialect.decode(b'{"code":4,"msg":"Too many subscriptions","id":1}', False)
    assert refused.verdict.action is spi.Action.RESUBSCRIBE
    assert refused.verdict.after == 60


@pytest.mark.parametrize(
    "payload",
    [
        b'{"result":null}',
        b'{"result":null,"id":null}',
        b'{"result":null,"id":"1"}',
        b'{"result":null,"id":true}',
        b'{"result":["a@trade"],"id":1}',
        b'{"error":"no","id":1}',
        b'{"error":{"msg":"no"},"id":1}',
        b'{"code":"2","msg":"no","id":1}',
        b'{"code":2,"msg":7,"id":1}',
    ],
)
def test_an_answer_of_another_shape_is_no_sense(dialect: Any, payload: Any) -> None:
    dialect.subscribe(["a@trade"])
    with pytest.raises(ValueError):
        list(dialect.decode(payload, False))


def test_pings_are_the_websockets_own(dialect: Any) -> None:
    assert dialect.ping(1) is spi.Ping.WEBSOCKET
