"""Which connections exist, what each carries, and when one is given up or left down."""

import asyncio
from dataclasses import replace

import pytest

from gateway import spi
from gateway.engine.observer import DRAIN
from gateway.errors import LoginRefused
from gateway.runtime import links as module
from gateway.testing.memory import Accept, Hang, Refuse, RefuseUpgrade
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO

FIRST, SECOND = "mock/stream/0", "mock/stream/1"


def small() -> spi.ExchangeInfo:
    """Return declarations by which a connection carries two streams."""
    stream, *others = INFO.endpoints
    return replace(INFO, endpoints=(replace(stream, max_streams=2), *others))


# --- where streams are placed


@virtually
async def test_a_full_connection_opens_the_next_and_room_is_used_again(stage, variant) -> None:
    async with stage(variant(gateway_exchange_info=small)) as one:
        ears = [await one.hear(f"mock:trades:{symbol}") for symbol in "abcde"]
        assert {id_: sorted(link.connection.feeds) for id_, link in one.links.all.items()} == {
            FIRST: ["trades.a", "trades.b"],
            SECOND: ["trades.c", "trades.d"],
            "mock/stream/2": ["trades.e"],
        }
        assert len(one.network.open_peers) == 3
        ears[0].leave()
        await one.hear("mock:trades:f")
        assert sorted(one.link(FIRST).connection.feeds) == ["trades.b", "trades.f"]


@virtually
async def test_a_stream_stays_where_it_is(stage, variant) -> None:
    async with stage(variant(gateway_exchange_info=small)) as one:
        for symbol in "abc":
            await one.hear(f"mock:trades:{symbol}")
        one_of_first = await one.hear("mock:raw:trades.c")
        assert sorted(one.link(SECOND).connection.feeds) == ["trades.c"]
        assert one_of_first.topic.subscription.symbol == "trades.c"


@virtually
async def test_an_account_has_a_connection_of_its_own(stage) -> None:
    class Signer:
        api_key = "key"

        def hmac_sha256(self, message: bytes) -> bytes:
            return b""

    async with stage(accounts={"main": Signer(), "spare": Signer()}) as one:
        one.network.on_dial = lambda _: Accept(lambda peer: peer.say('{"op":"hello","nonce":"1"}'))
        for topic in ("mock:orders:@main", "mock:balances:@main", "mock:orders:@spare", "mock:trades:a"):
            await one.hear(topic)
        assert sorted(one.links.all) == ["mock/private@main", "mock/private@spare", FIRST]
        assert sorted(one.link("mock/private@main").connection.feeds) == ["balances", "orders"]
        assert one.view("mock/private@main").account == "main"
        assert [asked.step.url for asked in one.network.dials].count("ws://memory/private") == 2


# --- when one is drained


@virtually
async def test_one_that_drains_gets_no_new_stream_and_closes_with_its_last(stage) -> None:
    async with stage() as one:
        first = await one.hear("mock:trades:a")
        assert one.links.drain(FIRST)
        again = await one.hear("mock:raw:trades.a")
        await one.hear("mock:trades:b")
        assert sorted(one.link(FIRST).connection.feeds) == ["trades.a"]
        assert sorted(one.link(SECOND).connection.feeds) == ["trades.b"]
        first.leave()
        await asyncio.sleep(1)
        assert FIRST in one.links.all
        again.leave()
        await asyncio.sleep(10)
        assert list(one.links.all) == [SECOND]
        [told] = one.seen.noticed_of(DRAIN)
        assert 1_000_000 <= told["at_us"] - told["begun_us"] < 1_100_000
        await one.hear("mock:trades:c")  # its number is free again
        assert sorted(one.link(FIRST).connection.feeds) == ["trades.c"]


@virtually
async def test_one_that_only_an_operator_wanted_is_closed_when_it_drains(stage) -> None:
    async with stage() as one:
        place = one.links.get(INFO.endpoints[0], 0)
        assert await one.links.connect(place, retry=True, anew=False)
        assert one.links.drain(FIRST)
        await asyncio.sleep(10)
        assert not one.links.all
        assert len(one.seen.noticed_of(DRAIN)) == 1


