"""What each thing that a dialect reports, other than data, leads to."""

import asyncio

import pytest

from gateway import spi
from gateway.errors import Reason
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockDialect

A, B = "trades.a", "trades.b"
RETRY, STOP, RECONNECT = spi.Action.RETRY, spi.Action.STOP, spi.Action.RECONNECT


class Telling(MockDialect):
    """Reports whatever stands in ``events`` at each frame ``event``."""

    events: list[spi.Event] = []  # noqa: RUF012  # each test makes a class of its own

    def decode(self, payload, binary, /):
        return list(self.events) if payload == b"event" else super().decode(payload, binary)


@pytest.fixture
def tell(stage, variant):
    """Play: two topics that are live, and events that the exchange then reports."""

    async def play(*events: spi.Event, acked: bool = True):
        dialect = type("Telling", (Telling,), {"events": list(events)})
        one = stage(variant(dialect))
        await one.__aenter__()
        one.ears = await one.hear_all("mock:trades:a", "mock:trades:b")
        if acked:
            one.far.ack_all()
            await one.quiet()
            assert one.state() == "CONNECTED"
        one.far.peer.say("event")
        await one.quiet()
        return one

    return play


def verdict(action, scope=spi.Scope.STREAM, **more):
    return spi.Verdict(action=action, scope=scope, text="they said so", **more)


def error(one) -> tuple[str, str]:
    """Return how the epoch ended."""
    [change] = [change for change in one.seen.changes if change.after == "ERROR"]
    return str(change.reason), change.text


@virtually
async def test_a_heartbeat_is_heard_and_leads_to_nothing(tell) -> None:
    one = await tell(spi.Heartbeat(3))
    assert (one.state(), one.far.requests[1:]) == ("CONNECTED", [])
    assert one.link().connection.counted().messages_received == 2
    await one.__aexit__()


@virtually
async def test_a_reply_is_sent_at_once(tell) -> None:
    one = await tell(spi.Reply('{"op":"pong"}'))
    assert one.far.requests[-1] == {"op": "pong"}
    await one.__aexit__()


@virtually
async def test_a_reply_that_is_no_frame_is_the_plugins_fault(tell) -> None:
    one = await tell(spi.Reply({"op": "pong"}))
    assert error(one)[0] == "plugin_error"
    await one.__aexit__()


@pytest.mark.parametrize(
    ("event", "reason", "text"),
    [
        (spi.SessionLost(spi.Scope.SESSION, "key expired"), "session_lost", "key expired"),
        (spi.Problem(verdict(RECONNECT), "moved"), "closed_by_peer", "moved"),
        (spi.Problem(verdict(RECONNECT, reason=Reason.RATE_LIMITED)), "rate_limited", "they said so"),
        (spi.Nack(1, "subscribe", verdict(RECONNECT)), "closed_by_peer", "they said so"),
        (spi.Nack(None, "subscribe", verdict(RETRY, spi.Scope.CONNECTION)), "", ""),
        (spi.Nack(1, "subscribe", verdict(spi.Action.RESUBSCRIBE, spi.Scope.SESSION)), "closed_by_peer", ""),
    ],
)
@virtually
async def test_what_means_that_the_connection_is_over_ends_it(tell, event, reason, text) -> None:
    one = await tell(event)
    if reason:
        assert error(one)[0] == reason
        assert text in error(one)[1]
        assert one.state() == "RECONNECTING"
    else:
        assert one.state() == "CONNECTED"
    await one.__aexit__()


@virtually
async def test_an_exchange_that_is_about_to_close_is_left_at_once_where_nothing_is_restored_yet(tell) -> None:
    one = await tell(spi.Draining(5.0), acked=False)
    assert error(one) == ("draining", "the exchange is about to close")
    await one.__aexit__()


@virtually
async def test_an_exchange_that_is_about_to_close_is_left_for_another_connection(tell) -> None:
    one = await tell(spi.Draining(5.0), spi.Draining(5.0))
    assert (one.state(), one.network.accepted) == ("CONNECTED", 2)
    one.far.ack_all()
    await asyncio.sleep(1.2)
    assert one.story()[2:] == ["CONNECTED rollover"]
    assert one.registry.history("mock/stream/0")[-1].text == "the exchange is about to close"
    assert [ear.statuses for ear in one.ears] == [["live"], ["live"]]
    await one.__aexit__()


