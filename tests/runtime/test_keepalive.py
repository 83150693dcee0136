"""What keeps a session alive is made when it is due and judged on its reply; a plugin's mistake in it is named."""

import asyncio
from dataclasses import replace
from math import inf
from random import Random

import pytest

from gateway.engine.budgets import Budgets
from gateway.engine.retry import Backoff
from gateway.errors import PluginError, ProtocolViolation, Reason, ReconnectAsked, ReplyRefused, TransportLost
from gateway.runtime.judge import JudgedFault
from gateway.runtime.keepalive import expire, keep_alive
from gateway.runtime.rest import Rest
from gateway.spi.contract import Action, Keepalive, Request, Verdict
from gateway.spi.steps import Fetch, HttpReply
from gateway.testing.memory import Hang, MemoryNetwork, Refuse
from gateway.testing.virtual import virtually

PUT = Fetch("PUT", "http://memory/key")
OVER = Verdict(action=Action.RECONNECT, text="unknown key")


class Writer:
    def __init__(self) -> None:
        self.sent: list[tuple[float, str]] = []

    def send(self, frame: str, cost: object) -> None:
        self.sent.append((asyncio.get_running_loop().time(), frame))


async def alive(keepalive: Keepalive, *replies: HttpReply | Refuse, seconds: float = 100.0, failed=lambda _: 0.0):
    """Keep a session alive for a while; returns the requests and what was sent."""
    left = list(replies)
    network = MemoryNetwork(on_fetch=lambda _: left.pop(0) if left else HttpReply(200, body=b"{}"))
    now = asyncio.get_running_loop().time
    rest, writer = Rest("mock", network, Budgets().for_connection((), None), (), now), Writer()
    try:
        async with asyncio.timeout(seconds):
            await keep_alive("mock", keepalive, rest, writer, failed, Backoff(Random(1), base=1.0, cap=60.0))
    except TimeoutError:
        pass
    return [asked.at for asked in network.fetches], writer.sent


@virtually
async def test_it_is_done_at_its_pace_and_made_afresh_each_time() -> None:
    made = []

    def make() -> Fetch:
        made.append(asyncio.get_running_loop().time())
        return PUT

    fetched, _ = await alive(Keepalive(every=30.0, make=make))
    assert fetched == made == [30.0, 60.0, 90.0]


@virtually
async def test_a_request_goes_over_the_socket() -> None:
    _, sent = await alive(Keepalive(every=40.0, make=lambda: Request(frame="here", cost={})))
    assert sent == [(40.0, "here"), (80.0, "here")]


@virtually
async def test_a_reply_may_say_that_the_session_is_over() -> None:
    keepalive = Keepalive(every=30.0, make=lambda: PUT, judge=lambda reply: OVER if reply.status == 404 else None)
    with pytest.raises(JudgedFault, match="unknown key") as caught:
        await alive(keepalive, HttpReply(200), HttpReply(404))
    assert caught.value.verdict is OVER
    assert asyncio.get_running_loop().time() == 60.0


@virtually
async def test_a_reply_that_asks_for_patience_ends_nothing() -> None:
    patience = Verdict(action=Action.RETRY)
    fetched, _ = await alive(Keepalive(every=30.0, make=lambda: PUT, judge=lambda _: patience))
    assert len(fetched) == 3


@virtually
async def test_no_reply_is_a_fault_where_nobody_knows_how_long_the_session_lasts() -> None:
    with pytest.raises(TransportLost):
        await alive(Keepalive(every=30.0, make=lambda: PUT), Refuse())


# --- a session of which it is known how long it lasts


def patient(reply: HttpReply) -> Verdict | None:
    return None if reply.status == 200 else Verdict(action=Action.RETRY)


HOUR = Keepalive(every=1800.0, make=lambda: PUT, judge=patient, lasts=3600.0)


