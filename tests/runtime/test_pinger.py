"""Our own pings go out at exact times, and only their own pongs count."""

import asyncio
from itertools import pairwise

import pytest

from gateway import spi
from gateway.engine.liveness import Heartbeat
from gateway.errors import PeerSilent, PluginError, Reason
from gateway.runtime.pinger import AGAIN, Pinger
from gateway.testing.memory import Accept
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockDialect

EPOCH = 7


class Said:
    """A writer that remembers."""

    def __init__(self) -> None:
        self.pings: list[bytes] = []
        self.replies: list[object] = []

    def ping(self, payload: bytes) -> None:
        self.pings.append(payload)

    def reply(self, frame: object) -> None:
        self.replies.append(frame)


class Speaks:
    """A dialect's way of pinging."""

    def __init__(self, how=spi.Ping.WEBSOCKET) -> None:
        self.how = how

    def ping(self, token: int, /) -> object:
        return self.how(token) if callable(self.how) else self.how


class Clock:
    """A pinger with a clock that is moved by hand."""

    def __init__(self, how=spi.Ping.WEBSOCKET, *, interval: float = 10.0, timeout: float = 5.0) -> None:
        self.now = 100.0
        self.said = Said()
        heartbeat = Heartbeat(interval, timeout, self.now)
        self.pinger = Pinger("mock", EPOCH, Speaks(how), self.said, heartbeat, lambda: self.now)

    def check_at(self, now: float) -> None:
        self.now = now
        self.pinger.check(tick=1000.0)


def test_a_ping_names_its_epoch_and_its_number() -> None:
    clock = Clock()
    clock.check_at(109.9)
    assert clock.said.pings == []
    clock.check_at(110.0)
    assert clock.said.pings == [b"7-1"]
    clock.pinger.pong(b"7-1")
    clock.check_at(120.0)
    assert clock.said.pings == [b"7-1", b"7-2"]
    assert (clock.pinger.sent, clock.pinger.answered) == (2, 1)


def test_how_long_an_answer_took_is_told_once() -> None:
    now, taken = 100.0, []
    pinger = Pinger("mock", EPOCH, Speaks(), Said(), Heartbeat(10.0, 5.0, now), lambda: now, answered=taken.append)
    now = 110.0
    pinger.check(tick=1000.0)
    now = 110.25
    for _ in range(2):
        pinger.pong(b"7-1")
    assert taken == [0.25]


@pytest.mark.parametrize(
    "stranger", [b"6-1", b"8-1", b"7-2", b"7-0", b"7-", b"-1", b"", b"7-one", b"7-1-1", b"77-1", "7-¹".encode()]
)
def test_a_pong_of_another_epoch_or_to_no_ping_of_ours_is_ignored(stranger: bytes) -> None:
    clock = Clock()
    clock.check_at(110.0)
    clock.pinger.pong(stranger)
    assert clock.pinger.answered == 0
    clock.pinger.pong(b"7-1")
    assert clock.pinger.answered == 1
    clock.pinger.pong(b"7-1")
    assert clock.pinger.answered == 1, "it is answered once"


def test_a_ping_that_is_not_answered_in_time_ends_it() -> None:
    clock = Clock()
    clock.check_at(110.0)
    assert clock.pinger.next_check() == 115.0
    clock.check_at(114.9)
    with pytest.raises(PeerSilent, match="no pong within 5 s") as caught:
        clock.check_at(115.0)
    assert caught.value.reason is Reason.HEARTBEAT_MISSED


def test_a_pong_may_be_behind_what_was_not_read_yet() -> None:
    unread, now = True, 100.0
    pinger = Pinger(
        "mock", EPOCH, Speaks(), Said(), Heartbeat(10.0, 5.0, now), lambda: now, has_unread=lambda: unread
    )
    now = 110.0
    pinger.check(tick=10.0)
    for now in (115.0, 115.25, 115.5, 130.0):
        pinger.check(tick=15.0)
        assert pinger.next_check() == now + AGAIN
    unread = False
    pinger.check(tick=0.25)
    now += AGAIN
    with pytest.raises(PeerSilent):
        pinger.check(tick=0.25)


def test_a_pong_that_was_behind_it_counts() -> None:
    now = 100.0
    pinger = Pinger(
        "mock", EPOCH, Speaks(), Said(), Heartbeat(10.0, 5.0, now), lambda: now, has_unread=lambda: True
    )
    now = 110.0
    pinger.check(tick=10.0)
    now = 115.0
    pinger.check(tick=5.0)
    pinger.pong(b"%d-1" % EPOCH)
    assert pinger.answered == 1
    assert pinger.heartbeat.round_trip == 5.0
    assert pinger.next_check() == 120.0


