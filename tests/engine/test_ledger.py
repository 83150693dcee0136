"""The stream ledger, answer by answer: what each one settles, and what it must leave alone."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from gateway.engine.leaving import PAST
from gateway.engine.ledger import Settled, StreamLedger, StreamState
from gateway.engine.outstanding import LATE, Outstanding
from gateway.spi.contract import Action, Request, Verdict
from gateway.spi.events import Ack, Nack

NOTHING = Settled()
NEVER = Verdict(action=Action.STOP, text="no such stream")
LATER = Verdict(action=Action.RETRY, text="busy")


class Asking:
    """A ledger and whoever sends what it says is due: one request for each group."""

    def __init__(self, *wanted: str, settles: Any = "ack", ids: bool = True) -> None:
        self.ledger = StreamLedger()
        self.ids = count(1) if ids else None
        self.settles = settles
        for stream in wanted:
            assert self.ledger.want(stream)

    def request(self, op: Any, *streams: str) -> Request:
        number = None if self.ids is None else next(self.ids)
        return Request(frame="", streams=streams, op=op, id=number, settles=self.settles)

    def submit(self, now: float = 0.0) -> list[Request]:
        leaving = self.ledger.leaving()
        unsubscriptions = [self.request("unsubscribe", *leaving)] if leaving else []
        self.ledger.submitted(unsubscriptions)
        subscriptions = [self.request("subscribe", *streams) for streams in self.ledger.due(now)]
        self.ledger.submitted(subscriptions)
        return unsubscriptions + subscriptions

    def turn(self, now: float = 0.0) -> list[Request]:
        requests = self.submit(now)
        for request in requests:
            self.ledger.sent(request, now)
        return requests

    def state(self, stream: str) -> StreamState | None:
        entry = self.ledger.entry(stream)
        return None if entry is None else entry.state


def streams(requests: Sequence[Request]) -> list[tuple[str, tuple[str, ...]]]:
    return [(request.op, request.streams) for request in requests]


# --- wishes


def test_a_stream_is_asked_for_once_however_many_want_it() -> None:
    asking = Asking("a")
    assert not asking.ledger.want("a")
    assert asking.ledger.streams() == ("a",)
    assert streams(asking.turn()) == [("subscribe", ("a",))]
    assert asking.turn() == []
    assert asking.ledger.entry("a") is not None
    assert asking.ledger.count(StreamState.PENDING) == 1


def test_it_is_given_up_when_the_last_leaves_and_never_counted_below_nought() -> None:
    asking = Asking("a")
    asking.ledger.want("a")
    asking.turn()
    assert not asking.ledger.release("a")
    assert asking.ledger.leaving() == ()
    assert asking.ledger.release("a")
    assert not asking.ledger.release("a")
    assert not asking.ledger.release("never wanted")
    assert streams(asking.turn()) == [("unsubscribe", ("a",))]
    assert asking.turn() == []
    assert asking.ledger.want("a")
    entry = asking.ledger.entry("a")
    assert entry is not None
    assert entry.count == 1


def test_what_was_never_asked_for_need_not_be_given_up() -> None:
    asking = Asking("a")
    assert asking.ledger.release("a")
    assert asking.turn() == []


def test_a_stream_released_and_wanted_in_one_turn_is_given_up_first_and_then_asked_for() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.ledger.want("a")
    assert streams(asking.turn()) == [("unsubscribe", ("a",)), ("subscribe", ("a",))]


def test_wanting_a_refused_stream_asks_again_at_once() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.nack(Nack(1, "subscribe", NEVER), 0.0)
    assert asking.turn() == []
    assert asking.ledger.want("a")
    assert streams(asking.turn()) == [("subscribe", ("a",))]
    entry = asking.ledger.entry("a")
    assert entry is not None
    assert (entry.count, entry.reason, entry.refusals) == (2, "", 0)


# --- acks


def test_an_ack_confirms_all_that_its_request_covers_and_nothing_else() -> None:
    asking = Asking("a", "b")
    asking.turn()
    asking.ledger.want("c")
    asking.turn()
    assert asking.ledger.ack(Ack(1)) == Settled(confirmed=("a", "b"))
    assert asking.state("c") is StreamState.PENDING


def test_an_ack_of_nobodys_request_is_counted_and_settles_nothing() -> None:
    asking = Asking("a")
    asking.turn()
    for wrong in (Ack(7), Ack("1"), Ack(None, accepted=("z",)), Ack(None, rejected=("z",)), Ack(7, ("a",))):
        assert asking.ledger.ack(wrong) == NOTHING
    assert asking.ledger.late == 5
    assert asking.state("a") is StreamState.PENDING


def test_an_ack_twice_settles_once() -> None:
    asking = Asking("a")
    asking.turn()
    assert asking.ledger.ack(Ack(1)) == Settled(("a",))
    assert asking.ledger.ack(Ack(1)) == NOTHING
    assert asking.ledger.late == 1


def test_a_batch_is_accepted_and_rejected_by_name() -> None:
    """48 right, 2 wrong: exactly two are refused."""
    wanted = [f"s{i}" for i in range(50)]
    asking = Asking(*wanted)
    asking.turn()
    settled = asking.ledger.ack(Ack(1, rejected=("s7", "s31", "s7")))
    assert settled.confirmed == tuple(s for s in wanted if s not in {"s7", "s31"})
    assert settled.refused == (("s7", "stream_refused"), ("s31", "stream_refused"))
    assert asking.turn(1e9) == [], "a stream refused by name is not asked for again"


def test_an_id_says_whose_answer_it_is_whatever_it_names() -> None:
    """One ack that named others' topics once confirmed them all."""
    asking = Asking("a")
    asking.turn()
    asking.ledger.want("b")
    asking.turn()
    assert asking.ledger.ack(Ack(1, accepted=("a", "b"))) == Settled(("a",))
    assert asking.ledger.ack(Ack(1, accepted=("b",))) == NOTHING
    assert asking.state("b") is StreamState.PENDING


