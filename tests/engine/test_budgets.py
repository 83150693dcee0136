"""An exchange's limits are never passed, whoever asks and whenever."""

import pytest
from hypothesis import given, settings
from hypothesis.strategies import booleans, floats, integers, lists, sampled_from, tuples

from gateway.engine.budgets import Budgets, ConnectionBudgets, Window
from gateway.spi.contract import Limit, Scope

MESSAGES = Limit("messages", 5, 1.0, Scope.CONNECTION, counts_control_frames=True)
DIALS = Limit("dials", 300, 300.0)
ORDERS = Limit("orders", 10, 10.0, Scope.ACCOUNT)


def most_in_any_window(uses: list[tuple[float, int]], per: float) -> int:
    """Count naively: in each half-open window that begins with a use."""
    return max((sum(n for at, n in uses if start <= at < start + per) for start, _ in uses), default=0)


# --- one window


@settings(max_examples=300)
@given(
    count=integers(1, 60),
    per=floats(0.1, 100),
    asks=lists(tuples(integers(1, 20), floats(0, 5), booleans()), max_size=80),
)
def test_never_more_than_the_limit_lies_in_any_window(
    count: int, per: float, asks: list[tuple[int, float, bool]]
) -> None:
    """Whether one waits as told, or asks again before and after."""
    window = Window(Limit("l", count, per))
    now, uses = 0.0, []
    for asked, pause, impatient in asks:
        units = min(asked, window.allowed)
        now += pause
        if impatient:
            now += window.wait(units, now) / 3
        while (wait := window.wait(units, now)) > 0:
            now += wait
        window.take(units, now)
        uses.append((now, units))
        assert window.used(now) == sum(n for at, n in uses if at + per > now)
    assert most_in_any_window(uses, per) <= window.allowed <= count


@settings(max_examples=300)
@given(
    events=lists(tuples(sampled_from(["ask", "ask", "control"]), floats(0, 0.4)), max_size=100),
    count=integers(4, 12),
)
def test_with_control_frames_the_limit_holds_as_long_as_one_comes_in_a_window(
    events: list[tuple[str, float]], count: int
) -> None:
    """Control frames cannot wait, so one unit is always left for one of them."""
    budgets = Budgets().for_connection(
        [Limit("l", count, 1.0, Scope.CONNECTION, counts_control_frames=True)], None
    )
    now, control_at = 0.0, -9.0
    uses: list[tuple[float, int]] = []
    for kind, pause in events:
        now += pause
        if kind == "ask":
            now += budgets.wait({"l": 1}, now)
            budgets.take({"l": 1}, now)
            uses.append((now, 1))
        elif now - control_at >= 1.0:
            budgets.charge_control_frame(now)
            uses.append((now, 1))
            control_at = now
    assert most_in_any_window(uses, 1.0) <= count - max(0, round(count * 0.1))


def test_a_tenth_is_left_unused_and_a_limit_of_one_stays_one() -> None:
    assert [Window(Limit("l", count, 1.0)).allowed for count in (1, 2, 5, 10, 300, 6000)] == [
        1,
        1,
        4,
        9,
        270,
        5400,
    ]


def test_the_wait_is_exactly_until_enough_units_come_back() -> None:
    window = Window(Limit("l", 10, 60.0))
    for at in (0.0, 10.0, 20.0):
        window.take(3, at)
    assert window.wait(1, 20.0) == 40.0
    assert window.wait(3, 20.0) == 40.0
    assert window.wait(4, 20.0) == 50.0
    assert window.wait(9, 20.0) == 60.0
    assert window.wait(1, 59.999) == pytest.approx(0.001)
    assert window.wait(3, 60.0) == 0.0
    assert window.used(60.0) == 6


def test_what_can_never_be_had_is_refused() -> None:
    window = Window(Limit("weight", 10, 60.0))
    with pytest.raises(ValueError, match=r"^limit weight allows 9 units at once, not 10$"):
        window.wait(10, 0.0)
    with pytest.raises(ValueError, match=r"^limit weight allows 8 units at once, not 9$"):
        window.wait(9, 0.0, spare=1)
    assert Window(Limit("l", 1, 1.0)).wait(1, 0.0, spare=1) == 0.0, "one is always allowed"