@virtually
async def test_asking_for_one_that_drains_ends_that(stage) -> None:
    async with stage() as one:
        await one.hear("mock:trades:a")
        one.links.drain(FIRST)
        assert await one.links.connect(one.link(FIRST), retry=True, anew=False)
        await one.hear("mock:trades:b")
        assert sorted(one.link(FIRST).connection.feeds) == ["trades.a", "trades.b"]
        assert one.links.hold_down(FIRST) is not None
        await asyncio.sleep(10)
        assert one.seen.noticed_of(DRAIN) == []


@virtually
async def test_the_connection_of_an_account_cannot_drain(stage) -> None:
    class Signer:
        api_key = "key"

        def hmac_sha256(self, message: bytes) -> bytes:
            return b""

    async with stage(accounts={"main": Signer()}) as one:
        one.network.on_dial = lambda _: Accept(lambda peer: peer.say('{"op":"hello","nonce":"1"}'))
        await one.hear("mock:orders:@main")
        assert not one.links.drain("mock/private@main")
        await one.hear("mock:balances:@main")
        assert sorted(one.link("mock/private@main").connection.feeds) == ["balances", "orders"]
        with pytest.raises(KeyError):
            one.links.drain("mock/stream/7")


# --- when one is given up


@virtually
async def test_an_idle_connection_is_closed_and_forgotten(stage) -> None:
    async with stage() as one:
        first, second = await one.hear_all("mock:trades:a", "mock:trades:b")
        one.far.ack_all()
        await one.quiet()
        first.leave()
        await asyncio.sleep(10)
        assert one.state() == "CONNECTED"
        second.leave()
        await asyncio.sleep(5)
        assert (one.state(), one.links.all, one.network.held) == ("", {}, ())
        assert one.story()[-2:] == ["DISCONNECTING idle", "DISCONNECTED idle"]
        assert not [task for task in asyncio.all_tasks() if "supervisor" in task.get_name()]


@pytest.mark.parametrize("outcome", [Refuse(), Hang()])
@virtually
async def test_one_that_nobody_wants_any_more_is_not_dialled_again(stage, outcome) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: outcome
        ear = await one.hear("mock:trades:a")
        await asyncio.sleep(5)
        ear.leave()
        await asyncio.sleep(5)
        dials = len(one.network.dials)
        assert (one.links.all, one.registry.snapshot.supervised) == ({}, {})
        await asyncio.sleep(100)
        assert len(one.network.dials) == dials


@virtually
async def test_one_that_is_wanted_again_while_it_closes_is_dialled_anew(stage) -> None:
    async with stage() as one:
        ear = await one.hear("mock:trades:a")
        one.far.ack_all()
        one.far.peer.close_takes = 2.0
        await one.quiet()
        ear.leave()
        await asyncio.sleep(1)
        assert one.state() == "DISCONNECTING"
        again = await one.hear("mock:trades:a")
        await asyncio.sleep(2)
        assert one.far.asked() == ["trades.a"]
        one.far.ack_all()
        await one.quiet()
        assert (one.state(), again.topic.status) == ("CONNECTED", "live")


@virtually
async def test_a_million_visits_leave_nothing(stage) -> None:
    """Well, two hundred; each makes and forgets a connection."""
    async with stage() as one:
        tasks = len(asyncio.all_tasks())
        for _ in range(200):
            ear = await one.hear("mock:trades:a")
            ear.leave()
            await asyncio.sleep(5)
        assert (one.links.all, one.registry.snapshot.supervised, one.registry._histories) == ({}, {}, {})
        assert len(asyncio.all_tasks()) == tasks
        assert one.network.held == ()


# --- operators


@virtually
async def test_an_operator_keeps_an_idle_connection_up(stage) -> None:
    async with stage() as one:
        assert await one.connect()
        ear = await one.hear("mock:trades:a")
        ear.leave()
        await asyncio.sleep(100)
        assert one.state() == "CONNECTED"
        assert len(one.network.dials) == 1