def test_an_exchange_may_answer_for_each_stream_apart_under_one_id() -> None:
    asking = Asking("a", "b", "c")
    asking.turn()
    assert asking.ledger.ack(Ack(1, accepted=("b", "b"))) == Settled(("b",))
    assert asking.ledger.ack(Ack(1, accepted=("a",))) == Settled(("a",))
    assert asking.state("c") is StreamState.PENDING
    assert asking.ledger.overdue(5.0) == NOTHING
    assert streams(asking.turn(5.0)) == [("subscribe", ("c",))], "the others were answered for"


def test_what_a_partial_answer_leaves_out_has_a_deadline_still() -> None:
    asking = Asking("a", "b", ids=False)
    asking.turn()
    assert asking.ledger.ack(Ack(None, accepted=("a",))) == Settled(("a",))
    asking.ledger.overdue(5.0)
    assert streams(asking.turn(5.0)) == [("subscribe", ("b",))]
    asking.ledger.overdue(10.0)
    assert asking.state("b") is StreamState.REFUSED


def test_answers_without_id_find_their_request_by_the_streams_they_name() -> None:
    asking = Asking("a", "b", ids=False)
    asking.turn()
    asking.ledger.want("c")
    asking.turn()
    assert asking.ledger.ack(Ack(accepted=("c",))) == Settled(("c",))
    assert asking.ledger.ack(Ack(accepted=("a",), rejected=("b",))) == Settled(("a",), (("b", "stream_refused"),))
    assert asking.ledger.late == 0


def test_a_refusal_by_name_without_id_accepts_the_rest_of_its_request() -> None:
    asking = Asking("a", ids=False)
    asking.turn()
    asking.ledger.want("b")
    asking.ledger.want("c")
    asking.turn()
    assert asking.ledger.ack(Ack(rejected=("c",))) == Settled(("b",), (("c", "stream_refused"),))
    assert asking.state("a") is StreamState.PENDING


def test_a_bare_answer_is_the_oldest_requests_that_was_sent() -> None:
    asking = Asking("a", ids=False)
    asking.submit()
    assert asking.ledger.ack(Ack()) == NOTHING, "what was not sent cannot have been answered"
    asking.ledger.sent(Request(frame=""), 0.0)
    asking.ledger.want("b")
    sent = asking.submit()
    asking.ledger.sent(sent[0], 0.0)
    assert asking.ledger.ack(Ack()) == Settled(("b",))
    assert asking.state("a") is StreamState.PENDING


def test_an_unsubscriptions_ack_is_not_taken_for_the_subscriptions_that_follows() -> None:
    asking = Asking("a", ids=False)
    asking.turn()
    asking.ledger.ack(Ack(accepted=("a",)))
    asking.ledger.release("a")
    asking.ledger.want("a")
    asking.turn()
    assert asking.ledger.ack(Ack(accepted=("a",))) == NOTHING
    assert asking.ledger.ack(Ack(accepted=("a",))) == Settled(("a",))


def test_a_late_answer_is_an_answer() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.overdue(5.0)
    assert asking.ledger.ack(Ack(1)) == Settled(("a",))
    assert asking.turn(5.0) == []
    assert asking.ledger.late == 0


def test_the_first_answer_to_a_repeated_request_settles_both() -> None:
    """Else the second would be taken for the answer to whatever comes next."""
    asking = Asking("a", ids=False)
    asking.turn()
    asking.ledger.overdue(5.0)
    asking.turn(5.0)
    assert asking.ledger.ack(Ack(accepted=("a",))) == Settled(("a",))
    asking.ledger.release("a")
    asking.turn(6.0)
    assert asking.ledger.ack(Ack(accepted=("a",))) == NOTHING
    asking.ledger.want("a")
    asking.turn(7.0)
    assert asking.ledger.ack(Ack(accepted=("a",))) == Settled(("a",))


