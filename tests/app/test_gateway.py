"""The names and shapes that operators and older programs rely on, and what connecting promises."""

import asyncio
import inspect
from collections.abc import Mapping

import pytest

from gateway import ConnectionHandle, ConnectionState, Gateway, ThreadedGateway, spi
from gateway.app import Outcome
from gateway.errors import TransitionError
from gateway.model.states import TRANSITIONS
from gateway.testing.faults import Refusal
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange

PUBLIC = "mock/stream/0"
INFO = {
    "id", "exchange", "endpoint", "account", "state", "phase", "epoch", "since_us", "reason", "text", "fatal",
    "retry_at_us", "is_connected", "is_healthy", "unhealthy_because", "draining", "diagnosis",
    "heartbeat_interval", "ages", "streams", "unasked", "counters", "history",
}  # fmt: skip
COUNTS = {
    "dials", "messages_received", "bytes_received", "messages_sent", "bytes_sent", "pings_sent", "pings_received",
    "pongs_received", "decoded", "undecodable", "unheard", "failed_snapshots", "given_up_again", "filled",
    "unfilled",
}  # fmt: skip


# --- names and shapes, which must not change


SIGNATURES = {
    "connect_account": "(self, id: str, *, wait: bool = True, retry: bool = False)",
    "disconnect_account": "(self, id: str)",
    "auto_reconnect": "(self, id: str, enabled: bool = True)",
    "get_connection": "(self, id: str)",
    "get_connection_details": "(self)",
    "get_unhealthy_connections": "(self)",
    "get_stats": "(self)",
}


@pytest.mark.parametrize("kind", [Gateway, ThreadedGateway])
def test_the_methods_are_called_as_they_always_were(kind: type) -> None:
    asked = {name: inspect.signature(getattr(kind, name)) for name in SIGNATURES}
    without_results = {name: str(one.replace(return_annotation=one.empty)) for name, one in asked.items()}
    assert without_results == SIGNATURES


def test_a_connection_has_what_it_always_had() -> None:
    assert {name for name in dir(ConnectionHandle) if not name.startswith("_")} >= {
        "state", "is_connected", "is_healthy", "get_connection_info", "set_state",
    }  # fmt: skip
    assert isinstance(ConnectionHandle.state, property)
    assert isinstance(ConnectionHandle.is_connected, property)
    assert callable(ConnectionHandle.is_healthy)


@virtually
async def test_connections_are_told_by_id_with_everything_about_them(running) -> None:
    async with running() as one:
        assert await one.gateway.connect_account("mock") is True
        assert await one.gateway.connect_account("main") is True
        details = one.gateway.get_connection_details()
        assert sorted(details) == ["mock/private@main", PUBLIC]
        info = details[PUBLIC]
        assert set(info) == INFO
        assert set(info["counters"]) == COUNTS
        assert set(info["ages"]) == {"message", "pong", "round_trip", "streams"}
        assert (info["id"], info["exchange"], info["endpoint"], info["account"]) == (
            PUBLIC,
            "mock",
            "stream",
            None,
        )
        assert (info["state"], info["phase"], info["epoch"]) == ("CONNECTED", None, 1)
        assert [change["after"] for change in info["history"]] == ["CONNECTING", "CONNECTED"]
        assert set(info["history"][0]) == {"epoch", "before", "after", "reason", "text", "at_us"}
        assert details["mock/private@main"]["account"] == "main"


@virtually
async def test_totals_are_of_one_picture(running) -> None:
    async with running() as one:
        assert await one.gateway.connect_account("mock")
        one.faults.hang_upgrades.arm(times=1)
        one.gateway.connect_account("main", retry=True)
        await one.quiet()
        stats = one.gateway.get_stats()
        assert set(stats) == {
            "version", "total_connections", "live_connections", "healthy_connections", "state_breakdown", *COUNTS,
        }  # fmt: skip
        assert (stats["total_connections"], stats["live_connections"], stats["healthy_connections"]) == (2, 1, 1)
        assert stats["state_breakdown"] == {
            "DISCONNECTED": 0, "CONNECTING": 1, "CONNECTED": 1, "DISCONNECTING": 0, "ERROR": 0, "RECONNECTING": 0,
        }  # fmt: skip
        assert stats["dials"] == 2


