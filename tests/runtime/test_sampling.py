"""A connection's figures: counters that outlive epochs, ages that do not, and whether an epoch has worked."""

import asyncio

import pytest

from gateway.testing.virtual import virtually


@virtually
async def test_counters_grow_over_epochs_and_are_up_to_date_whenever_somebody_asks(stage) -> None:
    async with stage() as one:
        await one.hear("mock:trades:a")
        one.far.ack_all()
        one.far.peer.ping(b"x")
        one.far.peer.say("nonsense")
        one.far.trade("b", 1)
        one.far.trade("a", 1)
        await one.quiet()
        first = one.link().connection.counted()
        expected = {
            "dials": 1,
            "messages_received": 4,
            "messages_sent": 1,
            "pings_received": 1,
            "pongs_received": 0,
            "decoded": 3,
            "undecodable": 1,
            "unheard": 1,
        }
        assert {name: getattr(first, name) for name in expected} == expected
        assert first.bytes_sent == len(one.far.peer.sent[0])
        one.far.peer.drop()
        await asyncio.sleep(2)
        one.far.ack_all()
        one.far.trade("a", 2)
        await asyncio.sleep(5.5)
        second = one.link().connection.counted()
        assert (second.dials, second.messages_received, second.messages_sent) == (2, 6, 2)
        assert (second.pings_sent, second.pongs_received) == (1, 1)


@virtually
async def test_ages_are_exact_to_a_second_and_begin_anew_with_each_epoch(stage) -> None:
    async with stage() as one:
        await one.hear("mock:trades:a")
        one.far.ack_all()
        await asyncio.sleep(20)
        one.far.trade("a", 1)
        await asyncio.sleep(11.5)
        ages = one.link().connection.ages
        assert ages.message_at == pytest.approx(20.0, abs=1.01)
        assert ages.streams == {"trades.a": pytest.approx(20.0, abs=1.01)}
        assert ages.pong_at == pytest.approx(30.0, abs=0.01)
        assert ages.round_trip == pytest.approx(0.0, abs=0.001)
        one.far.peer.drop()
        await asyncio.sleep(2)
        connection = one.link().connection
        assert (connection.ages.pong_at, connection.ages.streams) == (None, {})
        assert connection.earlier.streams == {"trades.a": pytest.approx(20.0, abs=1.01)}, "for those who look"


@virtually
async def test_a_pong_shows_that_a_quiet_connection_works(stage) -> None:
    async with stage() as one:
        await one.connect(retry=True)
        await asyncio.sleep(6)
        one.far.peer.drop()
        await one.quiet()
        assert one.link().connection.worked is True
        retry_at = (one.view().retry_at_us - one.wall_us()) / 1e6
        assert 0 <= retry_at <= 1.0, "dialled again within a second"


@virtually
async def test_a_stream_that_came_after_it_was_up_shows_that_it_works(stage) -> None:
    async with stage() as one:
        await one.connect(retry=True)
        await one.hear("mock:trades:a")
        one.far.trade("a", 1)
        await one.quiet()
        one.far.peer.drop()
        await one.quiet()
        assert one.link().connection.worked is True


@virtually
async def test_how_its_streams_sound_follows_what_it_carries(stage) -> None:
    async with stage() as one:
        trades, raw = await one.hear_all("mock:trades:a", "mock:raw:trades.b")
        assert one.link().connection.rhythms == {"continuous", "sparse"}
        trades.leave()
        assert one.link().connection.rhythms == {"sparse"}
        assert raw.topic.status == "pending"


@virtually
async def test_what_is_used_of_the_addresss_limits_is_told(stage) -> None:
    async with stage() as one:
        assert one.exchange.used == {"mock-dials": (0, 300), "mock-weight": (0, 1200)}
        await one.connect()
        one.exchange.look_at_limits(one.ground.now())
        assert one.exchange.used == {"mock-dials": (1, 300), "mock-weight": (0, 1200)}


@virtually
async def test_what_a_connection_counted_outlives_it(stage) -> None:
    async with stage() as one:
        topic = await one.hear("mock:trades:a")
        one.far.ack_all()
        one.far.trade("a", 1)
        await one.quiet()
        links = one.exchange.links
        assert links.past.messages_received == 0
        one.exchange.close(topic.topic)
        await asyncio.sleep(5)
        assert not links.all
        assert (links.past.dials, links.past.messages_received) == (1, 2)
