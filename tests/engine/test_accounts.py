"""What is newer is decided by what a record says, whichever way it came; nothing known grows without end."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.engine import accounts
from gateway.engine.accounts import AccountState, is_older, is_open
from gateway.model.account import Balance, Order, OrderStatus, Position
from gateway.model.market import Quote


def order(status: OrderStatus = "new", filled: str | None = "0", ts: int = 1, **more: Any) -> Order:
    given: dict[str, Any] = {"order_id": 1, "symbol": "BTC-USDT", "side": "buy"} | more
    return Order(status=status, filled=filled, ts=ts, **given)


# --- orders


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (order("pending"), order("new")),
        (order("new"), order("partially_filled", "0.5")),
        (order("partially_filled", "0.5"), order("partially_filled", "0.75")),
        (order("partially_filled", "9.5"), order("partially_filled", "10.5")),
        (order("partially_filled", "0.5"), order("filled", "1")),
        (order("partially_filled", "0.5"), order("canceled", "0.5")),
        (order("new"), order("expired")),
        (order("new"), order("rejected")),
        (order("new", ts=1), order("new", ts=2)),
        (order("partially_filled", "0.5", ts=9), order("filled", "1", ts=1)),
        (order("new", None), order("canceled", "0")),
        (order("new", "0", ts=1), order("new", None, ts=2)),
    ],
)
def test_an_order_that_is_further_on_is_newer_whatever_the_time_says(earlier: Order, later: Order) -> None:
    assert is_older(earlier, later)
    assert not is_older(later, earlier)
    state = AccountState()
    assert state.take(later)
    assert not state.take(earlier)
    state = AccountState()
    assert state.take(earlier)
    assert state.take(later)


def test_as_much_spelled_otherwise_is_no_less() -> None:
    """A host writes ``0.50`` where another writes ``0.5``."""
    state = AccountState()
    assert state.take(order("partially_filled", "0.50"))
    assert state.take(order("partially_filled", "0.5"))


def test_what_says_the_same_once_more_is_told_for_it_may_say_it_better() -> None:
    state = AccountState()
    assert state.take(order("filled", "1"))
    assert state.take(order("filled", "1", fee="0.1", fee_asset="BNB", trade_id=7))


def test_orders_are_told_apart_by_symbol_too() -> None:
    """Many exchanges count each symbol's orders by themselves."""
    state = AccountState()
    assert state.take(order("filled", "1"))
    assert state.take(order("new", symbol="ETH-USDT"))
    assert [one.symbol for one in state.open_orders()] == ["ETH-USDT"]


def test_an_open_order_is_known_without_its_last_fill() -> None:
    """Whoever joins would count it a second time."""
    state = AccountState()
    fill: dict[str, Any] = {"last_price": "9", "last_size": "1", "fee": "1", "fee_asset": "BNB", "trade_id": 3}
    state.take(order("partially_filled", "1", client_order_id="mine", **fill))
    assert state.records(Order) == [order("partially_filled", "1", client_order_id="mine")]


@pytest.mark.parametrize("status", ["filled", "canceled", "rejected", "expired"])
def test_an_order_that_has_ended_is_not_open_and_does_not_come_back(status: OrderStatus) -> None:
    state = AccountState()
    state.take(order("new"))
    assert state.take(order(status, "1"))
    assert not is_open(order(status))
    assert state.open_orders() == []
    assert not state.take(order("partially_filled", "0.5"))


def test_so_many_ended_orders_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "ENDED", 2)
    state = AccountState()
    state.take(order("new", order_id=0))
    for number in (1, 2, 3):
        assert state.take(order("filled", "1", order_id=number))
        assert state.take(order("filled", "1", order_id=number)), "once more is one"
    assert not state.take(order("new", order_id=3))
    assert not state.take(order("new", order_id=2))
    assert state.take(order("new", order_id=1)), "it was forgotten"
    assert {one.order_id for one in state.open_orders()} == {0, 1}
    assert state._orders.spoken_of <= state._orders._by_key.keys()


def test_an_ended_order_that_had_made_room_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "ENDED", 1)
    monkeypatch.setattr(accounts, "MOST", 2)
    state = AccountState()
    state.take(order("filled", "1", order_id=1))
    state.take(order("new", order_id=2))
    state.take(order("new", order_id=3))  # the first makes room
    state.take(order("new", order_id=1))  # and comes back, which nobody can know
    state.take(order("filled", "1", order_id=3))
    assert [one.order_id for one in state.open_orders()] == [1]


def test_so_many_records_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MOST", 3)
    state = AccountState()
    for number in range(5):
        state.take(Balance(str(number), 1, free="1"))
    assert [one.asset for one in state.records(Balance)] == ["2", "3", "4"]
    assert len(state._balances.spoken_of) == 3


# --- balances and positions


def test_a_balance_that_is_as_new_is_told_and_an_older_one_is_not() -> None:
    state = AccountState()
    assert state.take(Balance("BTC", 5, free="1", locked="0"))
    assert not state.take(Balance("BTC", 4, free="2", locked="0"))
    assert state.take(Balance("BTC", 5, free="3", locked="0"))
    assert state.take(Balance("ETH", 1, total="3"))
    assert state.records(Balance) == [Balance("BTC", 5, free="3", locked="0"), Balance("ETH", 1, total="3")]