@pytest.mark.parametrize(("units", "left"), [(1, 22), (60, 22), (68, 22), (80, 10), (90, 0), (91, 0)])
def test_whoever_can_wait_leaves_a_quarter_as_far_as_he_is_not_denied_all(units: int, left: int) -> None:
    """Of a hundred ninety are allowed."""
    assert Window(Limit("weight", 100, 60.0)).reserve(units) == left


def test_the_exchanges_own_count_is_believed_where_it_says_more() -> None:
    window = Window(Limit("weight", 100, 60.0))
    window.take(10, 0.0)
    window.correct(50, 30.0)
    assert window.used(30.0) == 50
    window.correct(20, 31.0)
    assert window.used(31.0) == 50
    assert window.used(60.0) == 40, "the rest came to light later"
    assert window.used(90.0) == 0
    window.correct(0, 91.0)
    assert window.used(91.0) == 0


def test_a_correction_from_another_user_of_the_address_makes_us_wait() -> None:
    window = Window(Limit("weight", 100, 60.0))
    window.correct(1000, 0.0)
    assert window.wait(1, 0.0) == 60.0


def test_a_block_lets_nothing_through_and_is_never_shortened() -> None:
    window = Window(Limit("l", 10, 1.0))
    window.block(60.0, 0.0)
    window.block(10.0, 5.0)
    assert window.wait(1, 5.0) == 55.0
    assert window.wait(1, 60.0) == 0.0
    window.take(9, 60.0)
    window.block(0.5, 60.0)
    assert window.wait(1, 60.0) == 1.0, "the later of both"
    window.block(2.0, 60.0)
    assert window.wait(1, 60.0) == 2.0


def test_a_windows_memory_is_bounded_by_its_limit() -> None:
    window = Window(Limit("l", 10, 1.0))
    for step in range(10_000):
        now = step / 10
        if window.wait(1, now) == 0:
            window.take(1, now)
    assert len(window._used) <= 10
    window.take(0, 1e6)
    assert window.used(1e6) == 0


# --- shared by whom


def test_an_address_shares_its_limit_among_all_exchanges_and_connections() -> None:
    budgets = Budgets()
    budgets.register([DIALS, MESSAGES])
    budgets.register([DIALS])
    one, two = (budgets.for_connection([DIALS, MESSAGES], account) for account in (None, "main"))
    one.take({"dials": 270, "messages": 3}, 0.0)
    assert two.wait({"dials": 1}, 0.0) == 300.0
    assert two.wait({"messages": 1}, 0.0) == 0.0, "each connection has its own"
    assert one.wait({"messages": 1}, 0.0) == 1.0


def test_a_limit_that_nobody_registered_is_shared_from_its_first_use_on() -> None:
    budgets = Budgets()
    budgets.for_connection([DIALS], None).take({"dials": 270}, 0.0)
    assert budgets.for_connection([DIALS], None).wait({"dials": 1}, 0.0) > 0


def test_an_account_shares_its_limit_among_its_connections_alone() -> None:
    budgets = Budgets()
    main, again, other = (budgets.for_connection([ORDERS], account) for account in ("main", "main", "other"))
    main.take({"orders": 9}, 0.0)
    assert again.wait({"orders": 1}, 0.0) == 10.0
    assert other.wait({"orders": 1}, 0.0) == 0.0


def test_one_name_cannot_have_two_meanings() -> None:
    budgets = Budgets()
    budgets.register([DIALS])
    for other in (Limit("dials", 299, 300.0), Limit("dials", 300, 60.0)):
        with pytest.raises(ValueError, match=r"^limit dials is declared twice with different figures$"):
            budgets.register([other])
    budgets.register([Limit("dials", 1, 1.0, Scope.CONNECTION)])


# --- one connection's limits


def connection() -> ConnectionBudgets:
    return Budgets().for_connection([MESSAGES, DIALS, ORDERS], "main")


def test_a_cost_waits_for_the_slowest_of_its_limits() -> None:
    ours = connection()
    ours.take({"messages": 3, "orders": 9}, 0.0)
    assert ours.wait({"messages": 1}, 0.0) == 1.0
    assert ours.wait({"messages": 1, "orders": 1}, 0.0) == 10.0
    assert ours.wait({}, 0.0) == 0.0


def test_one_unit_is_always_left_for_a_pong() -> None:
    ours = connection()
    sent = 0
    while ours.wait({"messages": 1}, 0.0) == 0.0:
        ours.take({"messages": 1}, 0.0)
        sent += 1
    assert sent == 3
    ours.charge_control_frame(0.0)
    assert ours.used(0.0) == {"messages": (4, 5), "dials": (0, 300), "orders": (0, 10)}


