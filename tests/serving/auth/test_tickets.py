"""A ticket is good once, for half a minute, and no longer than its token."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.serving.auth.keeper import Keeper
from gateway.serving.auth.scopes import OPEN, Access
from gateway.serving.auth.tickets import LASTS, MOST, Tickets


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def one(issue: Callable[..., Any]) -> Any:
    return issue("market:read")


@pytest.fixture
def keeper(one: Any) -> Keeper:
    keeper = Keeper(lambda: 1)
    keeper.know([one.kept])
    return keeper


@pytest.fixture
def access(keeper: Keeper, one: Any) -> Access:
    access = keeper.access(one.text)
    assert access is not None
    return access


def test_it_is_good_once(keeper: Keeper, access: Access, clock: Clock) -> None:
    tickets = Tickets(keeper, clock)
    ticket = tickets.give(access)
    assert ticket is not None
    assert tickets.take(ticket[:-1]) is None
    assert tickets.take(ticket) == access
    assert tickets.take(ticket) is None


def test_it_is_good_for_half_a_minute(keeper: Keeper, access: Access, clock: Clock) -> None:
    tickets = Tickets(keeper, clock)
    first, second = tickets.give(access), tickets.give(access)
    assert first is not None
    assert second is not None
    clock.now = LASTS - 0.001
    assert tickets.take(first) == access
    clock.now = LASTS
    assert tickets.take(second) is None


def test_it_ends_with_its_token(keeper: Keeper, access: Access, clock: Clock, one: Any) -> None:
    tickets = Tickets(keeper, clock)
    ticket = tickets.give(access)
    assert ticket is not None
    keeper.know([replace(one.kept, revoked_us=1)])
    assert tickets.take(ticket) is None
    keeper.know([one.kept])
    assert tickets.take(ticket) is None, "it was used up by the attempt"


def test_only_so_many_of_a_token_wait_and_others_get_theirs(keeper: Keeper, access: Access, clock: Clock) -> None:
    tickets = Tickets(keeper, clock)
    assert all(tickets.give(access) for _ in range(MOST))
    assert tickets.give(access) is None
    assert tickets.give(OPEN) is not None
    clock.now = LASTS
    assert tickets.give(access) is not None


def test_what_waits_is_kept_as_digests(keeper: Keeper, access: Access, clock: Clock) -> None:
    tickets = Tickets(keeper, clock)
    ticket = tickets.give(access)
    assert ticket is not None
    assert ticket not in repr(tickets._waiting)