def test_what_is_known_of_a_balance_is_how_much_and_not_how_it_came_about() -> None:
    state = AccountState()
    state.take(Balance("BTC", 5, total="3", change="1", reason="DEPOSIT"))
    assert state.records(Balance) == [Balance("BTC", 5, total="3")]


def test_a_change_alone_is_told_unless_what_was_fetched_has_it() -> None:
    state = AccountState()
    assert state.take(Balance("BTC", 5, change="1"))
    assert state.records(Balance) == [], "how much there is nobody knows"
    state.take(Balance("BTC", 9, free="1"))
    assert state.take(Balance("BTC", 5, change="1")), "the stream's own order counts"
    state.load([Balance("BTC", 9, free="1")])
    assert not state.take(Balance("BTC", 9, change="1"))
    assert state.take(Balance("BTC", 10, change="1"))


def test_positions_are_told_apart_by_side() -> None:
    state = AccountState()
    assert state.take(Position("BTC", "1", 5, side="long"))
    assert state.take(Position("BTC", "-1", 3, side="short"))
    assert not state.take(Position("BTC", "2", 4, side="long"))
    assert len(state.records(Position)) == 2


def test_what_is_no_record_of_an_account_is_refused() -> None:
    with pytest.raises(TypeError, match="Quote is no record of an account"):
        AccountState().take(Quote("1", "1", "2", "1"))


# --- what was fetched


def test_what_was_fetched_replaces_what_was_known() -> None:
    state = AccountState()
    for record in (order(order_id=1), order(order_id=2), Balance("BTC", 1, free="1"), Position("BTC", "1", 1)):
        state.take(record)
    state.begin()
    whole = [order("partially_filled", "0.5", 2, order_id=2), order(order_id=3), Balance("ETH", 1, free="1")]
    assert state.load(whole) == whole
    assert [one.order_id for one in state.open_orders()] == [2, 3]
    assert state.records(Position) == []


def test_what_the_stream_spoke_of_meanwhile_is_not_gone() -> None:
    state = AccountState()
    state.take(order(order_id=1))
    state.begin()
    state.take(order(order_id=2))
    state.take(Position("BTC", "1", 5))
    assert state.load([]) == [order(order_id=2), Position("BTC", "1", 5)]


def test_what_the_stream_knows_better_is_not_told_as_it_was_fetched() -> None:
    state = AccountState()
    state.begin()
    state.take(order("partially_filled", "0.5", ts=3))
    state.take(Balance("BTC", 7, free="3"))
    fetched = [order("new", ts=2), Balance("BTC", 6, free="2")]
    assert state.load(fetched) == [order("partially_filled", "0.5", ts=3), Balance("BTC", 7, free="3")]


def test_the_end_of_an_order_is_told_once() -> None:
    state = AccountState()
    state.take(order("new", order_id=1))
    state.take(order("filled", "1", order_id=2))
    ends = [order("filled", "1", 5, order_id=1), order("filled", "1", 5, order_id=2)]
    assert state.load(ends) == [ends[0]], "of the other one it was known"
    assert state.load(ends) == []


def test_an_end_is_remembered_though_no_exchange_lists_what_has_ended() -> None:
    state = AccountState()
    state.take(order("filled", "1"))
    state.begin()
    assert state.load([]) == []
    assert not state.take(order("new")), "it comes late"


def test_an_end_that_the_stream_has_told_meanwhile_stays_told() -> None:
    state = AccountState()
    state.begin()
    state.take(order("canceled", "0.5", ts=9))
    assert state.load([order("new", "0", ts=1)]) == []


# --- an exchange, an account, and two ways to hear of it


@dataclass
class Life:
    """One order on its way, and the balance that it changes."""

    orders: list[Order] = field(default_factory=lambda: [order("new", "0", 1)])

    def on(self, step: str) -> None:
        last = self.orders[-1]
        if not is_open(last):
            return
        filled = int(last.filled or 0)
        if step == "fill":
            self.orders.append(
                order("filled" if filled == 3 else "partially_filled", str(filled + 1), last.ts + 1)
            )
        elif step == "amend":
            self.orders.append(order(last.status, last.filled, last.ts + 1, price=str(last.ts)))
        else:
            self.orders.append(order("canceled", last.filled, last.ts))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["fill", "amend", "cancel"]), max_size=6),
    st.lists(st.integers(0, 6), max_size=4),
    st.data(),
)
def test_nothing_goes_backwards_and_the_last_that_is_told_is_the_truth(
    steps: list[str], fetched_at: list[int], data: st.DataObject
) -> None:
    """The stream is in order but late by any amount; each fetch shows some moment, older than a later one's."""
    life = Life()
    for step in steps:
        life.on(step)
    events = list(life.orders)
    fetches = sorted(min(at, len(events) - 1) for at in fetched_at)
    state, told = AccountState(), []
    state.begin()
    while events or fetches:
        if events and (not fetches or data.draw(st.booleans())):
            one = events.pop(0)
            told += [one] if state.take(one) else []
        else:
            told += state.load([life.orders[fetches.pop(0)]])
            state.begin()
    assert all(not is_older(after, before) for before, after in pairwise(told))
    assert told[-1] == life.orders[-1]
    assert state.open_orders() == [one for one in life.orders[-1:] if is_open(one)]