def test_whoever_yields_waits_until_a_reserve_is_left_and_others_find_it() -> None:
    one = Budgets().for_connection([Limit("weight", 100, 60.0)], None)
    one.take({"weight": 60}, 0.0)
    assert one.wait({"weight": 8}, 1.0, yields=True) == 0
    assert one.wait({"weight": 9}, 1.0, yields=True) == 59
    assert one.wait({"weight": 9}, 1.0) == 0
    assert one.wait({"weight": 90}, 1.0, yields=True) == 59


def test_one_unit_is_left_for_a_pong_by_whoever_yields_too() -> None:
    one = Budgets().for_connection([MESSAGES], None)
    assert one.wait({"messages": 3}, 0.0, yields=True) == 0
    with pytest.raises(ValueError, match="allows 3 units at once, not 4"):
        one.wait({"messages": 4}, 0.0, yields=True)


def test_control_frames_count_where_the_exchange_counts_them_and_nowhere_else() -> None:
    ours = connection()
    for _ in range(4):
        ours.charge_control_frame(0.0)
    assert ours.wait({"messages": 1}, 0.5) == 0.5
    assert ours.used(0.5) == {"messages": (4, 5), "dials": (0, 300), "orders": (0, 10)}


def test_undeclared_limits_are_named() -> None:
    ours = connection()
    for use in (ours.wait, ours.take):
        with pytest.raises(ValueError, match=r"^cost names undeclared limits: beer, weight$"):
            use({"weight": 1, "messages": 1, "beer": 1}, 0.0)
    assert ours.used(0.0)["messages"] == (0, 5), "and nothing was taken"


def test_a_block_holds_for_its_scope_alone() -> None:
    ours = connection()
    ours.block(Scope.IP, 60.0, 0.0)
    assert ours.wait({"dials": 1}, 0.0) == 60.0
    assert ours.wait({"messages": 1, "orders": 1}, 0.0) == 0.0
    ours.block(Scope.ACCOUNT, 30.0, 0.0)
    assert ours.wait({"orders": 1}, 0.0) == 30.0


def test_a_ban_of_the_address_holds_for_connections_that_are_made_later() -> None:
    budgets = Budgets()
    budgets.for_connection([DIALS], None).block(Scope.IP, 600.0, 0.0)
    assert budgets.for_connection([DIALS], "later").wait({"dials": 1}, 0.0) == 600.0


def test_the_exchanges_count_corrects_the_limit_it_is_about() -> None:
    ours = connection()
    ours.correct("dials", 270, 0.0)
    assert ours.used(0.0) == {"messages": (0, 5), "dials": (270, 300), "orders": (0, 10)}
    assert ours.wait({"dials": 1}, 0.0) == 300.0


# --- where an exchange wants to hear nothing


def test_a_ban_is_heeded_where_no_limit_of_its_scope_is_declared() -> None:
    budgets = Budgets()
    ours, others = (budgets.for_connection([MESSAGES], None, exchange) for exchange in ("mock", "acme"))
    assert ours.quiet(0.0) == 0.0
    ours.block(Scope.IP, 60.0, 0.0)
    ours.block(Scope.IP, 10.0, 0.0)
    assert budgets.for_connection([], "later", "mock").quiet(0.0) == 60.0
    assert budgets.for_connection([], None, "mock").quiet(45.0) == 15.0
    assert ours.quiet(60.0) == 0.0
    assert others.quiet(0.0) == 0.0, "another exchange is somebody else"
    assert ours.wait({"messages": 1}, 0.0) == 0.0, "an open connection may speak"


def test_a_ban_of_an_account_keeps_its_connections_alone_quiet() -> None:
    budgets = Budgets()
    public, main, other = (budgets.for_connection([], account, "mock") for account in (None, "main", "other"))
    main.block(Scope.ACCOUNT, 60.0, 0.0)
    assert [one.quiet(0.0) for one in (public, main, other)] == [0.0, 60.0, 0.0]
    public.block(Scope.ACCOUNT, 60.0, 0.0)
    public.block(Scope.CONNECTION, 60.0, 0.0)
    assert public.quiet(0.0) == 0.0
    public.block(Scope.IP, 30.0, 0.0)
    assert [one.quiet(0.0) for one in (public, main, other)] == [30.0, 60.0, 30.0]
