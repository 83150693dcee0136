"""The gateway that should run."""

from importlib import metadata

import pytest

from gateway.app.doctor import running
from gateway.config import Secret

VERSION = metadata.version("exchange-gateway")
INFO = (200, {"version": VERSION})


def test_nobody_is_asked_unless_one_was_named(case):
    assert list(running.answers(case())) == []


def test_one_that_is_ready_and_as_we_are_is_well(case, said, gateway_at):
    address = gateway_at({"/readyz?verbose": (200, {"ready": True, "problems": []}), "/api/v1/info": INFO})
    found = said(running.answers(case(url=f"ws://{address}")))
    assert found == ([f"the gateway at http://{address} is ready"], [], [])


def test_each_of_its_problems_is_told_and_so_is_another_version(case, said, gateway_at):
    address = gateway_at(
        {
            "/readyz?verbose": (503, {"problems": ["mock/stream/0 is ERROR", "x"]}),
            "/api/v1/info": (200, {"version": "0.0.1"}),
        }
    )
    well, [better], wrong = said(running.answers(case(url=f"http://{address}")))
    assert not well
    assert better == f"the gateway at http://{address} is of version 0.0.1, and installed is {VERSION}"
    assert [one.rpartition(": ")[2] for one in wrong] == ["mock/stream/0 is ERROR", "x"]


def test_one_that_wants_a_token_says_so(case, said, gateway_at):
    address = gateway_at({"/readyz?verbose": (401, {"code": "unauthorized"}), "/api/v1/info": INFO})
    found = list(running.answers(case(url=f"http://{address}")))
    assert said(found)[2] == [f"the gateway at http://{address} does not let us in"]
    assert "GATEWAY_TOKEN" in found[0].todo


@pytest.mark.parametrize(
    "documents",
    [
        {},
        {"/readyz?verbose": (200, {"other": 1}), "/api/v1/info": INFO},
        {"/readyz?verbose": (200, {"problems": None}), "/api/v1/info": INFO},
    ],
)
def test_another_server_is_no_gateway(case, said, gateway_at, documents):
    address = gateway_at(documents)
    assert said(running.answers(case(url=f"http://{address}")))[2] == [
        f"what answers at http://{address} is no gateway"
    ]


def test_one_that_is_not_there_is_wrong_and_a_password_is_not_shown(case, said):
    found = list(running.answers(case(url="ws://user:canary@127.0.0.1:1")))
    assert said(found)[2] == ["no gateway answers at http://127.0.0.1:1: connection refused"]
    assert "canary" not in repr(found)


def test_a_token_is_not_sent_in_the_clear(case, said):
    found = list(running.answers(case(url="ws://gateway.example", token=Secret("canary"))))
    assert "in the clear" in said(found)[2][0]
    assert "canary" not in repr(found)
