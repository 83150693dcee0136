"""What happens to connections is counted by exchange, with names from closed lists alone."""

import asyncio
from typing import Any

import pytest

from gateway.engine.histogram import Histogram
from gateway.errors import Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.model.states import Phase
from gateway.telemetry.metrics.catalogue import CHANGES, EVENTS, OPERATIONS, RECOVERY
from gateway.telemetry.metrics.model import Metric
from gateway.telemetry.metrics.tally import Tally

ID = "mock/stream/0"


def change(after: S, at: float = 0.0, *, reason: Reason = Reason.ASKED, id_: str = ID) -> Change:
    before = next(state for state in S if state is not after)
    return Change(
        connection_id=id_, epoch=1, before=before, after=after, reason=reason, at_us=round(at * 1_000_000)
    )


def told(tally: Tally, metric: Metric) -> dict[tuple[str, ...], Any]:
    return {labels: value for one, labels, value in tally.read() if one is metric and value}


def recoveries(tally: Tally, exchange: str = "mock") -> tuple[int, float]:
    [histogram] = [value for one, labels, value in tally.read() if (one, labels) == (RECOVERY, (exchange,))]
    assert isinstance(histogram, Histogram)
    return sum(histogram.counts), histogram.sum


def test_changes_are_counted_by_state_and_reason_whatever_the_connection() -> None:
    tally = Tally()
    for number in range(3):
        tally.changed(change(S.ERROR, reason=Reason.HEARTBEAT_MISSED, id_=f"mock/stream/{number}"))
    tally.changed(change(S.CONNECTING))
    tally.entered(ID, 1, Phase.DIAL)
    assert told(tally, CHANGES) == {("mock", "ERROR", "heartbeat_missed"): 3, ("mock", "CONNECTING", "asked"): 1}


def test_a_recovery_lasts_from_the_first_failure_to_the_connection_whatever_the_wall_clock_says() -> None:
    clock = [0.0]
    tally = Tally(lambda: clock[0])
    for after, at in ((S.ERROR, 10.0), (S.RECONNECTING, 10.0), (S.CONNECTING, 11.0), (S.ERROR, 12.0)):
        clock[0] = at
        tally.changed(change(after, at))
    clock[0] = 13.5
    tally.changed(change(S.CONNECTED, 3600.0 + 13.5))
    assert recoveries(tally) == (1, 3.5)
    clock[0] = 20.0
    tally.changed(change(S.CONNECTED, 3600.0 + 20.0))
    assert recoveries(tally) == (1, 3.5), "it had not failed again"


def test_what_was_given_up_has_not_recovered_when_it_is_wanted_again() -> None:
    tally = Tally()
    tally.expect("mock")
    tally.changed(change(S.ERROR, 1.0))
    tally.changed(change(S.DISCONNECTED, 2.0))
    tally.changed(change(S.CONNECTED, 99.0))
    assert recoveries(tally) == (0, 0.0)
    assert not tally._failed_at


async def test_what_takes_time_is_counted_by_how_it_ends() -> None:
    tally = Tally()
    with tally.during(ID, 1, "resync"):
        pass
    with pytest.raises(OSError), tally.during(ID, 1, "resync"):
        raise OSError
    with pytest.raises(asyncio.CancelledError), tally.during(ID, 1, "rollover"):
        raise asyncio.CancelledError
    assert told(tally, OPERATIONS) == {
        ("mock", "resync", "done"): 1,
        ("mock", "resync", "failed"): 1,
        ("mock", "rollover", "cancelled"): 1,
    }


def test_events_are_counted_without_what_they_say() -> None:
    tally = Tally()
    for text in ("a secret", "another"):
        tally.noticed(ID, 1, "problem", text=text)
    tally.noticed("gateway", 0, "loop_blocked", seconds=2.0)
    assert told(tally, EVENTS) == {("mock", "problem"): 2, ("gateway", "loop_blocked"): 1}


def test_what_may_never_happen_is_told_as_nought_from_the_start() -> None:
    tally = Tally()
    tally.expect("mock")
    named = {(metric, labels) for metric, labels, _ in tally.read()}
    assert (OPERATIONS, ("mock", "rollover", "failed")) in named
    assert (EVENTS, ("mock", "plugin_error")) in named
    assert recoveries(tally) == (0, 0.0)
