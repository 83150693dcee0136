"""REST requests are paid for, bounded in time and corrected by what the exchange counts."""

import asyncio
from collections.abc import Generator

import pytest

from gateway.engine.budgets import Budgets
from gateway.errors import PeerSilent, PluginError, ProtocolViolation, ReplyRefused, TransportLost
from gateway.runtime.rest import Rest
from gateway.spi.contract import Limit, Scope
from gateway.spi.steps import Fetch, HttpReply, Send
from gateway.testing.memory import Hang, Later, MemoryNetwork, Refuse
from gateway.testing.virtual import virtually

WEIGHT = Limit("weight", 100, per=60.0, usage_header="x-used-weight")
LIMITS = (WEIGHT, Limit("orders", 10, per=1.0, scope=Scope.ACCOUNT))
ASKED = Fetch("GET", "http://memory/depth", cost={"weight": 30})


def rest(network: MemoryNetwork | None = None, limits: tuple[Limit, ...] = LIMITS) -> Rest:
    budgets = Budgets().for_connection(limits, "main")
    network = network or MemoryNetwork(on_fetch=lambda _: HttpReply(200))
    return Rest("mock", network, budgets, limits, asyncio.get_running_loop().time)


def now() -> float:
    return asyncio.get_running_loop().time()


@virtually
async def test_a_request_waits_until_the_limit_has_room() -> None:
    """Ninety of a hundred may be used: three requests now, the fourth when the first is a minute old."""
    one = rest()
    times = []
    for _ in range(4):
        await one.fetch(ASKED)
        times.append(now())
    assert times == [0.0, 0.0, 0.0, 60.0]


@virtually
async def test_whoever_waits_says_so_before_each_wait() -> None:
    one, spared = rest(), []
    for _ in range(4):
        await one.pay(ASKED.cost, spared.append)
    assert spared == [60.0]


@virtually
async def test_several_that_wait_for_the_same_room_do_not_take_it_twice() -> None:
    one, taken = rest(), []

    async def take() -> None:
        await one.pay({"weight": 60})
        taken.append(now())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(take())
    assert taken == [0.0, 60.0, 120.0, 180.0]


@virtually
async def test_whoever_yields_leaves_a_reserve_to_others() -> None:
    """Of ninety that may be used he leaves twenty-two."""
    one = rest()
    for _ in range(2):
        await one.fetch(ASKED, yields_until=1000.0)
    yielding = asyncio.create_task(one.fetch(ASKED, yields_until=1000.0))
    await asyncio.sleep(19)
    await one.fetch(ASKED)
    assert now() == 19.0
    await yielding
    assert now() == 60.0


@virtually
async def test_his_patience_over_he_waits_no_longer_than_others() -> None:
    one = rest()
    for _ in range(2):
        await one.fetch(ASKED)
    await one.fetch(ASKED, yields_until=20.0)
    assert now() == 20.0


@pytest.mark.parametrize(
    ("cost", "problem"),
    [({"wieght": 1}, "cost names undeclared limits: wieght"), ({"weight": 91}, "allows 90 units at once, not 91")],
)
@virtually
async def test_a_cost_that_can_never_be_paid_is_the_plugins_fault(cost, problem) -> None:
    with pytest.raises(PluginError, match=problem):
        await rest().fetch(Fetch("GET", "http://memory", cost=cost))


@virtually
async def test_the_exchanges_own_count_is_believed_where_it_is_higher() -> None:
    replies = [HttpReply(200, {"x-used-weight": "75"}), HttpReply(200, {"x-used-weight": "10"}), HttpReply(200)]
    one = rest(MemoryNetwork(on_fetch=lambda _: replies.pop(0)))
    await one.fetch(Fetch("GET", "http://memory", cost={"weight": 1}))
    await one.fetch(Fetch("GET", "http://memory", cost={"weight": 15}))
    assert now() == 0.0
    await one.fetch(Fetch("GET", "http://memory", cost={"weight": 1}))
    assert now() == 60.0