def test_an_answer_to_an_earlier_wish_says_nothing_of_the_present_one() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.release("a")
    asking.ledger.want("a")
    assert asking.ledger.ack(Ack(1)) == NOTHING
    assert asking.state("a") is StreamState.WANTED
    asking.turn()
    assert asking.ledger.ack(Ack(2)) == NOTHING, "that was the unsubscription"
    assert asking.ledger.ack(Ack(3)) == Settled(("a",))


def test_a_refusal_of_an_earlier_wish_does_not_refuse_the_present_one() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.release("a")
    asking.ledger.want("a")
    asking.turn()
    assert asking.ledger.nack(Nack(1, "subscribe", NEVER), 0.0) == NOTHING
    assert asking.ledger.ack(Ack(1, rejected=("a",))) == NOTHING
    assert asking.ledger.ack(Ack(3)) == Settled(("a",))


def test_a_rejection_by_name_of_an_earlier_wish_does_not_refuse_the_present_one() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.release("a")
    asking.ledger.want("a")
    asking.turn()
    assert asking.ledger.ack(Ack(1, rejected=("a",))) == NOTHING
    assert asking.state("a") is StreamState.PENDING


def test_a_request_that_was_answered_too_late_for_its_wish_does_not_time_the_next_one_out() -> None:
    asking = Asking("a")
    asking.turn(0.0)
    asking.ledger.release("a")
    asking.ledger.want("a")
    asking.turn(4.0)
    asking.ledger.overdue(5.0)
    assert asking.state("a") is StreamState.PENDING, "its own request has four seconds left"
    assert asking.turn(5.0) == []


# --- the exchange's complete list


def test_a_complete_list_refuses_what_its_request_asked_for_in_vain() -> None:
    asking = Asking("a", "b")
    asking.turn()
    assert asking.ledger.ack(Ack(1, state=("a", "elsewhere"))) == Settled(("a",), (("b", "stream_refused"),))


def test_a_complete_list_confirms_whatever_was_asked_for() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.want("b")
    asking.turn()
    asking.ledger.want("c")
    assert asking.ledger.ack(Ack(2, state=("a", "b", "c"))) == Settled(("b", "a"))
    assert asking.state("c") is StreamState.WANTED, "nobody asked for it yet"


def test_a_complete_list_without_id_confirms_and_refuses_nothing() -> None:
    asking = Asking("a", "b", ids=False)
    asking.turn()
    assert asking.ledger.ack(Ack(state=("b",))) == Settled(("b",))
    assert asking.state("a") is StreamState.PENDING
    assert asking.ledger.ack(Ack(state=("a", "b"))) == Settled(("a",))


def test_a_complete_list_that_still_shows_what_is_being_given_up_does_not_confirm_it() -> None:
    asking = Asking("a", ids=False)
    asking.turn()
    asking.ledger.ack(Ack(state=("a",)))
    asking.ledger.release("a")
    asking.ledger.want("a")
    assert asking.ledger.ack(Ack(state=("a",))) == NOTHING
    asking.turn()
    assert asking.ledger.ack(Ack(state=("a",))) == NOTHING
    assert asking.ledger.ack(Ack(state=())) == NOTHING, "now it is given up"
    assert asking.ledger.ack(Ack(state=("a",))) == Settled(("a",))


def test_a_complete_list_settles_the_unsubscription_that_it_answers() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.turn()
    assert asking.ledger.ack(Ack(2, state=("a",))) == NOTHING
    asking.ledger.overdue(1e9)
    assert asking.turn(1e9) == []


def test_a_complete_list_under_an_unknown_id_may_be_of_any_time_and_settles_nothing() -> None:
    asking = Asking("a", "b")
    asking.turn()
    assert asking.ledger.ack(Ack(99, state=("a",))) == NOTHING
    assert asking.ledger.late == 1


def test_a_complete_list_from_before_a_stream_was_given_up_does_not_confirm_it() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.want("b")
    asking.turn()
    asking.ledger.release("a")
    asking.ledger.want("a")
    asking.turn()
    assert asking.ledger.ack(Ack(2, state=("a", "b"))) == Settled(("b",))
    assert asking.ledger.ack(Ack(4, state=("a", "b"))) == Settled(("a",))


# --- nacks


def test_a_lone_stream_is_refused_with_the_exchanges_words() -> None:
    asking = Asking("a")
    asking.turn()
    assert asking.ledger.nack(Nack(1, "subscribe", NEVER), 0.0) == Settled(refused=(("a", "no such stream"),))
    wordless = Asking("b")
    wordless.turn()
    verdict = Verdict(action=Action.STOP)
    assert wordless.ledger.nack(Nack(1, "subscribe", verdict), 0.0) == Settled(refused=(("b", "stream_refused"),))


