"""Which tokens are good, and that the door never opens by itself again."""

import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.serving.auth import keeper as module
from gateway.serving.auth.keeper import NEVER, Keeper
from gateway.serving.auth.scopes import OPEN

Issue = Callable[..., Any]


class Clock:
    now = 100

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_without_any_none_is_needed_unless_one_must_be_shown(clock: Clock) -> None:
    assert Keeper(clock).anonymous() is OPEN
    assert Keeper(clock, must=True).anonymous() is None


def test_a_token_allows_its_scopes_and_no_one_else_gets_in(issue: Issue, clock: Clock) -> None:
    keeper, one, other = Keeper(clock), issue("market:read"), issue("admin")
    keeper.know([one.kept])
    access = keeper.access(one.text)
    assert access is not None
    assert (access.token, access.scopes) == (one.kept.id, {"market:read"})
    assert keeper.anonymous() is None
    for wrong in ("", "x", other.text, one.text[:-1] + ("0" if one.text[-1] != "0" else "1"), f"{one.text} "):
        assert keeper.access(wrong) is None
    mixed = f"gw1_{one.kept.id}_{other.text.rpartition('_')[2]}"
    assert keeper.access(mixed) is None


def test_several_of_one_principal_are_good_at_once(issue: Issue, clock: Clock) -> None:
    keeper, old, new = Keeper(clock), issue("market:read", name="bot"), issue("market:read", name="bot")
    keeper.know([old.kept, new.kept])
    assert keeper.access(old.text)
    assert keeper.access(new.text)


def test_a_token_is_good_until_it_expires(issue: Issue, clock: Clock) -> None:
    keeper, one, other = Keeper(clock), issue("metrics", expires_us=200), issue("metrics")
    keeper.know([one.kept, other.kept])
    access = keeper.access(one.text)
    assert access is not None
    assert (keeper.next_end_us, keeper.stands(access)) == (200, True)
    clock.now = 199
    assert keeper.access(one.text)
    clock.now = 200
    assert keeper.access(one.text) is None
    assert not keeper.stands(access)
    assert keeper.next_end_us == NEVER


@pytest.mark.parametrize("change", [{"revoked_us": 50}, {"expires_us": 50}])
def test_once_there_was_one_the_door_stays_shut(issue: Issue, clock: Clock, change: dict[str, int]) -> None:
    keeper, one = Keeper(clock), issue("market:read")
    keeper.know([replace(one.kept, **change)])
    assert keeper.access(one.text) is None
    assert keeper.anonymous() is None
    assert not keeper.stands(OPEN)
    assert not keeper.has_good


def test_who_came_by_a_token_that_is_revoked_or_gone_stands_no_longer(issue: Issue, clock: Clock) -> None:
    keeper, one, other = Keeper(clock), issue("market:read"), issue("market:read")
    keeper.know([one.kept, other.kept])
    first, second = keeper.access(one.text), keeper.access(other.text)
    assert first is not None
    assert second is not None
    keeper.know([replace(one.kept, revoked_us=1), other.kept])
    assert [keeper.stands(access) for access in (first, second)] == [False, True]
    keeper.know([one.kept])
    assert [keeper.stands(access) for access in (first, second)] == [True, False]


def test_digests_are_compared_in_constant_time_for_unknown_ids_too(
    issue: Issue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, one, other = Keeper(clock), issue("admin"), issue("admin")
    keeper.know([one.kept])
    compared: list[bytes] = []
    really = hmac.compare_digest

    def compare(left: bytes, right: bytes) -> bool:
        compared.append(right)
        return really(left, right)

    monkeypatch.setattr(module.hmac, "compare_digest", compare)
    keeper.access(one.text)
    keeper.access(other.text)
    assert compared == [one.kept.digest, bytes(32)]
