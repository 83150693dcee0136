"""An operator's settings of an exchange hold from when they were changed on, without another epoch."""

import asyncio
from dataclasses import replace

import pytest

from gateway import spi
from gateway.runtime.aging import Age
from gateway.spi.contract import Endpoint, Session
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO

HOUR = 3600.0
AGED = replace(INFO.endpoints[0], max_age=86_400.0)


@virtually
async def test_a_pong_that_is_under_way_when_pings_become_quicker_ends_nothing(stage) -> None:
    async with stage() as one:
        one.ground.pace.heartbeat_interval = 10.0
        assert await one.connect()
        one.far.peer.auto_pong = False
        await asyncio.sleep(10.5)
        (ping,) = one.far.peer.pings
        one.ground.pace.heartbeat_interval = 0.5
        one.link().pace_changed()
        await asyncio.sleep(4.4)
        assert one.state() == "CONNECTED"
        one.far.peer.auto_pong = True
        one.far.peer.pong(ping)
        await asyncio.sleep(2)
        assert one.story() == ["CONNECTING asked", "CONNECTED handshake_done"]
        assert len(one.far.peer.pings) >= 4


@virtually
async def test_a_plugin_that_breaks_on_it_changes_no_ping_and_costs_no_connection(stage, variant) -> None:
    broken = False

    def interval() -> float:
        if broken:
            raise KeyError
        return 5.0

    async with stage(variant(gateway_heartbeat_interval=interval)) as one:
        one.ground.pace.heartbeat_interval = 2.0
        assert await one.connect()
        broken = True
        one.ground.pace.heartbeat_interval = None
        one.link().pace_changed()
        await asyncio.sleep(20.5)
        assert (one.state(), len(one.far.peer.pings)) == ("CONNECTED", 10)
        assert one.link().connection.heartbeat_interval == 2.0
        (notice,) = one.seen.noticed_of("plugin_error")
        assert "gateway_heartbeat_interval raised" in notice["text"]


@pytest.mark.parametrize(
    ("endpoint", "session", "age"),
    [
        (AGED, Session(), 86_400.0),
        (AGED, Session(expires_in=HOUR), 0.9 * HOUR),
        (INFO.endpoints[0], Session(expires_in=HOUR), 0.9 * HOUR),
    ],
)
@virtually
async def test_what_ends_first_decides(stage, endpoint: Endpoint, session: spi.Session, age: float) -> None:
    one = stage()
    due = Age(one.ground, endpoint, session).due()
    assert 0.94 * age < due < 0.99 * age


@virtually
async def test_what_nothing_would_end_is_never_due(stage) -> None:
    assert Age(stage().ground, INFO.endpoints[0], Session()).due() == float("inf")


@virtually
async def test_a_window_may_come_change_and_go_while_a_connection_lives(stage) -> None:
    """It was opened at midnight."""
    one = stage()
    age = Age(one.ground, AGED, Session())
    usual = age.due()
    assert usual > 22 * HOUR
    one.ground.pace.rollover_window = (2 * HOUR, 4 * HOUR)
    assert 2 * HOUR < age.due() < 4 * HOUR
    await asyncio.sleep(3 * HOUR)
    assert 3 * HOUR < age.due() < 4 * HOUR
    one.ground.pace.rollover_window = (5 * HOUR, 6 * HOUR)
    assert 5 * HOUR < age.due() < 6 * HOUR
    one.ground.pace.rollover_window = (1 * HOUR, 2 * HOUR)
    assert age.due() == pytest.approx(usual), "today's is over, and tomorrow's comes too late"
    one.ground.pace.rollover_window = None
    assert age.due() == pytest.approx(usual)


@virtually
async def test_what_took_long_to_restore_is_replaced_the_earlier(stage) -> None:
    age = Age(stage().ground, AGED, Session(expires_in=HOUR))
    usual = age.due()
    await asyncio.sleep(300)
    assert age.due() == usual
    assert 0.9 * HOUR * 0.7 < age.restored() < usual