@pytest.mark.parametrize("size", [2, 3, 7, 64])
@pytest.mark.parametrize("wrong", [0, 1, -1])
def test_halving_finds_the_wrong_stream_and_costs_the_others_nothing_but_time(size: int, wrong: int) -> None:
    wanted = [f"s{i}" for i in range(size)]
    bad = wanted[wrong]
    asking = Asking(*wanted)
    asked = 0
    refused: list[str] = []
    while pending := asking.turn():
        asked += len(pending)
        for request in pending:
            if bad in request.streams:
                settled = asking.ledger.nack(Nack(request.id, "subscribe", NEVER), 0.0)
                refused += [stream for stream, _ in settled.refused]
            else:
                asking.ledger.ack(Ack(request.id))
    assert refused == [bad]
    assert asking.ledger.count(StreamState.CONFIRMED) == size - 1
    assert asked <= 2 * size.bit_length() + 1


def test_a_stream_wanted_while_others_are_halved_is_asked_for_apart() -> None:
    asking = Asking("a", "b", "c", "d")
    asking.turn()
    asking.ledger.nack(Nack(1, "subscribe", NEVER), 0.0)
    asking.ledger.want("e")
    asking.ledger.release("a")
    assert streams(asking.turn()) == [("subscribe", ("b",)), ("subscribe", ("c", "d")), ("subscribe", ("e",))]


def test_whoever_is_left_of_a_refused_group_is_not_blamed_alone() -> None:
    """The wrong one may have been released meanwhile."""
    asking = Asking("wrong", "right")
    asking.turn()
    asking.ledger.release("wrong")
    assert asking.ledger.nack(Nack(1, "subscribe", NEVER), 0.0) == NOTHING
    assert streams(asking.turn()) == [("unsubscribe", ("wrong",)), ("subscribe", ("right",))]


def test_a_refusal_without_id_is_the_oldest_requests_of_its_kind() -> None:
    asking = Asking("a", ids=False)
    asking.turn()
    asking.ledger.ack(Ack())
    asking.ledger.release("a")
    asking.ledger.want("b")
    asking.turn()
    assert asking.ledger.nack(Nack(None, "subscribe", NEVER), 0.0) == Settled(refused=(("b", "no such stream"),))
    assert asking.ledger.nack(Nack(None, "subscribe", NEVER), 0.0) == NOTHING
    assert asking.ledger.late == 1


def test_a_refusal_without_id_may_be_an_overdue_requests() -> None:
    asking = Asking("a", ids=False)
    asking.turn()
    asking.ledger.overdue(5.0)
    assert asking.ledger.nack(Nack(None, "subscribe", NEVER), 5.0) == Settled(refused=(("a", "no such stream"),))
    assert asking.turn(5.0) == []


def test_a_refusal_of_the_first_asking_waits_for_the_answer_to_the_second() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.overdue(5.0)
    asking.turn(5.0)
    assert asking.ledger.nack(Nack(1, "subscribe", NEVER), 6.0) == NOTHING
    assert asking.ledger.ack(Ack(2)) == Settled(("a",))


def test_a_refusal_that_may_help_to_repeat_is_repeated_after_the_wait_and_three_times_at_most() -> None:
    asking = Asking("a")
    verdict = Verdict(action=Action.RETRY, after=7.0, text="busy")
    times = [0.0, 7.0, 14.0]
    for number, now in enumerate(times, start=1):
        assert asking.turn(now - 0.001) == [] or number == 1
        if number > 1:
            assert len(asking.turn(now)) == 1
        assert asking.ledger.nack(Nack(number, "subscribe", verdict), now).refused == (("a", "busy"),)
    assert asking.turn(1e9) == []


def test_a_refusal_that_names_no_time_is_repeated_after_a_second() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.nack(Nack(1, "subscribe", LATER), 10.0)
    assert asking.turn(10.999) == []
    assert len(asking.turn(11.0)) == 1


def test_refusals_are_forgotten_once_the_stream_was_confirmed() -> None:
    asking = Asking("a")
    ids = count(1)
    for now in (0.0, 10.0, 20.0, 30.0):
        asking.turn(now)
        asking.ledger.nack(Nack(next(ids), "subscribe", LATER), now)
        asking.turn(now + 1)
        assert asking.ledger.ack(Ack(next(ids))) == Settled(("a",))
        asking.ledger.revoked("a", "moved", again=True)


# --- unsubscriptions are never lost


def test_an_unsubscription_that_nobody_answers_is_asked_once_again() -> None:
    asking = Asking("a", "b")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.turn(1.0)
    asking.ledger.overdue(6.0)
    assert streams(asking.turn(6.0)) == [("unsubscribe", ("a",))]
    asking.ledger.overdue(11.0)
    assert asking.turn(11.0) == []


def test_an_unsubscription_that_nobody_answers_is_not_repeated_against_a_new_wish() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.release("a")
    asking.turn()
    asking.ledger.want("a")
    asking.turn(1.0)
    asking.ledger.overdue(5.0)
    assert asking.turn(5.0) == []
    assert asking.state("a") is StreamState.PENDING


