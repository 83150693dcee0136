"""One dial of a connection: when it is live, what ends it, and that nothing of it is heard or left afterwards."""

import asyncio
from functools import partial
from math import inf

import pytest

from gateway import spi
from gateway.errors import Reason, TransportLost
from gateway.net.transport import Kind
from gateway.spi.steps import HttpReply
from gateway.testing.memory import Accept, Hang, Later, MemoryNetwork, Refuse, RefuseUpgrade
from gateway.testing.virtual import run, virtually
from gateway_mock.plugin import MockDialect

A, B, C = "trades.a", "trades.b", "trades.c"
TOPICS = ("mock:trades:a", "mock:trades:b")


# --- when it is live


@virtually
async def test_it_is_connected_exactly_when_the_last_planned_stream_is_acked(stage, variant) -> None:
    """Each stream in a request of its own, so that each has its own ack."""
    async with stage(variant(gateway_restore_subscriptions=one_by_one)) as one:
        first, second = await one.hear_all(*TOPICS)
        assert one.far.asked() == [A, B]
        assert (one.state(), one.view().phase) == ("CONNECTING", "restore")
        one.far.ack(A)
        await one.quiet()
        assert (first.topic.status, second.topic.status) == ("live", "pending")
        assert (one.state(), one.registry.snapshot.live) == ("CONNECTING", {})
        one.far.ack(B)
        await one.quiet()
        assert one.state() == "CONNECTED"
        assert [*one.registry.snapshot.live] == ["mock/stream/0"]
        assert second.topic.status == "live"


def one_by_one(dialect, streams):
    return [request for stream in streams for request in dialect.subscribe([stream])]


@virtually
async def test_data_flow_before_it_is_live(stage, variant) -> None:
    async with stage(variant(gateway_restore_subscriptions=one_by_one)) as one:
        first, _ = await one.hear_all(*TOPICS)
        one.far.ack(A)
        one.far.trade("a", 1)
        await one.quiet()
        assert [trade.id for trade in first.records] == [1]
        assert one.state() == "CONNECTING"


@virtually
async def test_a_datum_counts_for_an_ack_only_where_none_comes(stage) -> None:
    async with stage() as one:
        ear = await one.hear("mock:trades:a")
        one.far.trade("a", 1)
        await one.quiet()
        assert (ear.topic.status, one.state()) == ("live", "CONNECTING")
        await asyncio.sleep(11)
        assert one.state() == "CONNECTED", "asked twice, never answered, but it flows"
        assert one.far.asked() == [A, A]


@virtually
async def test_a_refused_stream_is_reported_alone_and_settles(stage) -> None:
    async with stage() as one:
        first, second = await one.hear_all(*TOPICS)
        one.far.nack(B)
        await one.quiet()
        assert one.state() == "CONNECTED"
        assert first.statuses == ["live"]
        assert second.statuses == ["closed stream_refused"]
        one.far.trade("a", 1)
        await one.quiet()
        assert len(first.records) == 1


@virtually
async def test_a_stream_that_nobody_answers_for_is_given_up_by_name_and_settles(stage, variant) -> None:
    async with stage(variant(gateway_restore_subscriptions=one_by_one)) as one:
        _, second = await one.hear_all(*TOPICS)
        one.far.ack(A)
        await asyncio.sleep(9.99)
        assert one.state() == "CONNECTING"
        await asyncio.sleep(0.02)
        assert one.state() == "CONNECTED", "five seconds, asked once more, five seconds"
        assert second.statuses == ["closed ack_missed"]
        assert one.far.asked() == [A, B, B]
        await asyncio.sleep(35)
        assert one.far.asked()[3] == B, "asked anew half a minute later"
        one.far.ack(B)
        await one.quiet()
        assert second.statuses[-1] == "live"


@virtually
async def test_an_answer_is_overdue_to_the_instant_whenever_it_was_asked_for(stage) -> None:
    async with stage() as one:
        await one.connect()
        await asyncio.sleep(0.37)
        ear = await one.hear(TOPICS[0])
        await asyncio.sleep(4.99)
        assert one.far.asked() == [A]
        await asyncio.sleep(0.02)
        assert one.far.asked() == [A, A]
        await asyncio.sleep(4.97)
        assert ear.statuses == []
        await asyncio.sleep(0.03)
        assert ear.statuses == ["closed ack_missed"]


