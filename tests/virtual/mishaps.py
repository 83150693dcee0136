"""What happens in one run, and when: faults of the exchange, what operators and clients do, drawn from a seed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Final

from exchange import SECRET

from gateway.testing.faults import Refusal
from gateway.testing.ways import Ack, Body, Cut, Pong

if TYPE_CHECKING:
    from world import World

PUBLIC, PRIVATE = "mock/stream/0", "mock/private@main"
TOPICS: Final = (
    "mock:trades:BTC-USDT", "mock:trades:ETH-USDT", "mock:quotes:BTC-USDT", "mock:book:ETH-USDT",
    "mock:orders:@main",
)  # fmt: skip
STREAMS: Final = ("trades.btc_usdt", "trades.eth_usdt", "quotes.btc_usdt", "book.eth_usdt")
NUMBERED: Final = tuple(one for one in STREAMS if not one.startswith("quotes"))
"""Those of which the exchange tells what follows what; what it sends twice of others comes twice."""
BEGIN, HEALED = 4.0, 52.0
"""Between these seconds things go wrong; clients come and go a little longer."""
PACES: Final = (3, 4, 5, 6)
"""Seconds between heartbeats."""
CALM: Final = 8
"""Of so many seeds one has no faults."""

USUAL: Final = (0.0, 0.0, 0.05, 0.3)
"""Seconds that an answer of the exchange takes where all is well."""

Does = Callable[["World", Random], Awaitable[object] | object]
Doing = tuple[float, str, Does]


def delay(world: "World", rng: Random, seconds: tuple[float, ...] = USUAL) -> None:
    """Have each kind of answer take one of these ``seconds``."""
    faults = world.venue.faults
    faults.upgrade_delay, faults.ack_delay, faults.reply_delay = (rng.choice(seconds) for _ in range(3))


def _cut(arm: Does) -> Does:
    """Have whoever comes back find something wrong."""

    def does(world: "World", rng: Random) -> None:
        arm(world, rng)
        world.venue.drop(rst=rng.random() < 0.5)

    return does


def _losing(arm: Does) -> Does:
    """Have whoever asks for what was lost be disappointed."""

    def does(world: "World", rng: Random) -> None:
        arm(world, rng)
        world.venue.faults.lose(rng.choice(STREAMS), rng.randrange(1, 5))

    return does


def _mute(world: "World", rng: Random) -> None:
    for number in sorted(world.venue.sockets):
        if rng.random() < 0.7:
            world.mute(number)


def _freeze(world: "World", rng: Random) -> None:
    world.venue.freeze()
    world.later(rng.uniform(0.2, 4.0), world.venue.thaw)


def _stall(world: "World", rng: Random) -> None:
    stalled = world.venue.faults.stalled_streams
    streams = rng.sample(STREAMS, k=rng.randrange(1, 4))
    stalled.update(streams)
    world.later(rng.uniform(5.0, 45.0), lambda: stalled.difference_update(streams))


def _away(world: "World", rng: Random) -> None:
    refuses = world.venue.faults.refuse_upgrades
    refuses.arm(Refusal(503))
    world.venue.drop()
    world.later(rng.uniform(1.0, 20.0), refuses.clear)


def _shut(world: "World", rng: Random) -> None:
    """Have nobody listen for a while, and end what is there."""
    world.venue.shut = True
    world.venue.drop()
    world.later(rng.uniform(0.5, 10.0), lambda: setattr(world.venue, "shut", False))


def _wants_quiet(rng: Random) -> Refusal:
    return Refusal(429, {"retry-after": str(rng.randrange(1, 20))})


def _limited(world: "World", rng: Random) -> None:
    world.venue.faults.refuse_upgrades.arm(_wants_quiet(rng), times=1)
    world.venue.drop()


def _slow(world: "World", rng: Random) -> None:
    delay(world, rng, (0.1, 0.5, 1.5))


def _cut_while_rolling(world: "World", rng: Random) -> None:
    world.ask(world.gateway.rollover, PUBLIC)
    world.later(rng.uniform(0.0, 2.0), lambda: world.venue.drop(rst=True))


BENT: Final = (Body.EMPTY, Body.PAGE, Body.CUT)
FAULTS: Final[dict[str, Does]] = {
    "cut": lambda world, rng: world.venue.drop(rst=rng.random() < 0.5),
    "closed": lambda world, rng: world.venue.drop(code=rng.choice((1000, 1001, 1006, 1011))),
    "mute": _mute,
    "frozen": _freeze,
    "stalled": _stall,
    "slow": _slow,
    "away": _away,
    "cut while rolling": _cut_while_rolling,
    "dials reset": _cut(lambda world, rng: world.venue.faults.reset_dials.arm(times=rng.randrange(1, 5))),
    "upgrades refused": _cut(lambda world, _: world.venue.faults.refuse_upgrades.arm(Refusal(503), times=2)),
    "upgrades hang": _cut(lambda world, _: world.venue.faults.hang_upgrades.arm(times=1)),
    "acks lost": _cut(lambda world, _: world.venue.faults.lose_acks.arm(times=1)),
    "acks bent": _cut(lambda world, rng: world.venue.faults.bend_acks.arm(rng.choice(list(Ack)), times=1)),
    "too old": _cut(lambda world, rng: setattr(world.venue.faults, "age_limit", Cut(rng.uniform(3.0, 20.0)))),
    "pongs bent": lambda world, rng: world.venue.faults.bend_pongs.arm(rng.choice(list(Pong)), times=1),
    "nobody listens": _shut,
    "dials limited": _limited,
    "requests limited": _losing(
        lambda world, rng: world.venue.faults.refuse_requests.arm(_wants_quiet(rng), times=1)
    ),
    "login refused": _cut(
        lambda world, _: world.venue.faults.refuse_logins.arm(f"{SECRET} is not right", times=1)
    ),
    "clock set": lambda world, rng: setattr(world, "ahead", rng.uniform(-30.0, 30.0)),
    "notice": lambda world, _: world.venue.announce_closing(10.0),
    "ended": lambda world, rng: world.venue.end_stream(rng.choice(STREAMS), "moved"),
    "lost": lambda world, rng: world.venue.faults.lose(rng.choice(STREAMS), rng.randrange(1, 8)),
    "repeated": lambda world, rng: world.venue.faults.repeat(rng.choice(NUMBERED), rng.randrange(1, 8)),
    "swapped": lambda world, rng: world.venue.faults.swap(rng.choice(NUMBERED), rng.randrange(1, 4)),
    "skipped": lambda world, rng: world.venue.faults.skip(rng.choice(STREAMS), rng.randrange(1, 8)),
    "past refused": _losing(lambda world, _: world.venue.faults.refuse_requests.arm(Refusal(503), times=2)),
    "past hangs": _losing(lambda world, _: world.venue.faults.hang_requests.arm(times=1)),
    "past bent": _losing(
        lambda world, rng: world.venue.faults.bend_replies.arm(rng.choice(BENT), times=1)
    ),
}  # fmt: skip

OPERATING: Final[dict[str, Does]] = {
    "rollover": lambda world, _: world.ask(world.gateway.rollover, PUBLIC),
    "reload": lambda world, rng: world.reload(rng.choice(PACES)),
    "down": lambda world, rng: world.hold_down(rng.choice((PUBLIC, PRIVATE))),
    "up": lambda world, rng: world.let_up(rng.choice((PUBLIC, PRIVATE))),
}
RECONNECTING: Final[dict[str, Does]] = {
    "reconnect": lambda world, rng: world.ask(world.gateway.reconnect, rng.choice((PUBLIC, PRIVATE)))
}

CLIENTS: Final[dict[str, Does]] = {
    "wish": lambda world, rng: rng.choice(world.clients).want(rng.choice(TOPICS)),
    "unwish": lambda world, rng: rng.choice(world.clients[1:]).leave(rng.choice(TOPICS)),
    "client cut": lambda world, rng: rng.choice(world.clients).cut(),
    "lapse": lambda world, rng: world.lapse(rng.choice(world.clients[1:]), rng.uniform(1.0, 40.0)),
}


async def end(world: "World", rng: Random) -> None:
    """Have the exchange be of no help when the gateway is closed."""
    if world.calm:
        return
    match rng.randrange(6):
        case 0:
            world.venue.freeze()
        case 1:
            world.venue.faults.mute = True
        case 2:
            world.venue.faults.hang_upgrades.arm()
            world.venue.faults.hang_requests.arm()
            world.venue.drop()
            await asyncio.sleep(rng.uniform(0.0, 2.0))


def _drawn(rng: Random, of: dict[str, Does], times: int, until: float) -> Iterator[Doing]:
    for _ in range(times):
        name = rng.choice(list(of))
        yield rng.uniform(BEGIN, until), name, of[name]


def plan(seed: int, rng: Random) -> list[Doing]:
    """Return what happens, in order; :func:`is_calm` seeds have no faults."""
    doing = list(_drawn(rng, CLIENTS, rng.randrange(6, 16), HEALED + 15.0))
    doing += _drawn(rng, OPERATING, rng.randrange(1, 5), HEALED)
    if not is_calm(seed):
        doing += _drawn(rng, FAULTS | RECONNECTING, rng.randrange(3, 9), HEALED)
    doing.append((HEALED, "healed", lambda world, _: world.heal()))
    return sorted(doing, key=lambda one: one[0])


def is_calm(seed: int) -> bool:
    """Whether nothing goes wrong with this seed."""
    return seed % CALM == 0
