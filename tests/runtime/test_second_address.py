"""Of two addresses of an exchange the first is dead: the second serves, without flapping, until it is replaced."""

import asyncio
from typing import Any

from gateway import spi
from gateway.errors import TransportLost
from gateway.testing.memory import Accept, Refuse
from gateway.testing.virtual import virtually

FIRST, SECOND = "ws://first", "ws://second"


def either(target: spi.Target) -> Any:
    """Open the first address, and the second where that fails."""
    try:
        yield spi.Open(FIRST)
    except TransportLost:
        yield spi.Open(SECOND)
    return spi.Session()


@virtually
async def test_the_second_serves_at_once_and_the_first_again_only_once_the_connection_is_replaced(
    stage, variant
) -> None:
    first_is_dead = False

    def answer(step: spi.Open) -> Any:
        return Refuse() if first_is_dead and step.url == FIRST else Accept()

    async with stage(variant(gateway_handshake=either)) as one:
        one.network.on_dial = answer
        ear = await one.hear("mock:trades:a")
        one.far.ack("trades.a")
        one.far.trade("a", 1)
        await one.quiet()

        first_is_dead = True
        one.far.peer.drop()
        await asyncio.sleep(5)
        assert [asked.step.url for asked in one.network.dials] == [FIRST, FIRST, SECOND], "one attempt tries both"
        one.far.ack("trades.a")
        await one.quiet()
        assert one.state() == "CONNECTED"
        one.far.trade("a", 2)
        await one.quiet()
        assert [record.id for record in ear.records] == [1, 2]

        first_is_dead = False
        await asyncio.sleep(3600)
        assert len(one.network.dials) == 3, "who is served is not moved"
        one.link().supervisor.roll("asked for")
        await asyncio.sleep(1)
        one.far.ack("trades.a")
        await asyncio.sleep(60)
        assert [asked.step.url for asked in one.network.dials][3:] == [FIRST]
        assert one.state() == "CONNECTED"


@virtually
async def test_with_neither_it_is_tried_no_more_often_than_with_one(stage, variant) -> None:
    async with stage(variant(gateway_handshake=either)) as one:
        one.network.on_dial = lambda _: Refuse()
        one.connect(retry=True)
        await asyncio.sleep(600)
        dials = [asked.step.url for asked in one.network.dials]
        assert dials == [FIRST, SECOND] * (len(dials) // 2)
        assert 10 < len(dials) // 2 < 80, "thirty seconds apart at last, with jitter"