@virtually
async def test_later_wishes_do_not_delay_it(stage) -> None:
    async with stage() as one:
        await one.hear(TOPICS[0])
        late = await one.hear(TOPICS[1])
        assert one.far.asked() == [A, B]
        one.far.ack(A)
        await one.quiet()
        assert (one.state(), late.topic.status) == ("CONNECTED", "pending")
        one.far.ack(B)
        await one.quiet()
        assert late.topic.status == "live"


@virtually
async def test_a_wish_from_the_time_of_the_handshake_is_asked_for_and_not_planned(stage) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: Later(1.0, Accept())
        await one.hear(TOPICS[0])
        late = await one.hear(TOPICS[1])
        await asyncio.sleep(1)
        assert one.far.asked() == [A, B]
        one.far.ack(A)
        await one.quiet()
        assert (one.state(), late.topic.status) == ("CONNECTED", "pending")


@pytest.mark.parametrize("during", ["handshake", "restore"])
@virtually
async def test_a_wish_that_is_taken_back_holds_nothing_up(stage, during: str) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: Later(1.0, Accept())
        kept, dropped = await one.hear_all(*TOPICS)
        if during == "handshake":
            dropped.leave()
            await asyncio.sleep(1)
            assert one.far.asked() == [A]
            one.far.ack(A)
        else:
            await asyncio.sleep(1)
            one.far.nack(B)  # settles both
        await one.quiet()
        assert (one.state(), kept.topic.status) == ("CONNECTED", "live")


@virtually
async def test_the_last_unanswered_wish_may_be_taken_back(stage, variant) -> None:
    """Nobody would say another word about it, so that has to settle the plan."""
    async with stage(variant(gateway_restore_subscriptions=one_by_one)) as one:
        _, dropped = await one.hear_all(*TOPICS)
        one.far.ack(A)
        await one.quiet()
        assert one.state() == "CONNECTING"
        dropped.leave()
        await one.quiet()
        assert one.state() == "CONNECTED"


@virtually
async def test_without_streams_it_is_connected_when_the_handshake_is_done(stage) -> None:
    async with stage() as one:
        assert await one.connect() is True
        assert one.seen.phases == ["dial", "login", "restore"]
        assert one.story() == ["CONNECTING asked", "CONNECTED handshake_done"]


# --- frames that came too early


def early(target, streams):
    yield spi.Open(target.urls[target.endpoint])
    first = yield spi.Receive()
    return spi.Session(early=(first,))


@virtually
async def test_frames_that_the_handshake_read_ahead_are_heard(stage, variant) -> None:
    async with stage(variant(gateway_handshake=early)) as one:
        one.network.on_dial = lambda _: Accept(
            lambda peer: peer.say('{"stream":"quotes.a","data":[' + QUOTE + "]}")
        )
        ear = await one.hear("mock:quotes:a")
        assert [quote.bid for quote in ear.records] == ["99"]
        assert ear.story == ["live", "update"]


QUOTE = '{"bid":"99","bid_size":"1","ask":"101","ask_size":"1","ts":1}'


# --- what ends it


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda one: one.far.peer.close(1001), "closed_by_peer"),
        (lambda one: one.far.peer.drop(), "connection_reset"),
        (lambda one: one.far.peer.violate(), "protocol_error"),
    ],
)
@virtually
async def test_whatever_ends_it_is_told_to_every_stream_in_the_same_step(stage, end, reason) -> None:
    async with stage() as one:
        first, second = await one.hear_all(*TOPICS)
        one.far.ack_all()
        one.far.trade("a", 1)
        await one.quiet()
        live_before = list(one.registry.snapshot.live)
        end(one)
        await one.quiet()
        assert live_before == ["mock/stream/0"]
        assert one.registry.snapshot.live == {}
        assert first.statuses == ["live", f"disconnected {reason}"]
        assert second.statuses == ["live", f"disconnected {reason}"]
        assert one.story()[2:4] == [f"ERROR {reason}", "RECONNECTING retry_due"]
        assert one.link().connection.worked is True


