"""
What goes wrong during a soak: each is a coroutine that ends when what it broke is whole again.

Seconds are in heartbeat intervals of the gateway, so that a short run has short faults.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from random import Random
from typing import Final

from soak_stage import Stage

from gateway.client import Client
from gateway.errors import ConnectionFault
from gateway.testing.noise import Noise

Fault = Callable[[Stage, Random], Awaitable[None]]
DETECTED: Final = 2.5
"""Intervals after which a peer that went silent has been left for certain."""
ODD: Final = frozenset({Noise.BOMB, Noise.EMPTY_BLOCKS})
"""Need an agreement on compression."""


async def _hold(stage: Stage, intervals: float) -> None:
    await asyncio.sleep(intervals * stage.pulse)


def _some(stage: Stage, rng: Random) -> list[int]:
    """Draw a fifth of the streams."""
    return rng.sample(range(stage.size.connections), -(-stage.size.connections // 5))


# --- on the way to the exchange


async def all_reset(stage: Stage, _: Random) -> None:
    """RST, all."""
    stage.exchange.drop(rst=True)


async def all_ended(stage: Stage, _: Random) -> None:
    """FIN, all."""
    stage.exchange.drop()


async def one_reset(stage: Stage, rng: Random) -> None:
    """RST, one in the middle of what it carries."""
    stage.exchange.down.cut_after(rng.randint(1, 10_000))
    await _hold(stage, 1)


async def one_byte_changed(stage: Stage, rng: Random) -> None:
    """A bit more than noise: one byte of somebody's stream is another, and no text any more."""
    stage.exchange.down.flip(after=rng.randint(1, 10_000))
    await _hold(stage, 1)


async def half_open(stage: Stage, _: Random) -> None:
    """Everything is taken and nothing is passed on, until the gateway must have left."""
    stage.exchange.down.swallow()
    await _hold(stage, DETECTED)
    stage.exchange.down.thaw()
    stage.exchange.drop(rst=True)  # what was dialled meanwhile has lost its first words


async def deaf(stage: Stage, _: Random) -> None:
    """What the gateway says does not arrive; what the exchange says does."""
    stage.exchange.up.swallow()
    await _hold(stage, DETECTED)
    stage.exchange.up.thaw()
    stage.exchange.drop(rst=True)


async def frozen(stage: Stage, _: Random) -> None:
    """Nothing passes for a while, and all of it comes then."""
    stage.exchange.down.freeze()
    await _hold(stage, DETECTED)
    stage.exchange.down.thaw()


async def shaken(stage: Stage, _: Random) -> None:
    """A pause that is no reason to leave."""
    stage.exchange.down.freeze()
    await _hold(stage, 0.5)
    stage.exchange.down.thaw()


async def refused(stage: Stage, _: Random) -> None:
    """The port is closed."""
    stage.exchange.refuse()
    stage.exchange.drop()
    await _hold(stage, 2)
    await stage.exchange.admit()


async def unanswered(stage: Stage, _: Random) -> None:
    """Dials succeed, and nobody is there."""
    stage.exchange.hang()
    stage.exchange.drop(rst=True)
    await _hold(stage, 2)
    await stage.exchange.admit()


async def slow_line(stage: Stage, _: Random) -> None:
    """The line carries half of what is sent."""
    stage.exchange.down.rate = 60 * stage.size.rate / stage.size.connections
    await _hold(stage, 2)
    stage.exchange.down.rate = float("inf")


# --- at the exchange


async def nonsense(stage: Stage, rng: Random) -> None:
    """A frame that means nothing, or breaks the protocol, on a fifth of the sockets."""
    how = rng.choice([one for one in Noise if one not in ODD])
    await stage.venue.order("noise", how=how.name, sockets=len(_some(stage, rng)))
    await _hold(stage, 1)


async def restart_announced(stage: Stage, _: Random) -> None:
    """A Close frame, 1012."""
    await stage.venue.order("close", code=1012)