@pytest.mark.parametrize("trouble", [Refuse(), HttpReply(503), Hang()])
@virtually
async def test_what_fails_is_done_again_soon_and_the_session_goes_on(trouble) -> None:
    fetched, _ = await alive(HOUR, trouble, trouble, HttpReply(200), seconds=7000.0)
    first, second, third, *later = fetched
    assert first == 1800.0
    assert third - first < 30.0, "two tenths of a minute for a host that hangs"
    assert second < third
    assert later == [third + 1800.0, third + 3600.0]


@virtually
async def test_when_it_has_lasted_as_long_as_it_may_it_is_lost() -> None:
    with pytest.raises(ReconnectAsked, match="could not be kept alive") as caught:
        await alive(HOUR, *[HttpReply(503)] * 10_000, seconds=10_000.0)
    assert caught.value.reason is Reason.SESSION_LOST
    assert 3500 < asyncio.get_running_loop().time() <= 3600.0


@virtually
async def test_it_lasts_from_the_last_time_that_it_was_done() -> None:
    with pytest.raises(ReconnectAsked):
        await alive(HOUR, HttpReply(200), *[HttpReply(503)] * 10_000, seconds=10_000.0)
    assert 5300 < asyncio.get_running_loop().time() <= 5400.0


@virtually
async def test_it_is_done_so_often_and_not_more() -> None:
    """Full jitter up to a minute: half an hour of trouble costs some sixty requests."""
    network_asked = []
    hour = replace(HOUR, make=lambda: network_asked.append(1) or PUT)
    with pytest.raises(ReconnectAsked):
        await alive(hour, *[HttpReply(503)] * 10_000, seconds=10_000.0)
    assert 30 < len(network_asked) < 120


@virtually
async def test_each_failure_is_told_and_what_it_asks_for_is_heeded() -> None:
    faults = []

    def failed(fault: Exception) -> float:
        faults.append(str(fault))
        return 300.0

    fetched, _ = await alive(HOUR, Refuse(), seconds=2500.0, failed=failed)
    assert fetched == [1800.0, 2100.0]
    assert faults == ["refused"]


@virtually
async def test_what_only_a_person_can_help_with_ends_it_at_once() -> None:
    judged = replace(HOUR, judge=lambda reply: reply.json() and None)
    with pytest.raises(ReplyRefused, match="401"):
        await alive(judged, HttpReply(401), seconds=2000.0, failed=lambda _: inf)


@virtually
async def test_a_verdict_that_it_is_over_counts_however_long_it_would_last() -> None:
    with pytest.raises(JudgedFault, match="unknown key"):
        await alive(replace(HOUR, judge=lambda _: OVER), seconds=2000.0)


def raises(*_: object) -> None:
    raise KeyError("secret")


@pytest.mark.parametrize(
    ("keepalive", "error", "problem"),
    [
        (Keepalive(every=1, make=raises), PluginError, "its keepalive's make raised KeyError"),
        (Keepalive(every=1, make=lambda: "PUT"), PluginError, "make must return a Fetch or a Request, not str"),
        (Keepalive(every=1, make=lambda: PUT, judge=raises), PluginError, "its keepalive's judge raised KeyError"),
        (Keepalive(every=1, make=lambda: PUT, judge=lambda _: False), PluginError, "judge must return a Verdict"),
        (
            Keepalive(every=1, make=lambda: PUT, judge=lambda reply: reply.json()),
            ProtocolViolation,
            "senseless reply",
        ),
        (Keepalive(every=1, make=lambda: PUT, judge=lambda _: HttpReply(503).json()), ReplyRefused, "503"),
    ],
)
@virtually
async def test_a_plugin_that_is_broken_is_named(keepalive, error, problem) -> None:
    with pytest.raises(error, match=problem) as caught:
        await alive(keepalive, HttpReply(200, body=b"<html>"))
    assert "secret" not in str(caught.value)


@virtually
async def test_a_session_is_replaced_when_a_tenth_of_it_is_left() -> None:
    with pytest.raises(ReconnectAsked, match="about to expire") as caught:
        await expire(3600.0)
    assert asyncio.get_running_loop().time() == 3240.0
    assert caught.value.reason is Reason.SESSION_LOST