def test_a_stream_released_after_a_lost_ack_is_given_up_all_the_same() -> None:
    """Only the answer may have been lost."""
    asking = Asking("a")
    asking.turn()
    asking.ledger.overdue(5.0)
    asking.ledger.release("a")
    assert streams(asking.turn(5.0)) == [("unsubscribe", ("a",))]


def test_a_stream_given_up_by_name_for_want_of_an_answer_is_given_up_at_the_exchange_too() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.overdue(5.0)
    asking.turn(5.0)
    assert asking.ledger.overdue(10.0) == Settled(refused=(("a", "ack_missed"),))
    asking.ledger.release("a")
    assert streams(asking.turn(10.0)) == [("unsubscribe", ("a",))]


def test_a_refused_stream_need_not_be_given_up_unless_an_earlier_request_was_never_answered() -> None:
    refused = Asking("a")
    refused.turn()
    refused.ledger.nack(Nack(1, "subscribe", NEVER), 0.0)
    refused.ledger.release("a")
    assert refused.turn() == []

    doubtful = Asking("a")
    doubtful.turn()
    doubtful.ledger.overdue(5.0)
    doubtful.turn(5.0)
    doubtful.ledger.nack(Nack(2, "subscribe", NEVER), 6.0)
    doubtful.ledger.release("a")
    assert streams(doubtful.turn(6.0)) == [("unsubscribe", ("a",))]


def test_one_wrong_stream_does_not_keep_the_others_subscribed() -> None:
    asking = Asking("a", "b", "c")
    asking.turn()
    asking.ledger.ack(Ack(1))
    for stream in ("a", "b", "c"):
        asking.ledger.release(stream)
    served = {"a", "c"}
    now = 0.0
    while (requests := asking.turn(now)) and now < 20:
        for request in requests:
            if served >= set(request.streams):
                served -= set(request.streams)
                asking.ledger.ack(Ack(request.id))
            else:
                asking.ledger.nack(Nack(request.id, "unsubscribe", NEVER), now)
        now += 1.0
    assert served == set()
    assert now < 20, "and it comes to an end"


def test_parts_to_give_up_that_were_wanted_again_are_skipped() -> None:
    asking = Asking("a", "b")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.ledger.release("b")
    asking.turn()
    asking.ledger.want("a")
    asking.ledger.nack(Nack(2, "unsubscribe", NEVER), 0.0)
    assert streams(asking.turn()) == [("unsubscribe", ("b",)), ("subscribe", ("a",))]


def test_a_stream_in_a_later_part_is_not_asked_for_before_it_is_given_up() -> None:
    """Else the unsubscription, coming last, would end it for good."""
    asking = Asking("a", "b", "c")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.ledger.release("b")
    asking.turn()
    asking.ledger.nack(Nack(2, "unsubscribe", NEVER), 0.0)
    asking.ledger.ask_again("c")
    assert streams(asking.turn()) == [("unsubscribe", ("a",))]
    assert streams(asking.turn()) == [("unsubscribe", ("b",))]
    assert streams(asking.turn()) == [("unsubscribe", ("c",)), ("subscribe", ("c",))]


def test_what_the_exchange_would_not_give_up_is_given_up_when_its_next_wish_ends() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.turn()
    asking.ledger.nack(Nack(2, "unsubscribe", LATER), 0.0)
    asking.ledger.want("a")
    asking.ledger.release("a")
    assert streams(asking.turn()) == [("unsubscribe", ("a",))]


@pytest.mark.parametrize("answered", [True, False])
def test_what_may_be_left_over_is_given_up_even_if_the_next_wish_is_refused(answered: bool) -> None:
    asking = Asking("a")
    asking.turn(0.0)
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.turn(0.0)
    asking.ledger.want("a")
    asking.turn(1.0)
    if answered:
        asking.ledger.nack(Nack(2, "unsubscribe", LATER), 5.0)
    else:
        asking.ledger.overdue(5.0)
    asking.ledger.nack(Nack(3, "subscribe", NEVER), 5.0)
    asking.ledger.release("a")
    assert streams(asking.turn(5.0)) == [("unsubscribe", ("a",))]


def test_a_lost_unsubscription_does_not_use_up_the_second_chance_of_the_next_one() -> None:
    asking = Asking("a")
    asking.turn(0.0)
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.ledger.want("a")
    asking.turn(0.0)
    asking.ledger.release("a")
    asking.ledger.overdue(5.0)
    assert streams(asking.turn(5.0)) == [("unsubscribe", ("a",))]
    asking.ledger.overdue(10.0)
    assert streams(asking.turn(10.0)) == [("unsubscribe", ("a",))]
    asking.ledger.overdue(15.0)
    assert asking.turn(15.0) == []


