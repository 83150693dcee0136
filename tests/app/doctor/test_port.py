"""The address to listen on: free, a gateway's, or somebody else's."""

import socket

from gateway.app.doctor import port


def listen(address):
    return {"server": {"listen": address}}


def test_a_free_address_can_be_had_and_is_free_afterwards(case, said):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    for _ in range(2):
        assert said(port.listening(case(listen(address)))) == ([f"{address} can be had"], [], [])


def test_a_gateway_that_is_there_is_no_problem(case, said, gateway_at):
    address = gateway_at({"/readyz?verbose": (503, {"code": "not_ready", "problems": ["x"]})})
    assert said(port.listening(case(listen(address)))) == ([f"a gateway runs at {address} already"], [], [])


def test_anything_else_that_is_there_is_wrong(case, said, gateway_at):
    address = gateway_at({})
    [wrong] = said(port.listening(case(listen(address))))[2]
    assert wrong == f"server.listen: {address} cannot be had: address already in use"


def test_one_that_does_not_even_answer_is_wrong_in_time(case, said, monkeypatch):
    monkeypatch.setattr(port, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        [wrong] = said(port.listening(case(listen(f"127.0.0.1:{mute.getsockname()[1]}"))))[2]
    assert "address already in use" in wrong


def test_an_address_that_is_refused_for_safety_is_not_taken(case):
    assert list(port.listening(case(listen("0.0.0.0:1")))) == []
