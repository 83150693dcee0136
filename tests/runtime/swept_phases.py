"""What the phases of a connection's life are made of: for each what goes before it, and what happens in it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from swept import LATENCY, PRIVATE, PUBLIC, TOPICS, Body, Way, World

from gateway import spi
from gateway.errors import SubscriptionError
from gateway.model.states import ConnectionState as S
from gateway.testing.faults import Refusal
from gateway.testing.memory_peer import MemoryPeer

Act = Callable[[World], object]
NEW, OLD = "mock:trades:SOL-USDT", "mock:book:ETH-USDT"


async def unknown(_: World) -> None:
    """Begin with an exchange of which nothing is known yet."""


async def nothing(_: World) -> None:
    """Begin with a gateway that nobody wants anything of."""
    await asyncio.sleep(1.0)


async def dialled(world: World) -> None:
    """Begin with two sockets that are open, and nothing else."""
    await nothing(world)
    await world.listen()
    await world.venue.wait_for(lambda: len(world.venue.sockets) == 2)


async def serving(world: World) -> None:
    """Begin with two connections that serve."""
    await nothing(world)
    await world.listen()
    await world.up()
    await world.tick(0.4)


async def serving_shortly(world: World) -> None:
    """Begin with two connections whose sessions do not last."""
    world.exchange.expires_in = 5.0
    await serving(world)


async def serving_books(world: World) -> None:
    """Begin with more books than are fetched at once."""
    await serving(world)
    await world.listen(*(f"mock:book:{one.symbol}" for one in world.venue.markets.values()))
    await world.tick(4.0)


# --- what goes wrong


def dials_are_reset(world: World) -> None:
    world.faults.reset_dials.arm(times=6)


def upgrades_hang(world: World) -> None:
    world.faults.hang_upgrades.arm(times=2)


def upgrades_are_refused(world: World) -> None:
    world.faults.refuse_upgrades.arm(Refusal(503), times=2)


def the_address_is_limited(world: World) -> None:
    world.faults.refuse_upgrades.arm(Refusal(429, {"retry-after": "30"}), times=1)


def requests_hang(world: World) -> None:
    world.faults.hang_requests.arm(times=2)


def requests_are_refused(world: World) -> None:
    world.faults.refuse_requests.arm(Refusal(500), times=2)


def many_requests_are_refused(world: World) -> None:
    world.faults.refuse_requests.arm(Refusal(500), times=20)


def every_request_hangs(world: World) -> None:
    world.faults.hang_requests.arm()


def login_is_refused(world: World) -> None:
    world.faults.refuse_logins.arm("no such account", times=1)


def nothing_is_said(world: World) -> None:
    world.faults.mute = True


def acks_are_lost(world: World) -> None:
    world.faults.lose_acks.arm(times=2)


def streams_are_refused(world: World) -> None:
    world.faults.refused_streams = {"orders", "trades.btc_usdt"}


def subscribing_ends_it(world: World) -> None:
    world.faults.close_at_subscribe.arm(1008, times=2)


def nothing_is_left_of_the_limits(world: World) -> None:
    world.budgets().block(spi.Scope.IP, 3.0, world.loop.time())


def nobody_may_dial(world: World) -> None:
    world.budgets()._windows["mock-dials"].block(3.0, world.loop.time())


def a_delta_is_lost(world: World) -> None:
    world.faults.lose("book.eth_usdt", 1)


def a_trade_is_lost(world: World) -> None:
    world.faults.lose("trades.btc_usdt", 1)


def a_trade_never_was(world: World) -> None:
    world.faults.skip("trades.btc_usdt")


def every_book_is_lost(world: World) -> None:
    for symbol in world.venue.markets:
        world.faults.lose(f"book.{symbol}", 1)


def sends_take_a_while(world: World) -> None:
    for peer in world.network.open_peers:
        peer.send_takes = LATENCY


def closing_takes(world: World, seconds: float) -> None:
    for peer in world.network.open_peers:
        peer.close_takes = seconds


def closes_are_ignored(world: World) -> None:
    world.faults.ignore_closes = True


def every_peer(act: Callable[[MemoryPeer], None]) -> Act:
    return lambda world: [act(peer) for peer in world.network.open_peers]


def the_exchange_will_close(world: World) -> None:
    world.venue.announce_closing(5.0)


# --- what happens then


def opened(*acts: Act) -> tuple[Body, Body]:
    """Two connections are opened, and get there."""

    async def body(world: World) -> None:
        _do(world, acts)
        await world.listen()
        await world.up()

    return nothing, body


def failed(*acts: Act) -> tuple[Body, Body]:
    """Two connections are opened, fail, and are tried again."""

    async def body(world: World) -> None:
        _do(world, acts)
        await world.listen()
        await world.reach({S.CONNECTING})
        await world.reach({S.RECONNECTING, S.DISCONNECTED})
        await world.reach({S.CONNECTING, S.CONNECTED, S.DISCONNECTED})

    return nothing, body


def served(*acts: Act, seconds: float = 1.0, quiet: float = 0.0, prelude: Body = serving) -> tuple[Body, Body]:
    """Two connections serve; they come up again where they must."""

    async def body(world: World) -> None:
        _do(world, acts)
        await world.tick(seconds)
        await asyncio.sleep(quiet)
        await world.up()

    return prelude, body


def replaced(*acts: Act, quiet: float = 0.0) -> tuple[Body, Body]:
    """Two connections are to be replaced by others."""

    async def body(world: World) -> None:
        _do(world, acts)
        rolling = [asyncio.ensure_future(world.gateway.rollover(id_)) for id_ in (PUBLIC, PRIVATE)]
        await asyncio.sleep(quiet)
        await world.tick(1.6)
        await asyncio.wait(rolling)
        await world.tick(0.4)

    return serving, body


async def restored(act: Act, world: World) -> None:
    """Two connections are restored and something is fetched for them; then they are closed."""
    act(world)
    await world.up()
    await asyncio.sleep(3.0)
    for id_ in (PUBLIC, PRIVATE):
        await world.gateway.disconnect_account(id_)


async def asked_at_once(world: World) -> None:
    """Whoever asks waits for the list; then the clock is wrong, and somebody asks for what is not on it."""
    requests_are_refused(world)
    async with asyncio.TaskGroup() as asking:
        for topic in TOPICS[:3]:
            asking.create_task(world.gateway.listen(topic, lambda _: None))
    await world.listen()
    await world.up()
    world.gateway._assembly.exchanges["mock"].reference.resync_clock()
    await asyncio.sleep(61.0)
    asking_in_vain = asyncio.create_task(world.gateway.listen("mock:trades:NOPE-USDT", lambda _: None))
    with suppress(SubscriptionError):
        await asking_in_vain


async def answers_wanted(world: World) -> None:
    """Two clients ask the exchange's own way for the same, while nothing is left of its limits."""
    nothing_is_left_of_the_limits(world)
    await asyncio.wait([answer_wanted(world) for _ in range(2)])