@virtually
async def test_unhealthy_ones_are_told_with_the_reason(running) -> None:
    async with running() as one:
        assert one.gateway.get_unhealthy_connections() == {}
        one.faults.refuse_upgrades.arm(Refusal(503))
        one.gateway.connect_account("mock", retry=True)
        await one.quiet()
        unhealthy = one.gateway.get_unhealthy_connections()
        assert unhealthy[PUBLIC]["unhealthy_because"] == "not connected"
        assert set(unhealthy[PUBLIC]) == INFO


@virtually
async def test_a_connection_is_a_handle_only_while_it_is_fully_operational(running) -> None:
    async with running() as one:
        assert one.gateway.get_connection(PUBLIC) is None
        assert await one.gateway.connect_account(PUBLIC)
        handle = one.gateway.get_connection(PUBLIC)
        assert isinstance(handle, ConnectionHandle)
        assert (handle.state, handle.is_connected, handle.is_healthy()) == (ConnectionState.CONNECTED, True, True)
        assert handle.get_connection_info() == one.gateway.get_connection_details()[PUBLIC]
        assert repr(handle) == "<connection mock/stream/0 CONNECTED>"
        await one.gateway.disconnect_account(PUBLIC)
        await one.quiet()
        assert one.gateway.get_connection(PUBLIC) is None
        assert (handle.state, handle.is_connected, handle.is_healthy()) == (
            ConnectionState.DISCONNECTED,
            False,
            False,
        )
        assert handle.get_connection_info() == {}


@virtually
async def test_outcomes_are_awaited_on_the_loop_and_never_waited_for(running) -> None:
    async with running() as one:
        outcome = one.gateway.connect_account("mock")
        assert isinstance(outcome, Outcome)
        with pytest.raises(RuntimeError, match="on its own thread; await it instead"):
            outcome.result()
        assert await outcome is True
        assert outcome.result() is True, "what is known may be asked for anywhere"
        assert await one.gateway.connect_account("mock", wait=False) is True


@virtually
async def test_an_intent_is_recorded_before_the_call_returns(running) -> None:
    async with running() as one:
        one.gateway.connect_account("mock", wait=False)
        assert one.state() == "DISCONNECTED"
        assert one.gateway._assembly.exchanges["mock"].links.all[PUBLIC].supervisor.wanted


# --- connecting


@pytest.mark.parametrize("break_it", ["reset_dials", "refuse_upgrades", "refuse_logins"])
@virtually
async def test_a_connect_that_fails_leaves_nothing_behind(running, break_it: str) -> None:
    async with running() as one:
        arm = getattr(one.faults, break_it).arm
        {"reset_dials": arm, "refuse_upgrades": lambda: arm(Refusal(503)), "refuse_logins": lambda: arm("no")}[
            break_it
        ]()
        assert await one.gateway.connect_account("main") is False
        await one.quiet()
        assert one.gateway.get_connection_details() == {}
        assert one.gateway.get_stats()["total_connections"] == 0
        assert one.gateway.problems() == []
        assert one.network.held == ()


@virtually
async def test_with_retry_it_is_tried_until_it_works(running) -> None:
    async with running() as one:
        one.faults.reset_dials.arm(times=3)
        assert await one.gateway.connect_account("mock", retry=True) is True
        assert one.venue.counts.dials == 4


@virtually
async def test_two_connects_are_one_attempt(running) -> None:
    async with running() as one:
        outcomes = [one.gateway.connect_account("mock") for _ in range(5)]
        assert [await outcome for outcome in outcomes] == [True] * 5
        assert await one.gateway.connect_account("mock") is True
        assert one.venue.counts.dials == 1