@virtually
async def test_a_muted_peer_is_left_after_one_and_a_half_intervals(stage) -> None:
    """The mock exchange is pinged each 5 s: the ping at 5 is answered, that at 10 is not."""
    async with stage() as one:
        await one.connect(retry=True)
        await asyncio.sleep(7)
        one.far.peer.mute()
        await asyncio.sleep(5.4)
        assert one.state() == "CONNECTED"
        await asyncio.sleep(0.2)
        assert one.story()[2] == "ERROR heartbeat_missed"


@virtually
async def test_a_peer_that_hears_nothing_is_told_no_goodbye(stage) -> None:
    """It could not answer one, and the next dial would wait for it."""
    async with stage() as one:
        await one.connect(retry=True)
        peer = one.far.peer
        peer.mute()
        await asyncio.sleep(7.6)
        assert one.story()[2] == "ERROR heartbeat_missed"
        assert peer.released
        await asyncio.sleep(1)
        assert one.state() == "CONNECTED"


@virtually
async def test_the_first_fault_stands(stage) -> None:
    async with stage() as one:
        await one.connect(retry=True)
        supervisor = one.link().supervisor
        supervisor.reconnect(Reason.ASKED, "first")
        supervisor.reconnect(Reason.DRAINING, "second")
        one.far.peer.drop()
        await one.quiet()
        assert one.story()[2] == "ERROR asked"


@pytest.mark.parametrize("step", ["dial", "login"])
@virtually
async def test_it_can_be_failed_during_its_handshake(stage, variant, step: str) -> None:
    def handshake(target, streams):
        yield spi.Open(target.urls[target.endpoint])
        yield spi.Receive(within=8.0)
        return spi.Session()

    async with stage(variant(gateway_handshake=handshake)) as one:
        one.network.on_dial = lambda _: Hang() if step == "dial" else Accept()
        one.connect(retry=True)
        await asyncio.sleep(2)
        one.link().supervisor.reconnect(Reason.ASKED, "asked for")
        await one.quiet()
        assert one.story() == ["CONNECTING asked", "ERROR asked", "RECONNECTING retry_due"]
        assert one.network.dialling == 0


class Clogged(MemoryNetwork):
    """Opens sockets that can be read and not written to."""

    async def open(self, step, *, max_frame):
        transport = await super().open(step, max_frame=max_frame)
        transport.send = self._fail
        return transport

    async def _fail(self, frame: object) -> None:
        raise TransportLost("no route", reason=Reason.UNREACHABLE)


@virtually
async def test_a_send_that_fails_says_why(stage) -> None:
    """Not that we dropped the socket, which is only what follows."""
    async with stage(network=Clogged()) as one:
        ear = await one.hear(TOPICS[0])
        assert one.story()[1] == "ERROR unreachable"
        assert ear.topic.status == "pending"
        assert [change.text for change in one.seen.changes if change.after == "ERROR"] == ["no route"]


@pytest.mark.parametrize("seed", range(10))
def test_a_login_that_cannot_be_sent_says_why(stage, variant, seed: int) -> None:
    """Whoever runs first, the one who waits for the answer or the one who is told of the failure."""

    def handshake(target, streams):
        yield spi.Open(target.urls[target.endpoint])
        yield spi.Send("login")
        yield spi.Receive()
        return spi.Session()

    async def main() -> None:
        async with stage(variant(gateway_handshake=handshake), network=Clogged()) as one:
            assert await one.connect() is False
            assert one.story()[1] == "ERROR unreachable"

    run(main(), seed=seed)


@virtually
async def test_an_attempt_that_never_came_up_has_not_worked(stage) -> None:
    async with stage() as one:
        await one.hear(TOPICS[0])
        one.far.trade("a", 1)
        await one.quiet()
        one.far.peer.drop()
        await one.quiet()
        assert one.state() == "RECONNECTING"
        assert one.link().connection.worked is False