@virtually
async def test_an_attempt_that_fails_leaves_nothing(stage) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: Refuse()
        assert await one.connect() is False
        await one.quiet()
        assert (one.links.all, one.registry.snapshot.supervised) == ({}, {})


@virtually
async def test_an_attempt_that_fails_leaves_the_streams_wish_and_nothing_else(stage) -> None:
    """The streams go on; the operator's wish is over, so that the last stream's end is the connection's."""
    async with stage() as one:
        one.network.on_dial = lambda _: Refuse()
        ear = await one.hear("mock:trades:a")
        assert await one.connect() is False
        await asyncio.sleep(5)
        assert one.state() in {"RECONNECTING", "CONNECTING"}
        one.network.on_dial = lambda _: Accept()
        await asyncio.sleep(40)
        one.far.ack_all()
        await one.quiet()
        assert one.state() == "CONNECTED"
        ear.leave()
        await asyncio.sleep(5)
        assert one.links.all == {}


@virtually
async def test_with_retry_it_is_tried_until_it_works(stage) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: Refuse()
        hope = one.connect(retry=True)
        await asyncio.sleep(100)
        assert not hope.done()
        one.network.on_dial = lambda _: Accept()
        assert await hope is True


@virtually
async def test_one_of_two_operators_is_disappointed_and_the_other_goes_on_hoping(stage) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: Refuse()
        brief, patient = one.connect(), one.connect(retry=True)
        assert await brief is False
        await asyncio.sleep(10)
        assert not patient.done()
        assert one.state() in {"RECONNECTING", "CONNECTING"}
        one.network.on_dial = lambda _: Accept()
        assert await patient is True


@virtually
async def test_a_connect_and_a_disconnect_in_one_step_leave_nothing(stage) -> None:
    async with stage() as one:
        hope = one.connect()
        one.links.hold_down(FIRST)
        assert await hope is False
        await asyncio.sleep(1)
        assert (one.links.all, len(one.network.dials)) == ({}, 0)


@virtually
async def test_a_success_and_a_disconnect_in_one_step_leave_nothing(stage) -> None:
    async with stage() as one:
        hope = one.connect()
        hope.add_done_callback(lambda _: one.links.hold_down(FIRST))
        assert await hope is True
        await asyncio.sleep(10)
        assert (one.links.all, one.network.held) == ({}, ())


@virtually
async def test_a_connection_that_is_held_down_stays_down_whatever_streams_want(stage) -> None:
    async with stage() as one:
        ear = await one.hear("mock:trades:a")
        one.far.ack_all()
        await one.quiet()
        await one.links.hold_down(FIRST)
        assert ear.statuses == ["live", "disconnected stopped"]
        await one.hear("mock:trades:b")
        await asyncio.sleep(100)
        assert (one.state(), len(one.network.dials)) == ("DISCONNECTED", 1)
        one.connect()
        await one.quiet()
        assert one.far.asked() == ["trades.a", "trades.b"]


@pytest.mark.parametrize("known", [False, True])
@virtually
async def test_a_hold_outlives_the_connection(stage, known: bool) -> None:
    async with stage() as one:
        if known:
            await one.connect()
        farewell = one.links.hold_down(FIRST)
        assert (farewell is not None) is known
        await asyncio.sleep(5)
        assert one.links.all == {}
        await one.hear("mock:trades:a")
        await asyncio.sleep(100)
        assert (one.state(), len(one.network.dials)) == ("DISCONNECTED", int(known))


@virtually
async def test_without_auto_a_connection_that_ends_is_not_dialled_again(stage) -> None:
    async with stage() as one:
        one.links.set_auto(FIRST, enabled=False)
        assert one.links.all == {}, "to say so makes no connection"
        assert await one.connect()
        one.far.peer.drop()
        await asyncio.sleep(100)
        assert (one.state(), len(one.network.dials)) == ("DISCONNECTED", 1)
        one.links.set_auto(FIRST, enabled=True)
        assert await one.connect()
        one.far.peer.drop()
        await asyncio.sleep(5)
        assert (one.state(), len(one.network.dials)) == ("CONNECTED", 3)


