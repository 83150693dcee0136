"""What a client of the soak counts as lost and told, lost and untold, and doubled."""

import pytest
from soak_ledger import Ledger

TOPIC = "mock:trades:BTC-USDT"


def trades(*ids):
    return {"topic": TOPIC, "type": "update", "data": [{"id": number} for number in ids]}


def status(what, **more):
    return {"topic": TOPIC, "type": "status", "status": what, **more}


def gap(first, last):
    return status("gap", **{"from": first, "to": last})


@pytest.fixture
def ledger():
    return Ledger([TOPIC])


def counted(ledger, *messages):
    for message in messages:
        ledger.take(message)
    one = ledger.counts
    return one.received, one.told, one.untold, one.doubled


def test_what_follows_is_received(ledger):
    assert counted(ledger, trades(5), trades(6, 7)) == (3, 0, 0, 0)
    assert ledger.counts.complaints("it") == []
    assert ledger.skipped == 4


def test_what_is_missing_and_was_told_is_no_complaint(ledger):
    assert counted(ledger, trades(1), gap(2, 3), gap(4, 4), trades(5)) == (2, 3, 0, 0)
    assert ledger.counts.complaints("it") == []


@pytest.mark.parametrize("told", [(), (gap(3, 4),), (gap(2, 2), gap(4, 4)), (status("disconnected"),)])
def test_what_is_missing_and_was_not_told_is_one(ledger, told):
    counted(ledger, trades(1), *told, trades(5))
    assert ledger.counts.untold > 0
    assert ledger.counts.untold + ledger.counts.told == 3
    assert ledger.counts.complaints("it") == [f"it: {ledger.counts.untold} records are missing and nobody said so"]


def test_a_gap_says_nothing_of_what_is_missing_later(ledger):
    assert counted(ledger, trades(1), gap(2, 9), trades(10), trades(12)) == (3, 8, 1, 0)


def test_what_comes_again_is_doubled(ledger):
    assert counted(ledger, trades(1, 2, 2, 1, 3)) == (5, 0, 0, 2)
    assert ledger.counts.complaints("it") == ["it: 2 records came twice"]


def test_what_comes_though_it_was_told_to_be_missing_is_a_complaint(ledger):
    counted(ledger, trades(1), gap(2, 3), trades(2, 3))
    assert ledger.counts.complaints("it") == ["it: 1 records came though they were told to be missing"]


def test_jumps_are_what_the_client_found_itself(ledger):
    ledger.take({"topic": TOPIC, "type": "jump", "expected": 1, "offset": 3})
    assert ledger.counts.complaints("it") == ["it: 1 jumps between offsets"]


LAG = {"topic": TOPIC, "type": "lag", "from": 1, "to": 9}
AWAY = {"topic": TOPIC, "type": "away", "text": "it broke"}


def back(*, recovered):
    return {"topic": TOPIC, "type": "back", "recovered": recovered, "status": "live", "epoch": "e", "offset": 1}


def test_whoever_was_too_slow_or_came_back_too_late_was_told_so(ledger):
    assert counted(ledger, trades(1), LAG, trades(9), AWAY, back(recovered=False), trades(20)) == (3, 17, 0, 0)


def test_whoever_came_back_in_time_misses_nothing(ledger):
    assert counted(ledger, trades(1), AWAY, back(recovered=True), trades(3)) == (2, 0, 1, 0)


def test_all_has_come_once_every_topic_is_live_and_far_enough():
    ledger = Ledger([TOPIC, "other"])
    for message in (trades(7), status("live"), {**trades(3), "topic": "other"}):
        ledger.take(message)
    assert ledger.behind([7, 3]) == ["other (pending, 0)"]
    ledger.take({**status("live"), "topic": "other"})
    assert ledger.has_reached([7, 3])
    assert ledger.behind([8, 3]) == ["mock:trades:BTC-USDT (live, -1)"]
    ledger.take(status("restored"))
    assert ledger.has_reached([7, 3])
    ledger.take(status("disconnected"))
    assert not ledger.has_reached([7, 3])