@virtually
async def test_a_connection_that_came_up_and_said_nothing_has_not_worked(stage) -> None:
    """Else an exchange that greets and hangs up would be dialled once a second for ever."""
    async with stage() as one:
        await one.hear(TOPICS[0])
        one.far.ack_all()
        await one.quiet()
        one.far.peer.pong(b"unasked")
        one.far.peer.drop()
        await one.quiet()
        assert one.story()[1:3] == ["CONNECTED handshake_done", "ERROR connection_reset"]
        assert one.link().connection.worked is False


@virtually
async def test_a_datum_from_before_it_was_up_does_not_show_that_it_works(stage) -> None:
    async with stage() as one:
        await one.hear(TOPICS[0])
        one.far.trade("a", 1)
        one.far.ack_all()
        await one.quiet()
        one.far.peer.drop()
        await one.quiet()
        assert one.story()[1:3] == ["CONNECTED handshake_done", "ERROR connection_reset"]
        assert one.link().connection.worked is False


@virtually
async def test_a_datum_in_the_same_epoch_after_it_is_up_shows_that_it_works(stage) -> None:
    """Though the stream had delivered before, while others were still awaited."""
    async with stage() as one:
        await one.hear(TOPICS[0])
        one.far.trade("a", 1)
        one.far.ack_all()
        one.far.trade("a", 2)
        await one.quiet()
        one.far.peer.drop()
        await one.quiet()
        assert one.link().connection.worked is True


# --- what an old epoch says is not heard


@virtually
async def test_late_words_of_an_old_epoch_are_not_heard(stage) -> None:
    async with stage() as one:
        ear = await one.hear(TOPICS[0])
        one.far.ack_all()
        old = one.far
        await one.quiet()
        old.trade("a", 6)
        old.peer.drop()
        old.trade("a", 7)
        await asyncio.sleep(2)
        assert len(one.network.peers) == 2
        old.trade("a", 8)
        await one.quiet()
        assert [trade.id for trade in ear.records] == [6]
        assert one.far.asked() == [A], "the new one asks for itself alone"
        assert one.state() == "CONNECTING"


@virtually
async def test_an_ack_of_the_epoch_before_confirms_nothing(stage) -> None:
    async with stage() as one:
        ear = await one.hear(TOPICS[0])
        old_id = one.far.requests[0]["id"]
        one.far.peer.drop()
        await asyncio.sleep(2)
        one.far.say(op="ok", id=old_id + 1000)
        await one.quiet()
        assert (one.state(), ear.topic.status) == ("CONNECTING", "pending")


# --- cancelled in each phase, nothing is left


def login(target, streams):
    yield spi.Open(target.urls[target.endpoint])
    yield spi.Receive(within=8.0)
    return spi.Session(release=spi.Fetch("DELETE", "http://memory/session"))


@pytest.mark.parametrize("phase", ["fetch", "dial", "login", "restore", "live", "closing", "backoff"])
@virtually
async def test_a_disconnect_in_any_phase_leaves_nothing_open(stage, variant, phase: str) -> None:
    def handshake(target, streams):
        if phase == "fetch":
            yield spi.Fetch("POST", "http://memory/token")
        return (yield from login(target, streams))

    def on_dial(_):
        return {"dial": Hang(), "backoff": Refuse()}.get(phase, Accept(opened))

    def opened(peer) -> None:
        peer.close_takes = 1.0
        if phase != "login":
            peer.say("welcome")

    async with stage(variant(gateway_handshake=handshake)) as one:
        one.network.on_dial = on_dial
        one.network.on_fetch = lambda fetch: Hang() if phase == "fetch" else HttpReply(200)
        ear = await one.hear(TOPICS[0])
        hope = one.connect(retry=True)
        await one.quiet()
        if phase in {"live", "closing"}:
            one.far.ack_all()
            await one.quiet()
            assert one.state() == "CONNECTED"
        if phase == "closing":
            one.link().supervisor.reconnect(Reason.ASKED, "so that it closes")
            await one.quiet()
            assert one.state() == "ERROR"
        begun = asyncio.get_running_loop().time()
        await one.links.hold_down("mock/stream/0")
        assert asyncio.get_running_loop().time() - begun <= 3.5
        assert (one.state(), one.network.held, one.network.dialling) == ("DISCONNECTED", (), 0)
        assert await hope is (phase in {"live", "closing"})
        released = [asked.step.method for asked in one.network.fetches].count("DELETE")
        assert released == (phase in {"restore", "live"}), (
            "a session is given back when its connection is given up"
        )
        assert "live" not in ear.topic.status
        dials = len(one.network.dials)
        await asyncio.sleep(100)
        assert len(one.network.dials) == dials, "nothing dials until it is asked for"


