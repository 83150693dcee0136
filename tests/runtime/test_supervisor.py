"""What the model test found, and what it cannot tell apart: one sentence each."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from supervised_played import Played, PlayedAttempt

from gateway.engine.retry import GiveUp
from gateway.errors import ConnectionFault, PluginError, Reason
from gateway.model.states import ConnectionState as S


class Strange:
    """An attempt that ends as told."""

    def __init__(self, live: Callable[[], object], close: Callable[[], object]) -> None:
        self._live = live
        self._close = close

    async def live(self) -> None:
        await asyncio.sleep(1)
        self._live()

    async def close(self) -> None:
        self._close()

    def fail(self, fault: ConnectionFault) -> None:
        """Nothing."""


def raising(exc: BaseException) -> Callable[[], object]:
    def fail() -> None:
        raise exc

    return fail


@pytest.fixture
def world():
    world = Played(1)
    yield world
    try:
        world.finish()
    finally:
        world.loop.finish()


def up(world: Played) -> None:
    world.do(partial(world.connect, lasting=False), 1.0)
    assert world.supervisor.state is S.CONNECTED


def states(world: Played) -> list[S]:
    return [change.after for change in world.registry.history(world.id)]


def asked(
    world: Played, ask: Callable[[], "asyncio.Future"], *then: Callable[[], object] | float
) -> "asyncio.Future":
    """Ask, do the rest, and return the future that was given."""
    given: list[asyncio.Future] = []
    world.do(lambda: given.append(ask()), *then)
    return given[0]


def test_a_disconnect_at_the_very_instant_of_a_retry_is_heard(world: Played) -> None:
    world.mode = "refuse"
    for _ in range(20):  # either may come first
        world.do(partial(world.connect, lasting=True))
        while world.supervisor.state is not S.RECONNECTING:
            world.advance(0.01)
        world.at_next_timer(world.disconnect)
        world.advance(1)
        assert world.supervisor.state is S.DISCONNECTED
        world.check()


def test_a_connect_right_after_a_disconnect_keeps_the_connection(world: Played) -> None:
    """The supervisor sees only that it is wanted, so nobody must wait for an epoch that does not come."""
    up(world)
    farewell = asked(world, world.disconnect, partial(world.connect, lasting=False))
    assert farewell.done()
    world.check()
    assert states(world) == [S.CONNECTING, S.CONNECTED]


def test_who_connects_while_a_failed_attempt_is_closing_hopes_for_the_next(world: Played) -> None:
    world.mode, world.close_takes = "silent", 2.0
    first = asked(world, partial(world.connect, lasting=False), 11.0)
    assert world.supervisor.state is S.ERROR
    assert not first.done(), "something of it is left"
    world.mode = "ok"
    second = asked(world, partial(world.connect, lasting=False), 3.0)
    assert (first.result(), second.result()) == (False, True)


@pytest.mark.parametrize("lasting", [True, False])
def test_a_reconnect_that_was_asked_for_is_followed_by_an_epoch_whatever_was_wanted(
    world: Played, lasting
) -> None:
    world.do(
        partial(world.set_auto, enabled=False), partial(world.connect, lasting=lasting), 1.0, world.reconnect, 3.0
    )
    assert world.supervisor.state is S.CONNECTED
    assert world.registry.snapshot.supervised[world.id].epoch == 2
    world.check()


@pytest.mark.parametrize(("enabled", "state"), [(True, S.CONNECTED), (False, S.DISCONNECTED)])
def test_a_lost_connection_comes_back_only_if_that_is_wanted(world: Played, enabled: bool, state: S) -> None:
    up(world)
    world.do(partial(world.set_auto, enabled=enabled), world.network.peers[0].drop, 3.0)
    assert world.supervisor.state is state


def test_nobody_dials_after_a_fault_that_needs_a_person_until_one_asks(world: Played) -> None:
    world.mode = "forbidden"
    hope = asked(world, partial(world.connect, lasting=True), 1.0)
    view = world.registry.snapshot.supervised[world.id]
    assert (hope.result(), view.state, view.fatal, view.text) == (False, S.DISCONNECTED, True, "HTTP status 401")
    world.advance(3600)
    assert len(world.network.dials) == 1
    world.mode = "ok"
    assert asked(world, partial(world.connect, lasting=False), 1.0).result() is True


def test_a_disconnect_during_a_fatal_end_is_no_fault(world: Played) -> None:
    world.close_takes = 2.0
    up(world)
    world.policy.decide = lambda *_, **__: GiveUp("the key was revoked")
    world.do(world.reconnect)
    assert world.supervisor.state is S.ERROR
    assert asked(world, world.disconnect, 3.0).done()
    assert not world.registry.snapshot.supervised[world.id].fatal


def test_who_asks_during_a_fatal_end_asks_after_it(world: Played) -> None:
    world.close_takes = 2.0
    up(world)
    decide, world.policy.decide = world.policy.decide, lambda *_, **__: GiveUp("the key was revoked")
    world.do(world.reconnect)
    world.policy.decide = decide
    fatal = []
    world.loop.call_later(1.9, lambda: fatal.append(world.supervisor.state))
    hope = asked(world, partial(world.connect, lasting=False), 3.0)
    assert (fatal, hope.result()) == ([S.ERROR], True)
    assert not any(snapshot.fatal for snapshot in world.views if snapshot.state is S.DISCONNECTED)


def test_a_sick_connection_is_replaced_and_its_successor_awaited(world: Played) -> None:
    up(world)
    hope = asked(world, partial(world.replace, lasting=False))
    assert not hope.done()
    world.advance(3)
    assert hope.result() is True
    assert world.registry.snapshot.supervised[world.id].epoch == 2


def test_whoever_hopes_for_an_attempt_that_is_ended_on_purpose_hopes_for_the_next(world: Played) -> None:
    hope = asked(world, partial(world.connect, lasting=False), 0.06, world.reconnect, 3.0)
    assert hope.result() is True
    assert states(world)[:3] == [S.CONNECTING, S.ERROR, S.RECONNECTING]


def test_two_connects_share_an_attempt_and_two_disconnects_an_end(world: Played) -> None:
    hopes = [asked(world, partial(world.connect, lasting=False)) for _ in range(2)]
    world.advance(1)
    assert [hope.result() for hope in hopes] == [True, True]
    assert len(world.network.dials) == 1
    farewells = [asked(world, world.disconnect) for _ in range(2)]
    world.advance(1)
    assert all(farewell.done() for farewell in farewells)
    assert states(world) == [S.CONNECTING, S.CONNECTED, S.DISCONNECTING, S.DISCONNECTED]


def test_a_future_that_its_owner_has_cancelled_harms_nobody(world: Played) -> None:
    hope = asked(world, partial(world.supervisor.connect, lasting=False))
    hope.cancel()
    world.wish.connect(lasting=False)
    world.advance(1)
    assert world.supervisor.state is S.CONNECTED


def test_a_supervisor_that_has_ended_says_no_at_once(world: Played) -> None:
    world.close()
    assert asked(world, partial(world.supervisor.connect, lasting=True)).result() is False
    assert asked(world, world.supervisor.disconnect).done()


def test_a_connection_may_be_forgotten_as_soon_as_its_supervisor_is_closed(world: Played) -> None:
    world.loop.settle()
    world.supervisor.close()
    world.registry.remove(world.id)
    assert world.supervisor.state is S.DISCONNECTED
    world.loop.run_until_complete(world.task)
    world.registry.add(world.id, "mock", "private")


def test_closing_before_the_task_has_begun_is_enough(world: Played) -> None:
    world.loop.run_until_complete(asyncio.sleep(0))
    world.close()
    assert states(world) == []


@pytest.mark.parametrize(
    ("live", "close", "reason", "noticed"),
    [
        (raising(ConnectionFault("over")), int, Reason.CLOSED_BY_PEER, []),
        (raising(PluginError("mock", "broken")), int, Reason.PLUGIN_ERROR, []),
        (raising(KeyError("ours")), int, Reason.INTERNAL_ERROR, ["KeyError('ours')"]),
        (int, int, Reason.INTERNAL_ERROR, []),
        (raising(asyncio.CancelledError()), int, Reason.INTERNAL_ERROR, []),
        (raising(ConnectionFault("over")), raising(OSError("stuck")), Reason.CLOSED_BY_PEER, ["OSError('stuck')"]),
    ],
)
def test_whatever_ends_an_epoch_the_next_is_tried(world: Played, live, close, reason, noticed) -> None:
    heard = []
    closing = []
    world.noticed = lambda *_, error, **__: heard.append(error)
    world.make_attempt = lambda number, up: Strange(
        live, lambda: (closing.append(world.supervisor.state), close())
    )
    world.do(partial(world.connect, lasting=True), 1.0)
    world.make_attempt = partial(PlayedAttempt, world)
    world.advance(10)
    world.wrong.clear()  # which holds that such things have happened
    assert world.supervisor.state is S.CONNECTED
    assert [change.reason for change in world.registry.history(world.id) if change.after is S.ERROR] == [reason]
    assert heard == noticed
    assert closing == [S.ERROR]


def test_an_epoch_that_is_cancelled_before_it_has_begun_is_a_failed_one(world: Played) -> None:
    world.loop.call_soon(partial(world.connect, lasting=True))
    while not (epochs := [one for one in asyncio.all_tasks(world.loop) if "epoch" in one.get_name()]):
        world.loop.call_soon(world.loop.stop)  # one turn
        world.loop.run_forever()
    epochs[0].cancel()
    world.strays.add(world.registry.snapshot.supervised[world.id].epoch)
    world.advance(0)
    assert states(world)[-2:] == [S.ERROR, S.RECONNECTING]
    world.advance(3)
    assert world.supervisor.state is S.CONNECTED


def test_an_attempt_that_cannot_be_made_is_a_failed_one(world: Played) -> None:
    world.make_attempt = lambda number, up: raising(PluginError("mock", "has no dialect"))()
    assert asked(world, partial(world.connect, lasting=False), 1.0).result() is False
    world.wrong.clear()
    assert states(world) == [S.CONNECTING, S.ERROR, S.DISCONNECTED]


def test_a_defect_in_the_judgement_ends_the_supervisor_in_order(world: Played) -> None:
    world.mode = "refuse"
    world.policy.decide = lambda *_, **__: 1 // 0
    hope = asked(world, partial(world.connect, lasting=True), 1.0)
    assert world.task.done()
    assert hope.result() is False
    assert world.supervisor.state is S.DISCONNECTED
    with pytest.raises(ZeroDivisionError):
        world.task.result()
    world.wrong.clear()
