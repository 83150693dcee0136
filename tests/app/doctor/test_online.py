"""The exchanges' endpoints, as far as loopback tells."""

import asyncio
import socket
import time

import pytest

from gateway.app.doctor import online
from gateway.app.doctor.online import _ahead
from gateway.errors import TransportLost
from gateway.net.egress import Egress

DATE = "Thu, 26 Nov 2026 03:00:00 GMT"
AT = 1795662000.0


def tables(address):
    endpoints = dict.fromkeys(("stream", "private"), f"ws://{address}") | {"rest": f"http://{address}"}
    return {"exchanges": {"mock": {"endpoints": {**endpoints, "allow_plaintext": True}}}}


def test_nobody_is_asked_unless_it_is_wanted(case):
    assert list(online.reachable(case(tables("127.0.0.1:1")))) == []


def test_endpoints_that_are_there_are_well_and_so_is_a_clock_that_agrees(case, said, gateway_at):
    well, better, wrong = said(online.reachable(case(tables(gateway_at({})), online=True)))
    assert [text for text in well if "can be reached" in text] == [
        f"mock {name}: 127.0.0.1 can be reached" for name in ("stream", "private", "rest")
    ]
    assert [text for text in well if "our clock agrees" in text]
    assert not better
    assert not wrong


def test_endpoints_that_are_not_there_are_wrong(case, said):
    well, _, wrong = said(online.reachable(case(tables("127.0.0.1:1"), online=True)))
    assert not well
    assert wrong == [
        f"mock {name}: 127.0.0.1 cannot be reached: connection refused" for name in ("stream", "private", "rest")
    ]


def test_a_plugin_that_cannot_be_used_is_another_checks_matter(case):
    assert list(online.reachable(case({"exchanges": {"nope": {}}}, online=True))) == []


def test_a_file_of_authorities_that_is_not_there_is_wrong(case, said):
    given = tables("127.0.0.1:1")
    given["exchanges"]["mock"]["ca_file"] = "nope.pem"
    assert "exchanges.mock.ca_file" in said(online.reachable(case(given, online=True)))[2][0]


@pytest.mark.parametrize("seconds", [60, -60, 3])
def test_a_clock_that_is_off_is_told(case, said, gateway_at, seconds):
    address = gateway_at({}, ahead=-seconds)
    _, better, wrong = said(online.reachable(case(tables(address), online=True)))
    [told] = better + wrong
    assert ("ahead of" if seconds > 0 else "behind") in told
    assert bool(wrong) is (abs(seconds) > 5)


@pytest.mark.parametrize(
    ("began", "ended", "ahead"),
    [(0.2, 0.4, 0.0), (0.9, 1.3, 0.0), (-0.3, 0.1, 0.0), (-2.5, -2.0, -2.0), (4.0, 4.1, 3.0)],
)
def test_a_whole_second_is_no_difference(began, ended, ahead):
    assert _ahead(DATE, AT + began, AT + ended) == pytest.approx(ahead)


@pytest.mark.parametrize("date", ["", "yesterday", "1 Jan 99999999999 0:0 GMT"])
def test_an_answer_without_a_time_tells_nothing_of_the_clock(date):
    assert _ahead(date, AT, AT) is None


@pytest.mark.parametrize("scheme", ["http", "wss"])
def test_one_that_accepts_and_is_silent_is_given_up(monkeypatch, scheme):
    monkeypatch.setattr(online, "PATIENCE", 0.05)
    ask = online._fetched if scheme == "http" else online._connected
    began = time.monotonic()
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(TransportLost, match=r"no answer within 0\.05 s"),
    ):
        asyncio.run(ask(f"{scheme}://127.0.0.1:{mute.getsockname()[1]}", None))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_one_that_is_at_a_private_address_is_told_as_the_gateway_would(monkeypatch, scheme):
    real = socket.getaddrinfo

    def look_up(host, *rest, **more):
        return real("127.0.0.1" if host == "acme.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    ask = online._fetched if scheme == "http" else online._connected
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"{scheme}://acme.example:{server.getsockname()[1]}"
        with pytest.raises(TransportLost, match=r"at 127\.0\.0\.1, which is no public address"):
            asyncio.run(ask(url, None, egress=Egress.of([url], [], private=False, plaintext=True)))