@pytest.mark.parametrize(
    ("reply", "failed"), [(HttpReply(500), []), (Hang(), ["TimeoutError"]), (Refuse(), ["TransportLost"])]
)
@virtually
async def test_a_release_that_fails_holds_nothing_up(stage, variant, reply, failed) -> None:
    async with stage(variant(gateway_handshake=login)) as one:
        one.network.on_dial = lambda _: Accept(lambda peer: peer.say("welcome"))
        one.network.on_fetch = lambda _: reply
        await one.connect()
        begun = asyncio.get_running_loop().time()
        await one.links.hold_down("mock/stream/0")
        assert asyncio.get_running_loop().time() - begun <= 2.0
        assert [facts["text"] for facts in one.seen.noticed_of("release_failed")] == failed


@pytest.mark.parametrize("seed", range(10))
def test_an_ack_that_comes_while_it_is_being_left_revives_nothing(stage, seed: int) -> None:
    """The decision to leave and the cancellation are a turn of the event loop apart; frames may come between."""

    async def main() -> None:
        async with stage() as one:
            await one.hear(TOPICS[0])
            one.far.ack_all()
            farewell = one.links.hold_down("mock/stream/0")
            await farewell
            told = [step for step in one.story() if step != "CONNECTED handshake_done"]  # if the ack came before
            assert told == ["CONNECTING subscribed", "DISCONNECTING stopped", "DISCONNECTED stopped"]
            assert one.story()[-2:] == told[-2:]
            assert not one.seen.noticed_of("internal_error")

    run(main(), seed=seed)


@pytest.mark.parametrize("seed", range(20))
def test_an_end_that_comes_while_it_is_being_left_is_no_other_end(stage, variant, seed: int) -> None:
    async def main() -> None:
        async with stage(variant(gateway_handshake=login)) as one:
            one.network.on_dial = lambda _: Accept(lambda peer: peer.say("welcome"))
            one.network.on_fetch = lambda _: HttpReply(200)
            ear = await one.hear(TOPICS[0])
            one.far.ack_all()
            await one.quiet()
            loop = asyncio.get_running_loop()
            loop.call_at(5.0, partial(one.links.hold_down, "mock/stream/0"))
            loop.call_at(5.0, one.far.peer.drop)
            loop.call_at(5.0, partial(one.far.say, op="closing"))
            await asyncio.sleep(10)
            assert one.state() == "DISCONNECTED"
            told = ear.statuses[-1]
            if "DISCONNECTING stopped" in one.story():
                assert told == "disconnected stopped"
                assert [asked.step.method for asked in one.network.fetches] == ["DELETE"]
            else:
                assert told in {"disconnected connection_reset", "disconnected draining"}

    run(main(), seed=seed)


def fetched(target, streams):
    yield spi.Fetch("POST", "http://memory/token", cost={"mock-weight": 1})
    return (yield from login(target, streams))


@pytest.mark.parametrize("close_takes", [0.0, 2.0, inf])
def test_a_disconnect_at_any_turn_of_the_event_loop_leaves_nothing_open(
    stage, variant, close_takes: float
) -> None:
    """From before the first step of the handshake to well into the service; a turn is as fine as it gets."""
    ends = set()

    async def main(turns: int) -> bool:
        async with stage(variant(gateway_handshake=fetched)) as one:

            def opened(peer) -> None:
                peer.close_takes = close_takes
                peer.say("welcome")

            one.network.on_dial = lambda _: Accept(opened)
            one.network.on_fetch = lambda _: HttpReply(200)
            hope = one.connect(retry=True)
            ear = await one.hear_now(TOPICS[0])
            for _ in range(turns):
                await asyncio.sleep(0)
                if one.network.peers and one.far.asked():
                    one.far.ack_all()
            ends.add(one.state())
            farewell = one.links.hold_down("mock/stream/0")
            begun = one.ground.now()
            await farewell
            assert one.ground.now() - begun <= 3.5
            assert (one.state(), one.network.held, one.network.dialling) == ("DISCONNECTED", (), 0)
            assert ear.topic.status != "live"
            left = [task.get_name() for task in asyncio.all_tasks()]
            assert not [name for name in left if "epoch" in name or "writer" in name or "snapshot" in name]
            assert not one.seen.noticed_of("internal_error")
            return await hope

    came_up = [run(main(turns), seed=turns) for turns in range(60)]
    assert came_up[0] is False
    assert came_up[-1] is True
    assert ends == {"DISCONNECTED", "CONNECTING", "CONNECTED"}


