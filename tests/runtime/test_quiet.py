"""While an exchange wants to hear nothing of us nothing is dialled or fetched, whatever limits it declares."""

import asyncio
from dataclasses import replace

import pytest

from gateway import spi
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Accept, RefuseUpgrade
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO


def without_shared_limits() -> spi.ExchangeInfo:
    """Return the mock exchange's, all of whose limits are each connection's own."""
    return replace(INFO, limits=tuple(replace(one, scope=spi.Scope.CONNECTION) for one in INFO.limits))


@pytest.mark.parametrize("status", [418, 429])
@virtually
async def test_a_refused_dial_keeps_every_other_dial_and_request_back(stage, variant, status) -> None:
    def gateway_instruments(target):
        yield spi.Fetch("GET", f"{target.urls['rest']}/list")
        return spi.Instruments(())

    plugin = variant(gateway_exchange_info=without_shared_limits, gateway_instruments=gateway_instruments)
    async with stage(plugin) as one:
        one.network.on_fetch = lambda _: HttpReply(200)
        answers = [RefuseUpgrade(status, {"retry-after": "7200"})]
        one.network.on_dial = lambda _: answers.pop() if answers else Accept()
        one.connect(0, retry=True)
        await one.quiet()
        fetched = len(one.network.fetches)
        one.connect(1, retry=True)
        await asyncio.sleep(7190)
        assert len(one.network.dials) == 1
        assert len(one.network.fetches) == fetched, "the hourly list waits, too"
        await asyncio.sleep(30)
        assert (one.state(), one.state("mock/stream/1")) == ("CONNECTED", "CONNECTED")
        assert len(one.network.fetches) > fetched


@virtually
async def test_a_refused_request_keeps_dials_back(stage, variant) -> None:
    def gateway_server_time(target):
        reply = yield spi.Fetch("GET", f"{target.urls['rest']}/time")
        return reply.json()

    async with stage(
        variant(gateway_exchange_info=without_shared_limits, gateway_server_time=gateway_server_time)
    ) as one:
        one.network.on_fetch = lambda _: HttpReply(418, {"retry-after": "600"})
        one.exchange.reference.resync_clock()
        await one.quiet()
        one.connect(retry=True)
        await asyncio.sleep(595)
        assert (one.state(), len(one.network.dials)) == ("CONNECTING", 0)
        await asyncio.sleep(10)
        assert one.state() == "CONNECTED"
        assert [str(quiet) for quiet in one.seen.noticed_of("reference_failed")]