@virtually
async def test_what_nobody_can_help_with_but_a_person_stops_it(tell) -> None:
    one = await tell(spi.Problem(verdict(STOP, spi.Scope.ACCOUNT), "account closed"))
    assert (one.state(), one.view().fatal) == ("DISCONNECTED", True)
    assert [ear.statuses[-1] for ear in one.ears] == ["closed they said so"] * 2
    await one.__aexit__()


@pytest.mark.parametrize("action", [RETRY, spi.Action.RESUBSCRIBE])
@virtually
async def test_a_harmless_problem_is_told_and_ends_nothing(tell, action) -> None:
    one = await tell(spi.Problem(verdict(action), "slow today"), spi.Problem(verdict(action)))
    assert one.state() == "CONNECTED"
    assert [facts["text"] for facts in one.seen.noticed_of("problem")] == ["slow today", "they said so"]
    await one.__aexit__()


@virtually
async def test_a_harmless_problem_may_still_ask_the_whole_address_to_be_quiet(tell) -> None:
    one = await tell(spi.Problem(verdict(RETRY, spi.Scope.IP, after=30.0)))
    budgets = one.budgets.for_connection(one.ground.info.limits, None)
    assert one.state() == "CONNECTED"
    assert budgets.wait({"mock-dials": 1}, one.ground.now()) == pytest.approx(30.0, abs=0.01)
    await one.__aexit__()


# --- refusals


@virtually
async def test_a_refused_request_of_several_is_asked_in_halves_until_the_wrong_one_stands_alone(tell) -> None:
    one = await tell(spi.Nack(None, "subscribe", verdict(STOP)), acked=False)
    assert [request["streams"] for request in one.far.requests] == [[A, B], [A], [B]]
    one.far.ack(A)
    one.far.peer.say("event")
    await one.quiet()
    assert [ear.statuses for ear in one.ears] == [["live"], ["closed they said so"]]
    assert one.state() == "CONNECTED"
    await one.__aexit__()


@virtually
async def test_a_refusal_because_of_our_clock_has_it_looked_at_and_is_asked_again(tell) -> None:
    one = await tell(spi.Nack(None, "subscribe", verdict(spi.Action.RESYNC_CLOCK)), acked=False)
    assert [asked.step.url for asked in one.network.fetches] == ["http://memory/time"]
    assert one.state() == "CONNECTING"
    assert [request["streams"] for request in one.far.requests] == [[A, B], [A], [B]]
    await one.__aexit__()


@virtually
async def test_a_refusal_that_answers_nothing_of_ours_changes_nothing(tell) -> None:
    one = await tell(spi.Nack(99, "subscribe", verdict(STOP)))
    assert (one.state(), [ear.topic.status for ear in one.ears]) == ("CONNECTED", ["live", "live"])
    assert one.link().connection.ledger.late == 1
    await one.__aexit__()


# --- streams that the exchange ends, and holes that it shows


@virtually
async def test_a_revoked_stream_is_asked_for_again(tell) -> None:
    one = await tell(spi.Revoked(A, "maintenance"))
    first, second = one.ears
    assert first.statuses == ["live", "disconnected stream_revoked"]
    assert second.statuses == ["live"]
    assert one.far.asked() == [A, B, A]
    one.far.ack(A)
    await one.quiet()
    assert first.statuses[2:] == ["restored stream_revoked", "live"]
    assert one.state() == "CONNECTED"
    await one.__aexit__()


@virtually
async def test_a_stream_that_is_revoked_for_good_is_closed(tell) -> None:
    one = await tell(spi.Revoked(A, "delisted", again=False))
    await asyncio.sleep(100)
    assert one.ears[0].statuses == ["live", "disconnected stream_revoked", "closed delisted"]
    assert one.far.asked() == [A, B]
    await one.__aexit__()


@virtually
async def test_a_stream_that_nobody_wants_may_be_revoked(tell) -> None:
    one = await tell(spi.Revoked("trades.zzz", "delisted"))
    assert one.state() == "CONNECTED"
    await one.__aexit__()


@pytest.mark.parametrize(
    ("streams", "hit"), [(spi.ALL, [True, True]), ((B,), [False, True]), (("trades.zzz",), [False, False])]
)
@virtually
async def test_a_loss_is_told_before_the_next_datum_of_what_it_hit(tell, streams, hit) -> None:
    one = await tell(spi.Lost(streams, Reason.SEQUENCE_GAP))
    for ear, symbol in zip(one.ears, "ab", strict=True):
        one.far.trade(symbol, 5)
        await one.quiet()
        assert ("gap" in ear.story) is hit["ab".index(symbol)]
        assert ear.story[-1] == "update"
    await one.__aexit__()