@virtually
async def test_two_disconnects_are_one(running) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock")
        outcomes = [one.gateway.disconnect_account("mock") for _ in range(3)]
        assert [await outcome for outcome in outcomes] == [None] * 3
        assert await one.gateway.disconnect_account("mock") is None
        assert one.network.held == ()


class Seldom(MockExchange):
    """The mock exchange, pinged every 90 seconds."""

    @spi.hookimpl
    def gateway_heartbeat_interval(self) -> float:
        return 90.0


@virtually
async def test_a_plugin_that_is_pinged_seldom_does_not_make_its_connection_unhealthy(running) -> None:
    async with running(plugins={"mock": Seldom()}) as one:
        assert await one.gateway.connect_account("mock") is True
        handle = one.gateway.connection("mock")
        for _ in range(40):
            await asyncio.sleep(10)
            assert handle.get_connection_info()["unhealthy_because"] == ""
        assert handle.get_connection_info()["heartbeat_interval"] == 90.0


@virtually
async def test_one_that_is_connected_but_unhealthy_is_replaced(running) -> None:
    """A stream that should sound and does not, for longer than the operator allows."""
    async with running(mock={"message_timeout": 30}) as one:
        await one.gateway.listen("mock:trades:BTC-USDT", lambda _: None)
        await one.quiet()
        handle = one.gateway.connection("mock")
        assert handle.is_healthy()
        await asyncio.sleep(31)
        assert (handle.is_connected, handle.is_healthy()) == (True, False)
        assert handle.get_connection_info()["unhealthy_because"] == "no message for 30 s"
        assert await one.gateway.connect_account("mock") is True
        assert (handle.get_connection_info()["epoch"], handle.is_healthy()) == (2, True)
        assert [change["reason"] for change in handle.get_connection_info()["history"]][2:3] == ["asked"]
        assert one.venue.counts.upgrades == 2


@virtually
async def test_a_healthy_one_is_left_alone(running) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock")
        await asyncio.sleep(600)
        assert await one.gateway.connect_account("mock") is True
        assert one.venue.counts.upgrades == 1


@virtually
async def test_reconnect_replaces_a_healthy_one_too_and_nothing_where_there_is_none(running) -> None:
    async with running() as one:
        await one.gateway.reconnect("mock")
        assert one.gateway.get_connection_details() == {}
        await one.gateway.connect_account("mock")
        await one.gateway.reconnect("mock")
        await asyncio.sleep(2)
        assert (one.state(), one.venue.counts.upgrades) == ("CONNECTED", 2)


@virtually
async def test_without_auto_reconnect_one_that_ends_stays_down(running) -> None:
    async with running() as one:
        await one.gateway.auto_reconnect("mock", False)
        assert one.gateway.get_connection_details() == {}, "to say so makes no connection"
        assert one.gateway.problems() == []
        await one.gateway.connect_account("mock")
        one.venue.drop()
        await asyncio.sleep(60)
        assert one.state() == "DISCONNECTED"
        await one.gateway.auto_reconnect("mock")
        await one.gateway.connect_account("mock")
        one.venue.drop()
        await asyncio.sleep(5)
        assert one.state() == "CONNECTED"


@virtually
async def test_a_disconnect_holds_it_down_whatever_is_subscribed_to(running) -> None:
    async with running() as one:
        await one.gateway.disconnect_account("mock")
        await one.gateway.listen("mock:trades:BTC-USDT", lambda _: None)
        await asyncio.sleep(60)
        assert (one.state(), one.venue.counts.dials) == ("DISCONNECTED", 0)
        assert one.gateway.problems() == [], "an operator wants it so"
        assert await one.gateway.connect_account("mock") is True


# --- set_state


def other_than(*states: ConnectionState) -> list[ConnectionState]:
    return [state for state in ConnectionState if state not in states]


@pytest.mark.parametrize("target", other_than(ConnectionState.CONNECTING))
@virtually
async def test_what_is_down_can_only_be_connected(running, target) -> None:
    async with running() as one:
        handle = one.gateway.connection("mock")
        with pytest.raises(TransitionError) as caught:
            handle.set_state(target)
        assert isinstance(caught.value, ValueError)
        assert one.gateway.get_connection_details() == {}


