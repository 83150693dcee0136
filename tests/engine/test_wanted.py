"""Wanted streams keep their order, and a restore waits for those alone that were wanted when it began."""

from gateway.engine.wanted import Wanted
from gateway.engine.wishes import StreamState

REASON = "no such stream"


def wanted(*streams: str) -> Wanted:
    one = Wanted()
    for stream in streams:
        one.add(stream, left_over=False)
    return one


def test_they_are_due_in_the_order_of_the_wishes() -> None:
    one = wanted("c", "a", "b")
    one.remove("a")
    one.add("a", left_over=True)
    assert one.due(0.0) == [*one] == ["c", "b", "a"]
    assert ("a" in one, "z" in one, one.get("z")) == (True, False, None)
    assert (one["a"].left_over, one["b"].left_over) == (True, False)


def test_a_refused_one_is_due_again_when_its_time_has_come() -> None:
    one = wanted("a", "b")
    one.refuse("a", REASON, 5.0)
    one.refuse("b", REASON, None)
    assert (one.due(4.9), one.count(StreamState.REFUSED)) == ([], 2)
    assert (one.due(5.0), one.count(StreamState.REFUSED)) == (["a"], 1)


def test_what_was_planned_is_settled_when_each_is_confirmed_refused_or_wanted_no_more() -> None:
    one = wanted("a", "b", "c")
    one.begin_epoch()
    one.add("later", left_over=False)
    one["a"].asked_for(1)
    assert one.confirm("a", 1) is True
    one.refuse("b", REASON, None)
    assert not one.plan_settled
    one.remove("c")
    assert one.plan_settled


def test_it_is_news_once_that_one_is_confirmed_and_only_by_what_asked_for_it() -> None:
    one = wanted("a")
    assert one.confirm("a", 1) is None, "it was not asked for"
    one["a"].asked_for(2)
    assert one.confirm("a", 1) is None, "an earlier request, of before it was given up"
    assert one.confirm("a", None) is True, "it shows that it is served"
    assert one.confirm("a", 2) is False
    assert one.confirm("z", 2) is None


def test_a_twin_has_the_same_wishes_and_was_asked_for_nothing() -> None:
    one = wanted("a", "b")
    one["b"].more()
    one["a"].asked_for(1)
    one.confirm("a", 1)
    twin = one.twin()
    assert [(stream, twin[stream].count, twin[stream].state) for stream in twin] == [
        ("a", 1, StreamState.WANTED),
        ("b", 2, StreamState.WANTED),
    ]
    twin.remove("a")
    assert "a" in one
