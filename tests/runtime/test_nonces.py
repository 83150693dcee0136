"""An exchange that wants each nonce above all before refuses none of ours, whoever signs, whatever clocks do."""

import asyncio
import json
from typing import Any

from gateway import spi
from gateway.net.transport import Kind
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Accept
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.virtual import virtually

HOUR = 3600 * 10**6
"""Microseconds."""


class Counting:
    """An exchange that remembers the highest nonce, and which were not above it."""

    def __init__(self) -> None:
        self.highest = 0
        self.nonces: list[int] = []
        self.refused: list[int] = []

    def accept(self, peer: MemoryPeer) -> None:
        peer.hearing = self

    def heard(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.TEXT and payload.isdigit():
            nonce = int(payload)
            self.nonces.append(nonce)
            if nonce <= self.highest:
                self.refused.append(nonce)
            self.highest = max(self.highest, nonce)

    def ended(self) -> None:
        """Forget nothing."""


def signing(target: spi.Target) -> Any:
    """Log in with two nonces."""
    yield spi.Open(target.urls["stream"])
    for _ in range(2):
        yield spi.Send(str(target.nonce()))
    return spi.Session()


def truth() -> int:
    """Return what time it is at the exchange, in microseconds."""
    return round(asyncio.get_running_loop().time() * 1e6) + 10 * HOUR


@virtually
async def test_each_login_of_a_key_is_above_those_before_though_the_clock_is_set_back(stage, variant) -> None:
    exchange = Counting()
    async with stage(variant(gateway_handshake=signing)) as one:
        one.network.on_dial = lambda _: Accept(exchange.accept)
        one.connect(retry=True)
        for turn in range(20):
            await asyncio.sleep(60)
            one.wall -= HOUR * (turn % 2)
            one.far.peer.drop()
        await asyncio.sleep(60)
    assert len(exchange.nonces) == 2 * 21
    assert exchange.refused == []


@virtually
async def test_many_that_sign_at_the_same_instant_have_a_nonce_each(stage, variant) -> None:
    exchange = Counting()
    async with stage(variant(gateway_handshake=signing)) as one:
        one.network.on_dial = lambda _: Accept(exchange.accept)
        for number in range(50):
            one.connect(number, retry=True)
        await asyncio.sleep(600)
    assert len({*exchange.nonces}) == len(exchange.nonces) == 100


@virtually
async def test_nor_after_a_restart_with_a_clock_that_was_set_back_where_the_exchange_tells_the_time(
    stage, variant
) -> None:
    exchange = Counting()
    for behind in (0, HOUR, 0, 2 * HOUR):
        async with stage(variant(gateway_handshake=signing)) as one:
            one.network.on_fetch = lambda _: HttpReply(200, {}, json.dumps({"now": truth()}).encode())
            one.network.on_dial = lambda _: Accept(exchange.accept)
            one.wall = 10 * HOUR - behind
            one.exchange.reference.resync_clock()
            await asyncio.sleep(60)
            one.connect(retry=True)
            await asyncio.sleep(60)
    assert len(exchange.nonces) == 8
    assert exchange.refused == []