# --- a plugin that is broken


def raising(name: str, exc: type[Exception] = KeyError, **other: object) -> type[MockDialect]:
    def method(*_: object) -> None:
        raise exc("secret")

    return type("Broken", (MockDialect,), {name: method, **other})


class Strange(MockDialect):
    """Builds requests that do not say what they are."""

    def subscribe(self, streams, /):
        return [spi.Request(frame="x", streams=tuple(streams))]


class Wordless(MockDialect):
    """Reports trades that are none."""

    def decode(self, payload, _binary, /):
        yield spi.Data("trades.a", ["no trade", "no trade"])


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (raising("stream"), "its dialect raised KeyError"),
        (raising("decode"), "its dialect raised KeyError"),
        (raising("subscribe"), "gateway_restore_subscriptions raised KeyError"),
        (raising("ping"), "its dialect raised KeyError in ping"),
        (Wordless, "its dialect reports data that cannot be used (AttributeError)"),
        (Strange, "gateway_restore_subscriptions names streams in a request whose op is 'other'"),
    ],
)
@virtually
async def test_a_dialect_that_breaks_the_contract_is_named_and_tried_a_few_times(
    stage, variant, make, problem
) -> None:
    async with stage(variant(make)) as one:
        one.network.on_dial = lambda _: Accept(lambda peer: asyncio.get_running_loop().call_soon(speak, peer))

        def speak(peer) -> None:
            peer.say('{"stream":"trades.a","data":[]}')

        ear = await one.hear(TOPICS[0])
        await asyncio.sleep(200)
        errors = [one.text for one in one.seen.changes if one.after == "ERROR"]
        assert len(errors) == 5, "a broken plugin is given up, and nobody dials for ever"
        assert all(problem in error and "secret" not in error for error in errors)
        assert one.state() == "DISCONNECTED"
        assert problem in ear.statuses[-1]
        assert ear.topic.status == "closed"
        assert not one.seen.noticed_of("internal_error")


@pytest.mark.parametrize(
    ("hook", "answer", "problem"),
    [
        ("gateway_dialect", lambda: 1, "gateway_dialect must return a Dialect, not int"),
        (
            "gateway_heartbeat_interval",
            lambda: -1.0,
            "gateway_heartbeat_interval must return seconds above 0, not -1.0",
        ),
        ("gateway_handshake", lambda: 1, "gateway_handshake must return a generator, not int"),
        ("gateway_restore_subscriptions", lambda: "x", "must return a sequence, not str"),
    ],
)
@virtually
async def test_a_hook_that_breaks_the_contract_leaves_no_socket(stage, variant, hook, answer, problem) -> None:
    async with stage(variant(**{hook: answer})) as one:
        hope = one.connect()
        assert await hope is False
        [error] = [change for change in one.seen.changes if change.after == "ERROR"]
        assert problem in error.text
        assert error.reason is Reason.PLUGIN_ERROR
        assert one.network.held == ()


@virtually
async def test_a_classify_that_raises_is_told_and_the_usual_verdict_holds(stage, variant) -> None:
    def classify(fault):
        raise KeyError

    async with stage(variant(gateway_classify=classify)) as one:
        one.network.on_dial = lambda _: RefuseUpgrade(401)
        assert await one.connect(retry=True) is False
        assert one.view().fatal
        assert "gateway_classify raised KeyError" in str(one.seen.noticed_of("plugin_error"))


# --- keepalives and the end of a session


def session(**facts: object):
    def handshake(target, streams):
        yield spi.Open(target.urls[target.endpoint])
        return spi.Session(**facts)

    return handshake


