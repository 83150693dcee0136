"""What an epoch tells traces after the fact."""

from types import SimpleNamespace
from typing import Any

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.feeds import Feed
from gateway.engine.observer import ACCOUNT_EVENT, FIRST_DATA
from gateway.runtime.milestones import Milestones


def milestones(account: str | None, *feeds: Feed) -> tuple[Milestones, list[tuple[Any, ...]]]:
    told: list[tuple[Any, ...]] = []
    times = iter(range(100, 200, 10))
    ground: Any = SimpleNamespace(
        wall_us=lambda: next(times),
        observer=SimpleNamespace(noticed=lambda id_, epoch, what, **facts: told.append((id_, epoch, what, facts))),
    )
    connection: Any = SimpleNamespace(id="mock/a", account=account, feeds={feed.stream: feed for feed in feeds})
    return Milestones(3, connection, ground), told


def test_the_first_datum_of_an_epoch_is_told_once_however_many_streams_begin() -> None:
    one, told = milestones(None)
    one.flows()
    one.flows()
    assert told == [("mock/a", 3, FIRST_DATA, {"begun_us": 100, "at_us": 110})]


class Lately(AccountFeed):
    """Something has happened."""

    def lately(self) -> tuple[tuple[str, int | None, int], ...]:
        return (("orders", 5, 9), ("balances", None, 10))


def test_what_happened_in_an_account_is_told() -> None:
    one, told = milestones("main", Lately("user", lambda _: False), Feed("other"))
    one.check()
    assert [(what, facts) for _, _, what, facts in told] == [
        (ACCOUNT_EVENT, {"account": "main", "channel": "orders", "begun_us": 5, "at_us": 9}),
        (ACCOUNT_EVENT, {"account": "main", "channel": "balances", "begun_us": None, "at_us": 10}),
    ]


def test_what_is_no_account_has_no_events() -> None:
    one, told = milestones(None, Lately("user", lambda _: False))
    one.check()
    assert told == []