def test_an_unsubscription_refused_for_now_is_asked_once_again_later() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.turn()
    assert asking.ledger.nack(Nack(2, "unsubscribe", LATER), 0.0) == NOTHING
    assert asking.turn(0.5) == []
    assert asking.turn(1.0) == [], "the wish is noticed"
    assert streams(asking.turn(1.0)) == [("unsubscribe", ("a",))]
    asking.ledger.nack(Nack(3, "unsubscribe", LATER), 1.0)
    assert asking.turn(1e9) == asking.turn(1e9) == []


def test_an_unsubscription_refused_for_good_is_not_repeated_and_a_new_wish_ends_the_waiting() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.turn()
    asking.ledger.nack(Nack(2, "unsubscribe", NEVER), 0.0)
    assert asking.turn(1e9) == asking.turn(1e9) == []

    again = Asking("a")
    again.turn()
    again.ledger.ack(Ack(1))
    again.ledger.release("a")
    again.turn()
    again.ledger.nack(Nack(2, "unsubscribe", LATER), 0.0)
    again.ledger.want("a")
    assert streams(again.turn(0.0)) == [("subscribe", ("a",))]
    assert again.turn(1e9) == []


# --- deadlines


def test_a_lost_ack_is_asked_again_once_and_then_the_stream_is_given_up_by_name() -> None:
    asking = Asking("a")
    asking.turn(0.0)
    assert asking.ledger.overdue(4.999) == NOTHING
    assert asking.turn(4.999) == []
    assert asking.ledger.overdue(5.0) == NOTHING
    assert len(asking.turn(5.0)) == 1
    assert asking.ledger.overdue(9.999) == NOTHING
    assert asking.ledger.overdue(10.0) == Settled(refused=(("a", "ack_missed"),))
    assert asking.turn(39.999) == []
    assert len(asking.turn(40.0)) == 1, "and asked for anew after half a minute"


def test_a_request_that_waits_to_be_sent_has_no_deadline() -> None:
    asking = Asking("a")
    (request,) = asking.submit(0.0)
    assert asking.ledger.overdue(1e9) == NOTHING
    asking.ledger.sent(request, 1e9)
    assert asking.ledger.overdue(1e9 + 5) == NOTHING
    assert asking.state("a") is StreamState.WANTED


def test_the_deadline_is_a_setting() -> None:
    asking = Asking("a")
    asking.ledger.ack_timeout = 1.0
    asking.turn(0.0)
    asking.ledger.overdue(1.0)
    assert asking.state("a") is StreamState.WANTED


def test_two_requests_that_are_alike_have_each_its_own_deadline() -> None:
    asking = Asking("a", ids=False)
    asking.turn(0.0)
    asking.ledger.release("a")
    asking.ledger.want("a")
    asking.turn(3.0)
    asking.ledger.ack(Ack())
    asking.ledger.overdue(5.0)
    assert asking.state("a") is StreamState.PENDING
    asking.ledger.overdue(8.0)
    assert asking.state("a") is StreamState.WANTED


def test_overdue_requests_are_remembered_within_bounds() -> None:
    outstanding = Outstanding()
    for number in range(3 * LATE):
        request = Request(frame="", streams=(f"s{number}",), op="subscribe", id=number)
        outstanding.add(request)
        outstanding.sent(request, 0.0)
        assert [asked.request for asked in outstanding.expired(0.0)] == [request]
    assert outstanding.by_id(0) is None
    assert outstanding.by_id(3 * LATE - 1) is not None
    assert len(outstanding._overdue) == LATE


# --- what settles without an ack


def test_sending_settles_a_request_that_needs_no_answer() -> None:
    asking = Asking("a", settles="sent")
    (request,) = asking.submit()
    assert asking.ledger.sent(request, 0.0) == Settled(("a",))
    assert asking.ledger.sent(request, 0.0) == NOTHING
    assert asking.ledger.ack(Ack(request.id)) == NOTHING


def test_sending_an_unsubscription_does_not_confirm_the_wish_that_follows_it() -> None:
    asking = Asking("a", settles="sent")
    asking.turn()
    asking.ledger.release("a")
    asking.ledger.want("a")
    unsubscription, subscription = asking.submit()
    assert asking.ledger.sent(unsubscription, 0.0) == NOTHING
    assert asking.state("a") is StreamState.PENDING
    assert asking.ledger.sent(subscription, 0.0) == Settled(("a",))


def test_the_first_datum_settles_a_request_that_waits_for_data() -> None:
    asking = Asking("a", "b", settles="data")
    asking.turn()
    assert asking.ledger.datum("a") == Settled(("a",))
    assert asking.ledger.datum("a") == NOTHING
    assert asking.ledger.datum("unknown") == NOTHING
    asking.ledger.overdue(5.0)
    assert streams(asking.turn(5.0)) == [("subscribe", ("b",))]


