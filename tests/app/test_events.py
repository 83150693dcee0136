"""The last events, and what becomes one."""

from typing import Any

import pytest

from gateway.app.events import EventRing, actions_told
from gateway.app.events_watch import A_MINUTE, LONGEST, EventWatch
from gateway.engine.messages import Notice, TopicEvent, TopicStatus
from gateway.engine.observer import CONTROL_ACTION, Observers
from gateway.errors import Reason, TransportLost
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.model.subscriptions import Subscription
from gateway.serving.events_model import EventType
from gateway.telemetry.scrubbing import SCRUBBER

ID = "mock/stream/0"


@pytest.fixture
def ring() -> EventRing:
    return EventRing("r", lambda: 7, kept=100)


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def watch(ring: EventRing, clock: list[float]) -> EventWatch:
    return EventWatch(ring, lambda id_: f"trace of {id_}", lambda: clock[0])


def kept(ring: EventRing) -> list[Any]:
    return list(ring.after(None)[1])


def test_so_many_are_kept_and_the_oldest_go(ring: EventRing) -> None:
    for number in range(250):
        ring.add(EventType.NOTICE, str(number))
    assert [event.what for event in kept(ring)] == [str(number) for number in range(150, 250)]
    assert ring.after("r:150") == (True, tuple(kept(ring)))
    assert ring.after("r:149") == (False, tuple(kept(ring)))
    assert ring.after("r:249") == (True, (kept(ring)[-1],))
    assert ring.after("r:" + "9" * 5000)[0] is False
    assert ring.after("r:" + "00000000000000000249" + "9")[0] is False


def test_who_listens_hears_each_until_it_ends(ring: EventRing) -> None:
    heard: list[str] = []
    end = ring.listen(lambda event: heard.append(event.id))
    ring.add(EventType.NOTICE, "one")
    end()
    end()
    ring.add(EventType.NOTICE, "two")
    assert heard == ["r:1"]


def test_a_change_is_told_with_its_reason_and_trace(ring: EventRing, watch: EventWatch) -> None:
    for epoch, after, reason, text in (
        (3, S.ERROR, Reason.CLOSED_BY_PEER, "wss://host/path?key=hunter2 closed"),
        (4, S.CONNECTED, Reason.ROLLOVER, ""),
    ):
        watch.changed(
            Change(
                connection_id=ID, epoch=epoch, before=S.CONNECTED, after=after, reason=reason, at_us=5, text=text
            )
        )
    lost, rolled = kept(ring)
    assert (lost.type, lost.what, lost.level, lost.reason) == ("connection", "ERROR", "warning", "closed_by_peer")
    assert (lost.exchange, lost.connection, lost.epoch, lost.trace_id) == ("mock", ID, 3, f"trace of {ID}")
    assert lost.facts == {"from": "CONNECTED", "to": "ERROR"}
    assert "hunter2" not in lost.text
    assert (rolled.type, rolled.what, rolled.level) == ("rollover", "rolled_over", "info")


@pytest.mark.parametrize(
    ("of", "what", "type_", "level", "exchange"),
    [
        ("mock", "plugin_error", "plugin", "error", "mock"),
        (ID, "rollover_failed", "rollover", "warning", "mock"),
        ("gateway", "reloaded", "configuration", "info", ""),
        ("store", "store_notice", "notice", "warning", ""),
        (ID, "stream_silent", "notice", "warning", "mock"),
    ],
)
def test_what_is_noticed_is_told_by_what_it_is_about(
    ring: EventRing, watch: EventWatch, of: str, what: str, type_: str, level: str, exchange: str
) -> None:
    watch.noticed(of, 0, what, text="x" * 5000, seconds=1.5)
    [event] = kept(ring)
    assert (event.type, event.what, event.level, event.exchange) == (type_, what, level, exchange)
    assert (event.text, event.facts) == ("x" * LONGEST, {"seconds": "1.5"})


def test_what_was_mended_is_told_and_what_could_not_be(
    ring: EventRing, watch: EventWatch, clock: list[float]
) -> None:
    with watch.during(ID, 1, "resync"):
        clock[0] = 1.25
    with pytest.raises(TransportLost), watch.during(ID, 1, "backfill"):
        raise TransportLost("gone", reason=Reason.CONNECTION_RESET)
    with watch.during(ID, 1, "send"):
        pass
    resync, backfill = kept(ring)
    assert (resync.type, resync.what, resync.level, resync.facts) == (
        "resync",
        "resync",
        "info",
        {"seconds": 1.25},
    )
    assert (backfill.what, backfill.level, backfill.reason) == ("backfill", "warning", "connection_reset")


def test_of_all_that_topics_are_told_the_gaps_are_and_only_some_a_minute(
    ring: EventRing, watch: EventWatch, clock: list[float]
) -> None:
    for number in range(500):
        wish = Subscription("mock", "trades", f"S{number}")
        watch.heard(Notice(wish, TopicStatus.DISCONNECTED, "connection_reset", 1))
        watch.heard(Notice(wish, TopicEvent.GAP, "connection_reset", 1, recoverable=True))
    assert [event.topic for event in kept(ring)] == [f"mock:trades:S{number}" for number in range(A_MINUTE)]
    assert (kept(ring)[0].reason, kept(ring)[0].facts) == ("connection_reset", {"recoverable": True})
    clock[0] = 61.0
    watch.heard(Notice(wish, TopicEvent.GAP, "connection_reset", 1))
    assert kept(ring)[-2].facts == {"of": "mock, gap, connection_reset", "events": 500 - A_MINUTE}


def test_that_a_connection_is_back_is_told_however_often_it_failed_before(
    ring: EventRing, watch: EventWatch
) -> None:
    for after in (*[S.ERROR] * (A_MINUTE + 5), S.CONNECTED):
        watch.changed(
            Change(connection_id=ID, epoch=1, before=S.CONNECTING, after=after, reason=Reason.UNREACHABLE, at_us=1)
        )
    assert [event.what for event in kept(ring)] == ["ERROR"] * A_MINUTE + ["CONNECTED"]


def test_no_text_shows_a_secret_that_is_known_nor_a_part_of_one(ring: EventRing, watch: EventWatch) -> None:
    secret = "n0-sh4pe-that-0ne-would-kn0w"
    SCRUBBER.know([secret])
    watch.noticed(ID, 1, "plugin_error", error=f"KeyError({secret!r})", where=secret)
    watch.noticed(ID, 1, "problem", text="." * (LONGEST - 12) + secret)
    (first, second) = kept(ring)
    assert (first.text, first.facts) == ("KeyError('***')", {"where": "***"})
    assert second.text == "." * (LONGEST - 12) + "***"


def test_actions_are_told_to_observers_and_nothing_else_is(ring: EventRing, watch: EventWatch) -> None:
    told: list[Any] = []

    class Noting(Observers):
        def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
            told.append((what, facts))
            watch.noticed(connection_id, epoch, what, **facts)

    actions_told(ring, Noting())
    ring.add(EventType.CONTROL, "rollover", facts={"target": ID, "outcome": "done", "via": "rest", "more": 1})
    ring.add(EventType.NOTICE, "problem")
    expected = {"action": "rollover", "at_us": 7, "target": ID, "outcome": "done", "via": "rest"}
    assert told == [(CONTROL_ACTION, expected)]
    assert [event.what for event in kept(ring)] == ["rollover", "problem"], "what traces show is no event"
