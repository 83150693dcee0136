"""Answers that are kept: asked for once, for a while, within limits that leave room to the gateway itself."""

import asyncio

import pytest

from gateway.engine.budgets import Budgets
from gateway.errors import PluginError, ReplyRefused, TransportLost
from gateway.runtime.kept import ANSWERS, AT_ONCE, BYTES, WAITING, Kept, Unavailable
from gateway.runtime.rest import Rest
from gateway.spi.contract import Limit, Scope
from gateway.spi.native import NativeFetch
from gateway.spi.steps import Fetch, HttpReply
from gateway.testing.memory import Hang, Later, MemoryNetwork, Refuse
from gateway.testing.virtual import virtually

LIMITS = (Limit("weight", 100, per=60.0),)


class Stage:
    """An exchange that answers each request with its number, a second later."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.network = MemoryNetwork()
        self.network.on_fetch = lambda _: Later(seconds, HttpReply(200, body=b"%d" % len(self.network.fetches)))
        self.budgets = Budgets().for_connection(LIMITS, None)
        self.failed: list[Exception] = []
        rest = Rest("mock", self.network, self.budgets, LIMITS, now)
        self.kept = Kept(rest, self.budgets, self.failed.append, now)

    async def get(self, url: str = "/a", *, keep: float = 5.0, weight: int = 1) -> bytes:
        return (await self.kept.get(wish(url, keep=keep, weight=weight))).body

    @property
    def times(self) -> list[float]:
        return [asked.at for asked in self.network.fetches]


def now() -> float:
    return asyncio.get_running_loop().time()


def wish(url: str = "/a", *, keep: float = 5.0, weight: int = 1) -> NativeFetch:
    return NativeFetch(Fetch("GET", f"http://memory{url}", cost={"weight": weight}), keep)


@virtually
async def test_many_who_want_it_at_once_have_it_asked_for_once() -> None:
    one = Stage()
    assert await asyncio.gather(*(one.get() for _ in range(10))) == [b"1"] * 10
    assert one.times == [0.0]
    assert now() == 1.0


@virtually
async def test_it_is_kept_for_a_while_and_no_longer() -> None:
    one = Stage(0.0)
    assert await one.get() == b"1"
    await asyncio.sleep(4.9)
    assert await one.get() == b"1"
    await asyncio.sleep(0.1)
    assert await one.get() == b"2"


@virtually
async def test_what_is_not_to_be_kept_is_still_asked_for_once_at_a_time() -> None:
    one = Stage()
    assert await asyncio.gather(one.get(keep=0.0), one.get(keep=0.0)) == [b"1", b"1"]
    assert await one.get(keep=0.0) == b"2"


@virtually
async def test_who_gives_up_waiting_takes_it_from_nobody_else() -> None:
    one = Stage()
    first, second = asyncio.create_task(one.get()), asyncio.create_task(one.get())
    await asyncio.sleep(0.5)
    first.cancel()
    assert await second == b"1"


@virtually
async def test_only_so_many_are_asked_for_at_once() -> None:
    one = Stage()
    await asyncio.gather(*(one.get(f"/{number}") for number in range(2 * AT_ONCE)))
    assert one.times == [0.0] * AT_ONCE + [1.0] * AT_ONCE


@virtually
async def test_one_more_than_may_wait_is_told_to_come_again() -> None:
    one = Stage(100.0)
    waiting = [asyncio.create_task(one.get(f"/{number}")) for number in range(WAITING)]
    await asyncio.sleep(0.5)
    with pytest.raises(Unavailable) as not_now:
        await one.get("/more")
    assert not_now.value.after
    await one.kept.close()
    await asyncio.wait(waiting)


@virtually
async def test_a_quarter_of_the_limit_is_left_to_the_gateway_itself() -> None:
    """Ninety of a hundred may be used, twenty-two of them by the gateway alone."""
    one = Stage(0.0)
    assert await one.get("/a", weight=60) == b"1"
    with pytest.raises(Unavailable) as not_now:
        await one.get("/b", weight=9)
    assert not_now.value.after == 60
    assert one.budgets.wait({"weight": 30}, now()) == 0.0
    assert one.times == [0.0]


@virtually
async def test_who_need_not_wait_long_does_so() -> None:
    one = Stage(0.0)
    await one.get("/a", weight=60)
    await asyncio.sleep(57)
    assert await one.get("/b", weight=60) == b"2"
    assert one.times == [0.0, 60.0]


@virtually
async def test_while_the_exchange_wants_to_hear_nothing_it_is_not_asked() -> None:
    one = Stage(0.0)
    one.budgets.block(Scope.IP, 100.5, now())
    with pytest.raises(Unavailable) as not_now:
        await one.kept.get(NativeFetch(Fetch("GET", "http://memory/free"), 1.0))
    assert not_now.value.after == 101
    assert one.times == []


@pytest.mark.parametrize("status", [400, 418, 429, 500])
@virtually
async def test_what_the_exchange_refuses_is_passed_on_told_and_not_kept(status: int) -> None:
    one = Stage()
    one.network.on_fetch = lambda _: HttpReply(status, {"retry-after": "3"}, b"no")
    reply = await one.kept.get(wish())
    assert (reply.status, reply.body) == (status, b"no")
    [fault] = one.failed
    assert isinstance(fault, ReplyRefused)
    assert (fault.status, dict(fault.headers), fault.body) == (status, {"retry-after": "3"}, b"no")
    await one.kept.get(wish())
    assert len(one.times) == 2


@virtually
async def test_an_exchange_that_cannot_be_reached_is_told_and_nobody_knows_for_how_long() -> None:
    one = Stage()
    one.network.on_fetch = lambda _: Refuse()
    results = await asyncio.gather(one.get(), one.get(), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert [result.after for result in results] == [None, None]
    assert [type(fault) for fault in one.failed] == [TransportLost]


@virtually
async def test_a_cost_that_the_exchange_does_not_declare_is_its_plugins_mistake() -> None:
    one = Stage()
    with pytest.raises(Unavailable):
        await one.kept.get(NativeFetch(Fetch("GET", "http://memory/a", cost={"wieght": 1}), 1.0))
    assert [type(fault) for fault in one.failed] == [PluginError]


@virtually
async def test_what_is_kept_is_bounded_the_oldest_go() -> None:
    one = Stage(0.0)
    for number in range(ANSWERS + 10):
        await one.get(f"/{number}", keep=1000.0, weight=0)
    assert len(one.kept._answers) == ANSWERS
    assert "GET http://memory/9" not in one.kept._answers
    one.network.on_fetch = lambda _: HttpReply(200, body=bytes(BYTES // 2 + 1))
    await one.get("/large", keep=1000.0, weight=0)
    await one.get("/larger", keep=1000.0, weight=0)
    assert [*one.kept._answers] == ["GET http://memory/larger"]


@virtually
async def test_what_is_over_is_forgotten_with_the_next() -> None:
    one = Stage(0.0)
    await one.get("/a", keep=1.0)
    await asyncio.sleep(2)
    await one.get("/b", keep=1.0)
    assert [*one.kept._answers] == ["GET http://memory/b"]


@virtually
async def test_at_the_end_nothing_is_asked_any_more() -> None:
    one = Stage()
    one.network.on_fetch = lambda _: Hang()
    waiting = asyncio.create_task(one.get())
    await asyncio.sleep(0)
    await one.kept.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await one.kept.close()