@pytest.mark.parametrize("nonsense", ["", "many", "-5", "1e3", "9" * 5000])
@virtually
async def test_a_senseless_count_is_passed_over(nonsense: str) -> None:
    one = rest(MemoryNetwork(on_fetch=lambda _: HttpReply(200, {"x-used-weight": nonsense})))
    await one.fetch(ASKED)
    await one.fetch(ASKED)
    assert now() == 0.0


@virtually
async def test_a_reply_that_never_comes_is_waited_for_ten_seconds() -> None:
    one = rest(MemoryNetwork(on_fetch=lambda _: Hang()))
    with pytest.raises(PeerSilent, match="no REST reply within 10 s"):
        await one.fetch(ASKED)
    assert now() == 10.0


@virtually
async def test_the_wait_for_the_limit_is_no_part_of_the_deadline() -> None:
    one = rest(MemoryNetwork(on_fetch=lambda _: Later(9.0, HttpReply(200))))
    for _ in range(4):
        await one.fetch(ASKED)
    assert now() == 69.0


# --- conversations


@virtually
async def test_whom_something_was_asked_is_told_with_the_status_if_one_came() -> None:
    told = []

    async def fetched(answer: HttpReply | Hang) -> None:
        network = MemoryNetwork(on_fetch=lambda _: answer)
        budgets = Budgets().for_connection(LIMITS, "main")
        one = Rest("mock", network, budgets, LIMITS, now, lambda url, status: told.append((url, status)))
        await one.fetch(ASKED)

    await fetched(HttpReply(418))
    with pytest.raises(PeerSilent):
        await fetched(Hang())
    assert told == [("http://memory/depth", 418), ("http://memory/depth", None)]


def talk(*, ends=None) -> Generator[Fetch, HttpReply, object]:
    first = yield ASKED
    second = yield Fetch("GET", f"http://memory/{first.status}")
    return second.status if ends is None else ends(second)


@virtually
async def test_a_conversation_is_driven_to_its_value() -> None:
    network = MemoryNetwork(on_fetch=lambda _: HttpReply(200))
    assert await rest(network).converse(talk()) == 200
    assert [asked.step.url for asked in network.fetches] == ["http://memory/depth", "http://memory/200"]


def wrong_step() -> Generator[Send, HttpReply, int]:
    yield Send("x")
    return 1


def stubborn() -> Generator[Fetch, HttpReply, int]:
    """Answers being closed with another request."""
    try:
        yield ASKED
    finally:
        yield ASKED
    return 1


@pytest.mark.parametrize(
    ("conversation", "error", "problem"),
    [
        (wrong_step, PluginError, "a conversation may only fetch, not Send"),
        (lambda: talk(ends=lambda _: {}["x"]), PluginError, "its conversation raised KeyError"),
        (lambda: talk(ends=lambda reply: int(reply.body)), ProtocolViolation, "senseless REST reply"),
        (lambda: talk(ends=lambda _: HttpReply(418).json()), ReplyRefused, "HTTP status 418"),
    ],
)
@virtually
async def test_a_conversation_that_goes_wrong_says_whose_fault_it_is(conversation, error, problem) -> None:
    with pytest.raises(error, match=problem):
        await rest().converse(conversation())


@pytest.mark.parametrize("conversation", [talk, stubborn])
@virtually
async def test_what_the_network_does_ends_the_conversation_and_is_not_hidden(conversation) -> None:
    begun = conversation()
    with pytest.raises(TransportLost, match="refused"):
        await rest(MemoryNetwork(on_fetch=lambda _: Refuse())).converse(begun)
    assert begun.gi_frame is None or conversation is stubborn, "it was closed"


@virtually
async def test_a_conversation_that_is_cancelled_is_closed() -> None:
    begun = talk()
    task = asyncio.create_task(rest(MemoryNetwork(on_fetch=lambda _: Hang())).converse(begun))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert begun.gi_frame is None
