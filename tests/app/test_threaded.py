"""The gateway for programs without an event loop: any thread may use it, and none waits in vain."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import pytest

from gateway import ConnectionState, Gateway, Message, Notice
from gateway.app.threaded import ThreadedGateway
from gateway.errors import ConfigError, SlowConsumer
from gateway.testing.memory import Hang, Refuse

TRADES = "mock:trades:a"
PATIENCE = 20.0


def in_time(work: Callable[[], object]) -> object:
    """Return what ``work`` returns, on a thread of its own; a test that hangs must not hang the others."""
    done: Future[object] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as exc:  # noqa: BLE001  # raised where it is asked for
            done.set_exception(exc)

    threading.Thread(target=run, daemon=True).start()
    return done.result(PATIENCE)


def test_it_is_used_without_an_event_loop(threaded) -> None:
    with threaded() as gateway:
        assert gateway.connect_account("mock") is True
        assert gateway.get_connection("mock").state is ConnectionState.CONNECTED
        assert list(gateway.get_connection_details()) == ["mock/stream/0"]
        assert gateway.get_stats()["healthy_connections"] == 1
        assert (gateway.get_unhealthy_connections(), gateway.problems()) == ({}, [])
        gateway.auto_reconnect("mock", False)
        gateway.disconnect_account("mock")
        assert gateway.get_connection("mock") is None
    assert gateway.network.held == ()
    assert not [thread for thread in threading.enumerate() if thread.name == "gateway"]


def test_records_and_messages_are_iterated_over(threaded) -> None:
    with threaded() as gateway:
        assert [record.id for record in islice(gateway.subscribe(TRADES), 5)] == [1, 2, 3, 4, 5]
        kinds = {type(message) for message in islice(gateway.messages("mock:raw:trades.b"), 3)}
        assert kinds == {Message, Notice}


def test_closing_the_iterator_ends_the_subscription(threaded) -> None:
    with threaded(every=0.2) as gateway:
        with contextlib.closing(gateway.subscribe(TRADES)) as records:
            next(records)
        topic = gateway.gateway.call(lambda: gateway.gateway.hub.topics[TRADES])
        in_time(lambda: wait_until(gateway, lambda: topic.listeners == 0))


def wait_until(gateway: ThreadedGateway, holds: Callable[[], bool]) -> None:
    """Ask the gateway's own thread again and again; each question is a turn of its event loop."""
    while not gateway.gateway.call(holds):
        pass


def test_what_is_no_topic_is_said_at_once(threaded) -> None:
    with threaded() as gateway, pytest.raises(ValueError, match="'nonsense' is no topic"):
        gateway.subscribe("nonsense")


def test_a_program_that_does_not_keep_up_is_told(threaded) -> None:
    with threaded(every=0.0001) as gateway:
        records = gateway.subscribe(TRADES, queue_size=10)
        next(records)
        number = gateway.gateway.call(lambda: gateway.gateway.hub.topics[TRADES])
        in_time(lambda: wait_until(gateway, lambda: number.offset > 100))
        with pytest.raises(SlowConsumer, match="more than 10 messages waited to be read"):
            in_time(lambda: list(records))


# --- the start and the end


def test_a_wrong_configuration_is_raised_where_it_is_started() -> None:
    gateway = Gateway.in_thread({"exchanges": {"mock": {"heartbeat_interval": "ten"}}})
    with pytest.raises(ConfigError, match=r"exchanges\.mock\.heartbeat_interval"):
        in_time(gateway.__enter__)
    assert not [thread for thread in threading.enumerate() if thread.name == "gateway"]
    gateway.stop()


def test_one_that_was_never_started_may_be_stopped(threaded) -> None:
    threaded().stop()


def test_a_stop_may_be_repeated_and_asking_afterwards_is_an_error(threaded) -> None:
    with threaded() as gateway:
        gateway.connect_account("mock")
    gateway.stop()
    for ask in (
        lambda: gateway.connect_account("mock"),
        lambda: gateway.disconnect_account("mock"),
        lambda: gateway.auto_reconnect("mock"),
        lambda: gateway.subscribe(TRADES),
    ):
        with pytest.raises(RuntimeError, match="the gateway was stopped"):
            in_time(ask)
    assert gateway.get_stats()["live_connections"] == 0, "what can be told is told"