@virtually
async def test_a_session_is_kept_alive_and_replaced_before_it_ends(stage, variant) -> None:
    renew = spi.Keepalive(every=30.0, make=lambda: spi.Fetch("PUT", "http://memory/key"))
    nod = spi.Keepalive(every=20.0, make=lambda: spi.Request(frame="still here", cost={"mock-messages": 1}))
    plugin = variant(gateway_handshake=session(keepalives=(renew, nod), expires_in=100.0))
    async with stage(plugin) as one:
        one.network.on_fetch = lambda _: HttpReply(200)
        await one.connect(retry=True)
        await asyncio.sleep(64.7)
        assert [asked.at for asked in one.network.fetches] == pytest.approx([30.0, 60.0], abs=0.01)
        assert one.far.peer.sent == ["still here"] * 3
        await asyncio.sleep(5)
        assert one.story() == ["CONNECTING asked", "CONNECTED handshake_done", "CONNECTED rollover"]
        assert one.registry.history(one.link().connection.id)[-1].text == "it is of age"


@virtually
async def test_a_session_that_cannot_be_replaced_without_a_gap_is_replaced_with_one(stage, variant) -> None:
    plugin = variant(gateway_handshake=session(expires_in=100.0))
    async with stage(plugin) as one:
        await one.connect(retry=True)
        one.network.on_dial = lambda _: Refuse()
        await asyncio.sleep(89.9)
        assert one.story() == ["CONNECTING asked", "CONNECTED handshake_done"]
        assert one.seen.noticed_of("rollover_failed")
        one.network.on_dial = lambda _: Accept()
        await asyncio.sleep(0.2)
        assert one.story()[2] == "ERROR session_lost"
        await asyncio.sleep(2)
        assert one.state() == "CONNECTED", "the next one follows within a second"


@virtually
async def test_the_session_says_how_to_ping_unless_the_operator_does(stage, variant) -> None:
    plugin = variant(gateway_handshake=session(heartbeat_interval=8.0, heartbeat_timeout=1.0))
    async with stage(plugin) as one:
        await one.connect(retry=True)
        assert one.link().connection.heartbeat_interval == 8.0
        one.far.peer.mute()
        await asyncio.sleep(8.9)
        assert one.state() == "CONNECTED"
        one.ground.pace.heartbeat_interval = 2.0  # of the next epoch, which may follow at once
        await asyncio.sleep(0.2)
        assert one.story()[2] == "ERROR heartbeat_missed"
        await asyncio.sleep(5)
        assert one.link().connection.heartbeat_interval == 2.0


@virtually
async def test_an_operator_changes_the_pace_while_it_runs(stage) -> None:
    async with stage() as one:
        await one.connect()
        await asyncio.sleep(0.5)
        one.ground.pace.heartbeat_interval = 1.0
        one.link().connection.serving.pace_changed()
        await asyncio.sleep(3.6)
        assert len(one.far.peer.pings) == 4


@virtually
async def test_a_text_that_is_no_utf8_is_answered_with_the_code_for_that(stage) -> None:
    async with stage() as one:
        [ear] = await one.hear_all(TOPICS[0])
        one.far.ack_all()
        await one.quiet()
        far = one.far
        far.peer.put(Kind.TEXT, b"\xc3\x28\xff")
        await one.quiet()
        assert one.story()[2] == "ERROR protocol_error"
        assert one.seen.changes[2].text == "a text that is no UTF-8: byte 0 of 3 is 0xc3"
        assert ear.statuses[-1] == "disconnected protocol_error"
        assert far.peer.close_code == 1007
        await asyncio.sleep(2)
        assert one.state() in {"CONNECTING", "CONNECTED"}, "it is dialled again"


@virtually
async def test_other_nonsense_is_counted_and_costs_nothing(stage) -> None:
    async with stage() as one:
        await one.hear(TOPICS[0])
        one.far.ack_all()
        one.far.peer.say("no json")
        one.far.peer.say(b"\xc3\x28\xff")
        await one.quiet()
        assert one.state() == "CONNECTED"
        assert one.link().connection.counted().undecodable == 2