def answer_wanted(world: World) -> "asyncio.Future[object]":
    native = world.gateway.operations.native("mock")
    if native is None:
        raise AssertionError("it has a protocol of its own")
    return asyncio.create_task(native.answer("GET", "/symbols", {}), name="gateway native client")


async def session_lost(world: World) -> None:
    """No request is answered well, so it cannot be kept alive, nor replaced."""
    world.faults.refuse_requests.arm(Refusal(500))
    await world.reach({S.RECONNECTING})


async def ended_while_replaced(world: World) -> None:
    for id_ in (PUBLIC, PRIVATE):
        world.gateway.rollover(id_)
    await world.tick(1.2)
    for peer in world.network.open_peers[:2]:
        peer.drop()
    await world.up()


async def second_given_up(world: World) -> None:
    for id_ in (PUBLIC, PRIVATE):
        world.gateway.rollover(id_)
    await world.tick(0.4)
    for id_ in (PUBLIC, PRIVATE):
        world.gateway.reconnect(id_)
    await asyncio.sleep(0.1)
    await world.up()


async def wishes_change(world: World) -> None:
    sends_take_a_while(world)
    await world.listen(NEW)
    await world.tick(0.4)
    world.leave(NEW, OLD)
    await world.tick(0.4)
    await asyncio.sleep(world.LINGER + 2.0)


async def nobody_wants_it(world: World) -> None:
    world.leave()
    await asyncio.sleep(world.LINGER + 2.0)


