"""Streams fill one connection before the next is opened, and stay where they are."""

from hypothesis import given
from hypothesis.strategies import integers, lists, none, one_of, sampled_from

from gateway.engine.shards import shard_for


def test_a_stream_stays_where_it_is_even_if_that_is_too_full() -> None:
    shards = {0: {"a": 1, "b": 1}, 1: {"c": 1}}
    assert shard_for("b", shards, 1) == 0
    assert shard_for("c", shards, 2) == 1


def test_a_new_stream_goes_to_the_lowest_connection_with_room() -> None:
    assert shard_for("x", {}, 2) == 0
    assert shard_for("x", {0: {"a": 1, "b": 1}}, 2) == 1
    assert shard_for("x", {0: {"a": 1, "b": 1}, 1: {"c": 1}}, 2) == 1
    assert shard_for("x", {0: {"a": 1}, 1: {"c": 1, "d": 1}}, 2) == 0
    assert shard_for("x", {1: {"c": 1}}, 2) == 0
    assert shard_for("x", {0: dict.fromkeys(map(str, range(9999)), 1)}, None) == 0


def test_one_that_is_drained_gets_no_new_stream_and_keeps_those_that_it_has() -> None:
    shards = {0: {"a": 1}, 1: {"b": 1}}
    assert shard_for("x", shards, None, {0}) == 1
    assert shard_for("x", shards, None, {0, 1}) == 2
    assert shard_for("x", shards, 1, {0}) == 2
    assert shard_for("a", shards, None, {0}) == 0


def test_a_limit_that_allows_nothing_does_not_search_without_end() -> None:
    assert shard_for("x", {}, 0) == 0
    assert shard_for("x", {0: {"a": 1}}, -1) == 1


@given(
    names=lists(integers(0, 40), max_size=120),
    gone=lists(integers(0, 40), max_size=20),
    limit=one_of(none(), integers(1, 7)),
    order=sampled_from([1, -1]),
)
def test_no_connection_carries_more_than_it_may_and_none_is_opened_too_early(
    names: list[int], gone: list[int], limit: int | None, order: int
) -> None:
    shards: dict[int, dict[str, int]] = {}
    for name in map(str, names):
        number = shard_for(name, dict(sorted(shards.items())[::order]), limit)
        if number not in shards:
            assert set(range(number)) <= set(shards)
            assert limit is None or all(len(streams) >= limit for streams in shards.values())
        shards.setdefault(number, {})[name] = 1
        assert sum(name in streams for streams in shards.values()) == 1
    assert limit is None or all(len(streams) <= limit for streams in shards.values())
    for name in map(str, gone):
        for streams in shards.values():
            streams.pop(name, None)
    assert shard_for("new", shards, limit) <= len(shards)