@pytest.mark.parametrize("begun", [0.1, 0.7, 3.3, 1e6 / 3, 1e9 / 7, 12345.678])
@pytest.mark.parametrize("timeout", [0.1, 0.3, 2.5, 3.3, 7.7])
def test_the_next_check_is_one_that_matters(begun: float, timeout: float) -> None:
    """Else the loop would go round without time passing, for a rounding error."""
    said = Said()
    pinger = Pinger("mock", EPOCH, Speaks(), said, Heartbeat(10.0, timeout, begun), lambda: now)
    now = pinger.next_check()
    pinger.check(tick=1000.0)
    assert said.pings
    now = pinger.next_check()
    with pytest.raises(PeerSilent):
        pinger.check(tick=1000.0)


def test_an_exchange_may_want_a_frame_of_its_own_and_answer_with_its_token() -> None:
    clock = Clock(lambda token: f'{{"ping":{token}}}')
    clock.check_at(110.0)
    assert (clock.said.pings, clock.said.replies) == ([], ['{"ping":1}'])
    clock.pinger.answer("2")
    clock.pinger.answer("x")
    clock.pinger.answer("1" * 5000)
    clock.pinger.answer(0)
    assert clock.pinger.answered == 0
    clock.pinger.answer("1")
    assert clock.pinger.answered == 1
    clock.check_at(120.0)
    clock.pinger.answer(2)
    clock.check_at(130.0)
    clock.pinger.answer(None)
    assert (clock.pinger.sent, clock.pinger.answered) == (3, 3)


def test_an_exchange_that_knows_no_pings_is_left_in_peace() -> None:
    clock = Clock(spi.Ping.NONE)
    clock.check_at(110.0)
    clock.check_at(1000.0)
    assert (clock.pinger.sent, clock.pinger.has_pongs) == (0, False)
    assert clock.pinger.next_check() == float("inf")


def test_a_dialect_that_cannot_say_how_to_ping_is_named() -> None:
    clock = Clock(lambda _: 1 // 0)
    with pytest.raises(PluginError, match="its dialect raised ZeroDivisionError in ping"):
        clock.check_at(110.0)


# --- on a connection, in virtual time


@virtually
async def test_pings_are_sent_at_exact_times_however_busy_the_connection_is(stage) -> None:
    async with stage() as one:
        times: list[float] = []
        loop = asyncio.get_running_loop()

        def opened(peer) -> None:
            class Hearing:
                def heard(self, kind, payload) -> None:
                    if kind.value == "ping":
                        times.append(round(loop.time(), 6))

                def ended(self) -> None:
                    pass

            peer.hearing = Hearing()

        one.network.on_dial = lambda _: Accept(opened)
        ear = await one.hear("mock:trades:a")
        one.far.ack_all()
        for number in range(600):
            one.far.trade("a", number + 1)
            await asyncio.sleep(0.1)
        assert len(ear.records) == 600
        assert len(times) == 12
        assert {round(after - before, 6) for before, after in pairwise(times)} == {5.0}


@virtually
async def test_the_exchanges_pings_are_answered_with_what_they_hold(stage) -> None:
    async with stage() as one:
        await one.connect()
        for payload in (b"you?", b""):
            one.far.peer.ping(payload)
        await one.quiet()
        assert one.far.peer.pongs == [b"you?", b""]


@virtually
async def test_a_ping_frame_of_the_dialect_and_its_answer(stage, variant) -> None:
    class Own(MockDialect):
        def ping(self, token, /):
            return f'{{"op":"ping","id":{token}}}'

        def decode(self, payload, binary, /):
            if b'"pong"' in payload:
                return [spi.Pong(payload.rpartition(b":")[2].rstrip(b"}").decode())]
            return super().decode(payload, binary)

    async with stage(variant(Own)) as one:
        await one.connect(retry=True)
        await asyncio.sleep(5.5)
        assert one.far.requests == [{"op": "ping", "id": 1}]
        one.far.peer.say('{"pong":1}')
        await asyncio.sleep(5)
        assert one.state() == "CONNECTED"
        assert one.link().connection.counted().pongs_received == 1
        await asyncio.sleep(2.01)
        assert one.story()[2] == "ERROR heartbeat_missed"
        assert one.link().connection.worked is True, "its own pong shows that it worked"


@virtually
async def test_an_exchange_without_pings_is_healthy_without_pongs(stage, variant) -> None:
    class Silent(MockDialect):
        def ping(self, token, /):
            return spi.Ping.NONE

    async with stage(variant(Silent)) as one:
        await one.connect()
        await asyncio.sleep(1000)
        assert (one.state(), one.far.peer.pings) == ("CONNECTED", [])
        assert one.link().connection.ages.has_pongs is False
