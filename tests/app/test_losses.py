"""What no collector got is told once a minute, and counted."""

import asyncio

from structlog.testing import CapturingLogger

from gateway.app.losses import EVERY, SpanLosses
from gateway.engine.observer import Observers
from gateway.telemetry import Logs
from gateway.telemetry.metrics.catalogue import SPANS_LOST
from gateway.telemetry.metrics.tally import Tally
from gateway.testing.virtual import virtually


@virtually
async def test_it_is_told_once_a_minute_however_much_it_is() -> None:
    lost, logger = [0], CapturingLogger()
    losses = SpanLosses(lambda: lost[0], Observers([Logs(logger=logger), Tally()]))
    async with losses.watched():
        await asyncio.sleep(10)
        for _ in range(1000):
            lost[0] += 1
            await asyncio.sleep(0.1)
        await asyncio.sleep(3 * EVERY)
    assert [call.kwargs["spans"] for call in logger.calls] == [500, 500]
    assert {(call.method_name, call.args) for call in logger.calls} == {("warning", ("spans_lost",))}
    lost[0] += 7
    assert list(losses.read()) == [(SPANS_LOST, (), 1007)]
    losses.tell()
    losses.tell()
    assert [call.kwargs["spans"] for call in logger.calls] == [500, 500, 7]
