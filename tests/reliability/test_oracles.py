"""The oracles find what they are for: each is shown what must not be."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from expected import EXPECTED, Expected
from judging import ROWS, differences, own_ends
from oracles import Dials, Ledger, Levels, Moves
from stage import PUBLIC, play

from gateway.engine import registry
from gateway.engine.messages import Message, Notice, TopicEvent, TopicStatus
from gateway.engine.retry import Backoff
from gateway.errors import Reason
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.model.subscriptions import parse_topic
from gateway.spi import BookDelta, BookSnapshot
from gateway.testing.memory import MemoryNetwork
from gateway.testing.virtual import run

TOPIC = parse_topic("mock:trades:BTC-USDT")


def datum(number: int, offset: int, *, kind: Any = "update", record: Any = None) -> Message:
    records = (record or SimpleNamespace(id=number),)
    return Message(TOPIC, kind, records, ts=None, recv_us=0, offset=offset, frame=b"")


def notice(status: Any) -> Notice:
    return Notice(TOPIC, status, "", at_us=0)


def heard(*messages: Message | Notice) -> list[str]:
    ledger = Ledger(lambda one: one.id)
    for one in messages:
        ledger.hear(one)
    return ledger.wrong


def test_numbers_that_follow_and_holes_that_are_told_are_right() -> None:
    assert heard(notice(TopicStatus.LIVE), datum(5, 1), datum(6, 2), notice(TopicEvent.GAP), datum(9, 3)) == []
    assert heard(datum(1, 1), notice(TopicStatus.DISCONNECTED), notice(TopicStatus.LIVE), datum(4, 2)) == []


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ((datum(1, 1), datum(3, 2)), "nobody told"),
        ((datum(1, 1), notice(TopicStatus.STALE), datum(3, 2)), "nobody told"),
        ((datum(1, 1), notice(TopicEvent.GAP), datum(3, 2), datum(5, 3)), "nobody told"),
        ((datum(1, 1), datum(1, 2)), "1 came after 1"),
        ((datum(2, 1), notice(TopicEvent.GAP), datum(1, 2)), "1 came after 2"),
        ((datum(1, 1), datum(2, 3)), "offset 3 after 1"),
    ],
)
def test_what_is_lost_doubled_or_reordered_is_found(messages: Any, complaint: str) -> None:
    [wrong] = heard(*messages)
    assert complaint in wrong


def test_a_book_that_was_merged_or_lost_a_change_is_found() -> None:
    book = {"bids": [("1", "1")], "asks": [("2", "1")]}
    levels = Levels()
    whole = BookSnapshot(bids=[("1", "1")], asks=[("2", "1"), ("3", "1")], last=1, ts=1)
    levels.hear(datum(1, 1, kind="snapshot", record=whole))
    assert levels.differs(book) == ["LEDGER: asks of the book differ"]
    levels.hear(datum(2, 2, record=BookDelta(bids=[], asks=[("3", "0")], last=2, ts=1, previous=1)))
    assert levels.differs(book) == []


def change(before: S, after: S, epoch: int) -> Change:
    return Change(connection_id=PUBLIC, epoch=epoch, before=before, after=after, reason=Reason.ASKED, at_us=0)


@pytest.mark.parametrize(
    ("changes", "complaints"),
    [
        ([(S.DISCONNECTED, S.CONNECTING, 1), (S.CONNECTING, S.CONNECTED, 1), (S.CONNECTED, S.CONNECTED, 2)], 0),
        ([(S.DISCONNECTED, S.CONNECTED, 1)], 1),
        ([(S.CONNECTED, S.CONNECTED, 1), (S.CONNECTED, S.CONNECTED, 1)], 1),
        ([(S.DISCONNECTED, S.CONNECTING, 2), (S.CONNECTING, S.CONNECTED, 1)], 1),
    ],
)
def test_moves_that_there_are_not_and_epochs_that_fall_are_found(changes: Any, complaints: int) -> None:
    moves = Moves(MemoryNetwork())
    for one in changes:
        moves.changed(change(*one))
    assert len(moves.wrong) == complaints


def test_a_connection_without_a_socket_is_found() -> None:
    moves = Moves(MemoryNetwork())
    moves.sample(SimpleNamespace(snapshot=SimpleNamespace(live={PUBLIC: None})))
    assert moves.wrong == ["GHOST: 1 are live, 0 sockets are held"]


def test_dials_are_counted_by_the_window() -> None:
    async def main() -> Dials:
        network = MemoryNetwork()
        dials = Dials(network, asyncio.get_running_loop().time)
        for wait in (0.0, 1.0, 0.1, 0.1, 5.0):
            await asyncio.sleep(wait)
            transport = await network.open(SimpleNamespace(url="ws://x", headers={}), max_frame=1)  # type: ignore[arg-type]
            await transport.close()
        return dials

    dials = run(main())
    assert (dials.most_within(0.5), dials.most_within(2.0), dials.between(0.5, 3.0)) == (3, 4, 3)


# --- mistakes in the gateway


def found(name: str) -> list[str]:
    scenario, expected = ROWS[name].scenario, EXPECTED[name]
    assert scenario is not None
    last = max(moment.at for moment in scenario.moments())
    return differences(play(scenario, last + 60.0), expected, own_ends(scenario))


def test_whoever_stays_live_after_its_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    swap = registry.ConnectionRegistry._swap

    def late(self: Any, supervised: Any, live: Any) -> None:
        swap(self, supervised, {**getattr(self, "before", {}), **live})
        self.before = live

    monkeypatch.setattr(registry.ConnectionRegistry, "_swap", late)
    assert any(one.startswith("GHOST") for one in found("A08"))


def test_whoever_storms_an_exchange_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "next", lambda self, *, first: 0.2)
    assert "ever more slowly" in found("E11")


def test_another_end_than_the_expected_is_found() -> None:
    scenario = ROWS["B10"].scenario
    assert scenario is not None
    played = play(scenario, 100.0)
    told = differences(played, Expected(), own_ends(scenario))
    assert told == ["they fail for ['closed_by_peer', 'protocol_error']"]
    both = {"protocol_error", "closed_by_peer"}
    assert "they end as" in str(differences(played, Expected(stops=True), both))