@virtually
async def test_auto_can_be_switched_while_it_runs(stage) -> None:
    async with stage() as one:
        assert await one.connect()
        one.links.set_auto(FIRST, enabled=False)
        one.far.peer.drop()
        await asyncio.sleep(100)
        assert one.state() == "DISCONNECTED"


# --- what only a person can help with


@virtually
async def test_a_fatal_fault_closes_every_topic_with_its_reason_and_nothing_dials_until_asked(stage) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: RefuseUpgrade(401)
        first, second = await one.hear_all("mock:trades:a", "mock:trades:b")
        assert (one.state(), one.view().fatal) == ("DISCONNECTED", True)
        assert first.statuses == second.statuses == ["closed HTTP status 401"]
        late = await one.hear("mock:trades:c")
        assert (late.topic.status, late.topic.reason) == ("closed", "HTTP status 401"), "at once"
        await asyncio.sleep(1000)
        assert len(one.network.dials) == 1
        one.network.on_dial = lambda _: Accept()
        one.connect()
        await one.quiet()
        assert [ear.statuses[-1] for ear in (first, second, late)] == ["pending"] * 3
        assert one.far.asked() == ["trades.a", "trades.b", "trades.c"]
        one.far.ack_all()
        await one.quiet()
        assert [ear.statuses[-1] for ear in (first, second, late)] == ["live"] * 3


@virtually
async def test_a_fatal_fault_is_remembered_when_its_connection_is_forgotten(stage, variant) -> None:
    """Else clients that come and go would have a bad key tried again and again, until the address is banned."""

    def handshake(target, streams):
        yield spi.Open(target.urls[target.endpoint])
        raise LoginRefused("no such key")

    async with stage(variant(gateway_handshake=handshake)) as one:
        for _ in range(5):
            ear = await one.hear("mock:trades:a")
            assert (ear.topic.status, ear.topic.reason) == ("closed", "no such key")
            ear.leave()
            await asyncio.sleep(60)
            assert one.links.all == {}
        assert len(one.network.dials) == 1
        assert await one.connect() is False, "an operator's wish is another matter"
        assert len(one.network.dials) == 2


@virtually
async def test_a_failed_attempt_of_an_operator_that_is_fatal_leaves_nothing_either(stage) -> None:
    async with stage() as one:
        one.network.on_dial = lambda _: RefuseUpgrade(401)
        assert await one.connect() is False
        await one.quiet()
        assert one.links.all == {}


# --- the end


@virtually
async def test_a_stop_closes_all_at_once_and_nothing_is_dialled_after_it(stage, variant) -> None:
    one = stage(variant(gateway_exchange_info=small))
    await one.__aenter__()
    one.network.on_dial = lambda _: Accept(lambda peer: setattr(peer, "close_takes", 2.0))
    for symbol in "abcdef":
        await one.hear(f"mock:trades:{symbol}")
    begun = one.ground.now()
    await one.exchange.stop()
    assert one.ground.now() - begun == pytest.approx(2.0, abs=0.1)
    late = await one.hear("mock:trades:g")
    assert late.topic.status == "pending"
    assert await one.connect(9) is False
    await asyncio.sleep(10)
    assert len(one.network.dials) == 3
    assert not [task for task in asyncio.all_tasks() if "supervisor" in task.get_name()]


@virtually
async def test_a_supervisor_that_dies_is_said_aloud(stage) -> None:
    with pytest.MonkeyPatch.context() as patch:

        async def run(self) -> None:
            raise ZeroDivisionError

        patch.setattr(module.Supervisor, "run", run)
        one = stage()
        one.connect()
        await one.quiet()
        assert one.seen.noticed_of("internal_error") == [{"error": "ZeroDivisionError()"}]