def test_a_datum_does_not_stand_for_an_ack_that_is_still_to_come() -> None:
    asking = Asking("a")
    asking.turn()
    assert asking.ledger.datum("a") == NOTHING
    assert asking.state("a") is StreamState.PENDING


def test_a_datum_settles_what_nobody_answered_for() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.overdue(5.0)
    assert asking.ledger.datum("a") == Settled(("a",))
    assert asking.turn(5.0) == []


def test_a_stream_that_delivers_is_never_given_up_for_want_of_an_ack() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.datum("a")
    assert asking.ledger.overdue(5.0) == NOTHING
    asking.turn(5.0)
    assert asking.ledger.overdue(10.0) == Settled(("a",))


def test_a_datum_counts_again_once_the_unsubscription_before_it_was_answered() -> None:
    asking = Asking("a", settles="data")
    asking.turn()
    asking.ledger.datum("a")
    asking.ledger.ask_again("a")
    requests = [
        Request(frame="", streams=("a",), op="unsubscribe", id=8),
        Request(frame="", streams=("a",), op="subscribe", id=9, settles="data"),
    ]
    asking.ledger.submitted(requests)
    for request in requests:
        asking.ledger.sent(request, 0.0)
    assert asking.ledger.datum("a") == NOTHING
    asking.ledger.ack(Ack(8))
    assert asking.ledger.datum("a") == Settled(("a",))


@pytest.mark.parametrize("submitted", [True, False])
def test_what_was_still_of_the_old_subscription_does_not_stand_for_the_new_ones_ack(submitted: bool) -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.ask_again("a")
    if submitted:
        asking.turn()
    asking.ledger.datum("a")
    if not submitted:
        asking.turn()
    asking.ledger.ack(Ack(2))
    asking.ledger.overdue(5.0)
    asking.turn(5.0)
    assert asking.ledger.overdue(10.0) == Settled(refused=(("a", "ack_missed"),))


def test_what_still_arrives_of_a_stream_that_is_being_given_up_confirms_nothing() -> None:
    """Else it would be given up and never asked for again."""
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.release("a")
    asking.ledger.want("a")
    assert asking.ledger.datum("a") == NOTHING
    assert streams(asking.turn()) == [("unsubscribe", ("a",)), ("subscribe", ("a",))]

    asking.ledger.ack(Ack(3))
    asking.ledger.ask_again("a")
    assert asking.ledger.datum("a") == NOTHING
    assert streams(asking.turn()) == [("unsubscribe", ("a",)), ("subscribe", ("a",))]


# --- revoked, asked again


def test_a_revoked_stream_is_asked_for_again_if_that_can_help() -> None:
    asking = Asking("a", "b")
    asking.turn()
    asking.ledger.ack(Ack(1))
    assert asking.ledger.revoked("a", "moved", again=True) == NOTHING
    assert asking.ledger.revoked("b", "delisted", again=False) == Settled(refused=(("b", "delisted"),))
    assert asking.ledger.revoked("c", "never wanted", again=True) == NOTHING
    assert streams(asking.turn()) == [("subscribe", ("a",))]


def test_a_revoked_stream_need_not_be_given_up() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.revoked("a", "delisted", again=False)
    asking.ledger.release("a")
    assert asking.turn() == []


def test_an_ack_from_before_the_revocation_does_not_confirm() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.revoked("a", "moved", again=True)
    assert asking.ledger.ack(Ack(1)) == NOTHING
    assert streams(asking.turn()) == [("subscribe", ("a",))]


def test_a_stream_is_being_given_up_until_that_is_answered() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    assert not asking.ledger.is_given_up("a")
    asking.ledger.ask_again("a")
    assert asking.ledger.is_given_up("a"), "it is not even said yet"
    unsubscription, _ = asking.turn()
    assert asking.ledger.is_given_up("a")
    asking.ledger.ack(Ack(unsubscription.id))
    assert not asking.ledger.is_given_up("a")


def test_a_stalled_stream_is_given_up_and_asked_for_anew() -> None:
    asking = Asking("a")
    asking.turn()
    asking.ledger.ack(Ack(1))
    asking.ledger.ask_again("a")
    asking.ledger.ask_again("never wanted")
    assert streams(asking.turn()) == [("unsubscribe", ("a",)), ("subscribe", ("a",))]


# --- epochs and the plan


def test_a_twin_has_the_same_wishes_and_was_asked_for_nothing() -> None:
    asking = Asking("a", "b")
    asking.ledger.want("b")
    asking.ledger.ack_timeout = 7.0
    asking.turn()
    asking.ledger.ack(Ack(1, rejected=("a",)))
    twin = asking.ledger.twin()
    assert twin.ack_timeout == 7.0
    assert twin.begin_epoch() == ("a", "b")
    assert twin.due(0.0) == [("a", "b")]
    assert not twin.release("b")
    assert twin.release("b")
    assert twin.leaving() == ()
    entry = asking.ledger.entry("b")
    assert entry is not None
    assert (entry.count, entry.state) == (2, StreamState.CONFIRMED), "and goes its own way"