def test_a_stop_ends_every_iteration(threaded) -> None:
    """Wherever it waits, in whichever thread."""
    with threaded() as gateway, ThreadPoolExecutor() as threads:
        begun = threading.Barrier(5)

        def iterate(topic: str) -> int:
            records = gateway.subscribe(topic)
            next(records)
            begun.wait(PATIENCE)
            return 1 + sum(1 for _ in records)

        counts = [threads.submit(iterate, f"mock:trades:{symbol}") for symbol in "abcd"]
        begun.wait(PATIENCE)
        gateway.stop()
        assert all(count.result(PATIENCE) >= 1 for count in counts)


def test_a_stop_disappoints_whoever_waits_for_a_connection(threaded) -> None:
    with threaded() as gateway, ThreadPoolExecutor() as threads:
        gateway.network.on_dial = lambda _: Hang()
        hopes = [threads.submit(gateway.connect_account, "mock", retry=True) for _ in range(4)]
        in_time(lambda: wait_until(gateway, lambda: gateway.get_stats()["state_breakdown"]["CONNECTING"] == 1))
        gateway.stop()
        assert [hope.result(PATIENCE) for hope in hopes] == [False] * 4


def test_whoever_asks_while_it_is_stopped_gets_an_answer(threaded) -> None:
    """True, false or an error, but nobody waits for ever."""
    for _ in range(20):
        with threaded() as gateway, ThreadPoolExecutor(8) as threads:
            begun = threading.Barrier(9)

            def ask(gateway: ThreadedGateway = gateway, begun: threading.Barrier = begun) -> str:
                begun.wait(PATIENCE)
                try:
                    for _ in range(1000):
                        gateway.connect_account("mock")
                        gateway.disconnect_account("mock")
                except RuntimeError as refused:
                    return str(refused)
                return "never stopped"

            answers = [threads.submit(ask) for _ in range(8)]
            begun.wait(PATIENCE)
            gateway.stop()
            assert {answer.result(PATIENCE) for answer in answers} == {"the gateway was stopped"}
            assert gateway.network.held == ()


def test_a_thread_cannot_wait_for_itself(threaded) -> None:
    with threaded() as gateway:
        gateway.network.on_dial = lambda _: Refuse()
        with pytest.raises(RuntimeError, match="await it instead"):
            gateway.gateway.call(lambda: gateway.connect_account("mock"))


def test_what_work_on_the_loop_raises_is_raised_here(threaded) -> None:
    with threaded() as gateway, pytest.raises(ZeroDivisionError):
        gateway.gateway.call(lambda: 1 / 0)


def test_work_that_is_started_can_be_cancelled(threaded) -> None:
    ended = threading.Event()

    async def forever() -> None:
        import asyncio

        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with threaded() as gateway:
        future = gateway.gateway.start(forever())
        gateway.gateway.call(lambda: None)
        assert future.cancel()
        assert ended.wait(PATIENCE)
        stopped = forever()
    with pytest.raises(RuntimeError, match="the gateway was stopped"):
        gateway.gateway.start(stopped)
    assert stopped.cr_frame is None, "it was closed"


def test_work_that_was_cancelled_before_it_began_never_begins(threaded) -> None:
    begun = []

    async def work() -> None:
        begun.append(True)

    with threaded() as gateway:
        hold = threading.Event()
        gateway.gateway._loop._loop.call_soon_threadsafe(hold.wait)
        future = gateway.gateway.start(work())
        assert future.cancel()
        hold.set()
        for _ in range(3):  # turns of its event loop
            gateway.gateway.call(lambda: None)
        assert begun == []


def test_a_defect_in_its_thread_is_not_swallowed(threaded) -> None:
    """It was started, so nobody waits for the start any more: Python's own hook tells."""
    told = []
    hook, threading.excepthook = threading.excepthook, lambda args: told.append(args.exc_value)
    try:
        with threaded() as gateway:
            gateway.gateway._assembly.exchanges["mock"].stop = lambda: 1 / 0
            gateway.gateway.call(lambda: None)
    finally:
        threading.excepthook = hook
    [exc] = told
    assert isinstance(exc.exceptions[0] if isinstance(exc, BaseExceptionGroup) else exc, ZeroDivisionError)