async def stalled_streams(stage: Stage, rng: Random) -> None:
    """A fifth of the streams is silent, and what was traded is not sent afterwards."""
    await stage.venue.order("stall", places=_some(stage, rng))
    await _hold(stage, 2)
    await stage.venue.order("heal")


async def lost_messages(stage: Stage, rng: Random) -> None:
    """Seven trades of each of a fifth of the streams are never sent."""
    await stage.venue.order("lose", places=_some(stage, rng), count=7)
    await _hold(stage, 1)


async def muddled_messages(stage: Stage, rng: Random) -> None:
    """Trades come twice, and in the wrong order."""
    await stage.venue.order("muddle", places=_some(stage, rng), count=5)
    await _hold(stage, 1)


async def past_refused(stage: Stage, _: Random) -> None:
    """RST, all, and the exchange does not tell what was missed."""
    await stage.venue.order("forget_past")
    await _hold(stage, 2)
    await stage.venue.order("heal")


async def venue_stopped(stage: Stage, _: Random) -> None:
    """The venue's process stands still."""
    stage.venue.signal(signal.SIGSTOP)
    await _hold(stage, DETECTED)
    stage.venue.signal(signal.SIGCONT)


# --- the gateway's own


async def gateway_stopped(stage: Stage, _: Random) -> None:
    """The gateway's process stands still."""
    stage.gateway.tell(signal.SIGSTOP)
    await _hold(stage, 1)
    stage.gateway.tell(signal.SIGCONT)


# --- clients


async def client_cut(stage: Stage, rng: Random) -> None:
    """RST or FIN of a client, which comes back and resumes."""
    stage.clients.drop(rst=rng.random() < 0.5)


async def client_frozen(stage: Stage, _: Random) -> None:
    """A client reads nothing for a while."""
    stage.clients.down.freeze()
    await _hold(stage, 2)
    stage.clients.down.thaw()


async def crowd(stage: Stage, _: Random) -> None:
    """Ten clients come, want everything, and vanish, half of them without reading any of it."""
    coming = [asyncio.create_task(_come(stage, reads=bool(number % 2))) for number in range(10)]
    await _hold(stage, 1)
    stage.crowd.drop(rst=True)
    for one in coming:
        one.cancel()  # whoever comes too late to be cut is not let in
    await asyncio.wait(coming)
    stage.crowd.drop(rst=True)


async def _come(stage: Stage, *, reads: bool) -> None:
    client = Client(f"ws://127.0.0.1:{stage.crowd.port}", queue=10)
    try:
        async with client:
            await client.subscribe(stage.topics, on_lag="drop_oldest")
            while reads:
                await anext(client)
            await _hold(stage, 2)
    except (ConnectionFault, OSError):
        return  # it was cut, as it was to be


FAULTS: Final[Mapping[str, Fault]] = {
    fault.__name__: fault
    for fault in (
        all_reset,
        all_ended,
        one_reset,
        one_byte_changed,
        half_open,
        deaf,
        frozen,
        shaken,
        refused,
        unanswered,
        slow_line,
        nonsense,
        restart_announced,
        stalled_streams,
        lost_messages,
        muddled_messages,
        past_refused,
        venue_stopped,
        gateway_stopped,
        client_cut,
        client_frozen,
        crowd,
    )
}
"""Those that are drawn."""


async def venue_killed(stage: Stage, _: Random) -> None:
    """SIGKILL of the venue, which is begun again a little later, at another port behind the same address."""
    await stage.venue.kill()
    await _hold(stage, 1.5)
    stage.exchange.target = ("127.0.0.1", await stage.venue.begin())


def deck(rng: Random, kinds: list[str]) -> Iterator[str]:
    """Yield ``kinds`` for ever, each once before any comes again."""
    while True:
        yield from rng.sample(kinds, len(kinds))