def closed(*acts: Act, seconds: float = 0.0) -> tuple[Body, Body]:
    """Two connections are closed."""

    async def body(world: World) -> None:
        _do(world, acts)
        await world.tick(seconds)
        for one in [world.gateway.disconnect_account(id_) for id_ in (PUBLIC, PRIVATE)]:
            await one

    return serving, body


def stopped(*acts: Act, seconds: float = 0.0) -> tuple[Body, Body]:
    """The whole is stopped."""

    async def body(world: World) -> None:
        _do(world, acts)
        await world.tick(seconds)
        await asyncio.wait(world.end(Way.STOP))

    return serving, body


def _do(world: World, acts: tuple[Act, ...]) -> None:
    for act in acts:
        act(world)


PHASES: Final[dict[str, tuple[Body, Body]]] = {
    "what is known of the exchange": (unknown, asked_at_once),
    "answers as the exchange gives them": (nothing, answers_wanted),
    "opening": opened(),
    "the dial is reset": failed(dials_are_reset),
    "the upgrade hangs": failed(upgrades_hang),
    "the upgrade is refused": failed(upgrades_are_refused),
    "the address is limited": opened(the_address_is_limited),
    "the token hangs": failed(requests_hang),
    "the token is refused": failed(requests_are_refused),
    "the login is refused": failed(login_is_refused, subscribing_ends_it),
    "the greeting does not come": failed(nothing_is_said, upgrades_are_refused),
    "subscribing ends it": failed(subscribing_ends_it),
    "acks are lost": opened(acks_are_lost),
    "streams are refused": opened(streams_are_refused),
    "waiting for the limits": opened(nothing_is_left_of_the_limits),
    "waiting to dial": opened(nobody_may_dial),
    "the account is refused": (dialled, partial(restored, many_requests_are_refused)),
    "the account hangs": (dialled, partial(restored, every_request_hangs)),
    "serving": served(seconds=2.6),
    "a socket that is full": served(sends_take_a_while, quiet=3.0),
    "a session that does not last": served(seconds=4.0, prelude=serving_shortly),
    "a keepalive hangs": served(requests_hang, quiet=11.0),
    "a keepalive is refused": served(requests_are_refused, quiet=3.0),
    "the session is lost": (serving, session_lost),
    "a hole is filled": served(a_trade_is_lost),
    "a hole that cannot be filled": served(a_trade_never_was, quiet=3.0),
    "a hole is not filled": served(a_trade_is_lost, requests_are_refused, seconds=0.4, quiet=6.0),
    "a book is fetched anew": served(a_delta_is_lost),
    "a book's snapshot is refused": served(a_delta_is_lost, requests_are_refused),
    "every book is fetched anew": served(every_book_is_lost, prelude=serving_books),
    "a book's snapshot hangs": served(a_delta_is_lost, requests_hang, quiet=11.0),
    "the socket is reset": served(every_peer(MemoryPeer.drop)),
    "the exchange closes": served(every_peer(MemoryPeer.close)),
    "the protocol is broken": served(every_peer(MemoryPeer.violate)),
    "pongs do not come": served(every_peer(MemoryPeer.mute), quiet=8.0),
    "wishes change": (serving, wishes_change),
    "nobody wants it": (serving, nobody_wants_it),
    "replaced": replaced(),
    "replaced because the exchange will close": served(the_exchange_will_close, seconds=2.6),
    "the second one's dial is reset": replaced(dials_are_reset),
    "the second one's upgrade hangs": replaced(upgrades_hang, quiet=10.0),
    "the second one hears nothing": replaced(nothing_is_said),
    "the first one ends while it is replaced": (serving, ended_while_replaced),
    "the second one is given up": (serving, second_given_up),
    "closing": closed(partial(closing_takes, seconds=1.0)),
    "closing, and much is fetched": closed(every_request_hangs, a_delta_is_lost, a_trade_is_lost, seconds=1.0),
    "closing, and giving back hangs": closed(requests_hang),
    "closing, and the exchange ignores it": closed(closes_are_ignored),
    "closing, and nothing answers": closed(closes_are_ignored, requests_hang),
    "stopping": stopped(partial(closing_takes, seconds=1.0)),
    "stopping, and an answer is waited for": stopped(every_request_hangs, answer_wanted, seconds=0.2),
    "stopping, and much is fetched": stopped(every_request_hangs, a_delta_is_lost, a_trade_is_lost, seconds=1.0),
}