def test_a_new_epoch_restores_every_wish_once_and_knows_no_old_answer() -> None:
    asking = Asking("a", "b", "c", "d")
    asking.turn()
    asking.ledger.ack(Ack(1, accepted=("a",), rejected=("b",)))
    asking.ledger.release("c")
    asking.ledger.nack(Nack(1, "subscribe", NEVER), 0.0)
    assert asking.ledger.begin_epoch() == ("a", "b", "d")
    assert asking.ledger.count(StreamState.WANTED) == 3
    assert asking.ledger.ack(Ack(1)) == NOTHING
    assert asking.ledger.datum("a") == NOTHING, "nothing was asked for in this epoch"
    assert streams(asking.turn()) == [("subscribe", ("a", "b", "d"))]


def test_the_plan_is_settled_by_acks_refusals_timeouts_and_departures() -> None:
    asking = Asking("acked", "refused", "silent", "left")
    assert asking.ledger.plan_settled, "nothing was planned"
    planned = asking.ledger.begin_epoch()
    requests = [asking.request("subscribe", stream) for stream in planned]
    asking.ledger.submitted(requests)
    for request in requests:
        asking.ledger.sent(request, 0.0)
    asking.ledger.ack(Ack(requests[0].id))
    asking.ledger.nack(Nack(requests[1].id, "subscribe", NEVER), 0.0)
    asking.ledger.release("left")
    asking.ledger.want("later")
    assert not asking.ledger.plan_settled
    asking.ledger.overdue(5.0)
    asking.turn(5.0)
    assert not asking.ledger.plan_settled
    asking.ledger.overdue(10.0)
    assert asking.ledger.plan_settled, "later wishes do not delay it"


def test_a_request_may_ask_for_more_than_is_wanted() -> None:
    """A URL may have held what was released meanwhile."""
    asking = Asking("a")
    request = asking.request("subscribe", "a", "gone")
    asking.ledger.submitted([request])
    asking.ledger.sent(request, 0.0)
    assert asking.ledger.ack(Ack(request.id)) == Settled(("a",))
    assert asking.ledger.streams() == ("a",)


def test_other_requests_are_nobodys_business_here() -> None:
    asking = Asking("a")
    other = asking.request("other", "a")
    asking.ledger.submitted([other])
    assert asking.ledger.sent(other, 0.0) == NOTHING
    assert asking.state("a") is StreamState.WANTED
    assert asking.ledger.ack(Ack(other.id)) == NOTHING


# --- what goes on coming though nobody wants it


def left(*wanted: str) -> Asking:
    """Return one that was served those and has given them up, as the exchange has granted."""
    asking = Asking(*wanted)
    [asked] = asking.turn()
    asking.ledger.ack(Ack(asked.id))
    for stream in wanted:
        asking.ledger.release(stream)
    [given_up] = asking.turn()
    asking.ledger.ack(Ack(given_up.id))
    return asking


def test_what_goes_on_coming_is_given_up_once_more_and_once_only() -> None:
    asking = left("a")
    assert asking.ledger.is_still_served("a")
    assert not asking.ledger.is_still_served("a"), "it is to be given up already"
    assert streams(asking.turn()) == [("unsubscribe", ("a",))]
    assert not asking.ledger.is_still_served("a"), "that is on its way"
    assert streams(asking.turn()) == []
    asking.ledger.overdue(5.0)
    assert streams(asking.turn(5.0)) == [("unsubscribe", ("a",))], "as ever, once more where nobody answers"
    asking.ledger.overdue(10.0)
    assert asking.ledger.is_still_served("a")


def test_what_is_wanted_or_never_was_asked_for_is_not_given_up() -> None:
    asking = left("a")
    asking.ledger.want("a")
    assert not asking.ledger.is_still_served("a")
    assert not asking.ledger.is_still_served("sent by itself")
    never_sent = Asking("b")
    never_sent.ledger.release("b")
    assert not never_sent.ledger.is_still_served("b")


def test_what_the_exchange_will_give_up_later_is_left_to_that() -> None:
    asking = left("a")
    asking.ledger.is_still_served("a")
    [given_up] = asking.turn()
    asking.ledger.nack(Nack(given_up.id, "unsubscribe", LATER), 0.0)
    assert not asking.ledger.is_still_served("a")


def test_a_new_connection_serves_nothing_of_the_old_one() -> None:
    asking = left("a")
    asking.ledger.begin_epoch()
    assert not asking.ledger.is_still_served("a")


def test_of_very_many_the_latest_are_remembered() -> None:
    asking = left("first", *(str(number) for number in range(PAST)))
    assert not asking.ledger.is_still_served("first")
    assert asking.ledger.is_still_served("0")
    assert asking.ledger.is_still_served(str(PAST - 1))