@virtually
async def test_what_is_down_is_connected_and_tried_until_it_works(running) -> None:
    async with running() as one:
        one.faults.reset_dials.arm(times=2)
        one.gateway.connection("mock").set_state(ConnectionState.CONNECTING)
        await asyncio.sleep(60)
        assert one.state() == "CONNECTED"


@pytest.mark.parametrize("target", other_than(*TRANSITIONS[ConnectionState.CONNECTED]))
@virtually
async def test_what_is_up_refuses_what_the_table_forbids(running, target) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock")
        with pytest.raises(TransitionError, match=f"CONNECTED cannot become {target}"):
            one.gateway.connection("mock").set_state(target)
        assert one.state() == "CONNECTED"


@virtually
async def test_what_is_up_can_be_taken_down(running) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock")
        one.gateway.connection("mock").set_state(ConnectionState.DISCONNECTING)
        await asyncio.sleep(5)
        assert one.state() == ""


@virtually
async def test_nobody_can_declare_what_comes_about_by_itself(running) -> None:
    async with running() as one:
        one.faults.hang_upgrades.arm(times=1)
        one.gateway.connect_account("mock", retry=True)
        await one.quiet()
        handle = one.gateway.connection("mock")
        for target in (ConnectionState.CONNECTED, ConnectionState.ERROR):
            with pytest.raises(TransitionError, match=f"{target} comes about by itself and cannot be declared"):
                handle.set_state(target)
        assert one.state() == "CONNECTING"


@virtually
async def test_a_failed_one_may_be_asked_to_reconnect_which_it_does_anyway(running) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock", retry=True)
        one.network.open_peers[0].mute()
        one.network.open_peers[0].close_takes = 3.0
        await one.gateway.reconnect("mock")
        await one.quiet()
        assert one.state() == "ERROR"
        one.gateway.connection("mock").set_state(ConnectionState.RECONNECTING)
        await asyncio.sleep(10)
        assert one.state() == "CONNECTED"


# --- its life


@virtually
async def test_before_the_start_nothing_can_be_asked_for(running) -> None:
    gateway = Gateway()
    with pytest.raises(RuntimeError, match="was not started: use 'async with"):
        await gateway.stop()
    with pytest.raises(RuntimeError, match="was not started"):
        gateway.call(lambda: None)
    assert gateway.get_stats()["total_connections"] == 0
    assert gateway.problems() == []


@virtually
async def test_after_the_stop_nothing_is_begun(running) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock")
        await one.gateway.stop()
        await one.gateway.stop()
        for ask in (one.gateway.connect_account, one.gateway.disconnect_account, one.gateway.auto_reconnect):
            with pytest.raises(RuntimeError, match="the gateway was stopped"):
                ask("mock")
        with pytest.raises(RuntimeError, match="the gateway was stopped"):
            await one.gateway.listen("mock:trades:BTC-USDT", print)
        with pytest.raises(RuntimeError, match="the gateway was stopped"):
            one.gateway.subscribe("mock:trades:BTC-USDT")
        await asyncio.sleep(60)
        assert one.venue.counts.upgrades == 1


@virtually
async def test_a_stop_disappoints_whoever_still_hopes(running) -> None:
    async with running() as one:
        one.faults.hang_upgrades.arm()
        hope = one.gateway.connect_account("mock", retry=True)
        await one.quiet()
        await one.gateway.stop()
        assert await hope is False


@virtually
async def test_a_gateway_may_have_nothing_to_do(running) -> None:
    async with Gateway() as gateway:
        await asyncio.sleep(10)
        assert gateway.get_connection_details() == {}


def test_what_it_tells_is_ready_for_json() -> None:
    import json

    async def main() -> None:
        async with Gateway() as gateway:
            facts: Mapping[str, object] = {
                "details": gateway.get_connection_details(),
                "stats": gateway.get_stats(),
                "exchanges": gateway.operations.get_exchange_details(),
            }
            json.dumps(facts)

    asyncio.run(main())
