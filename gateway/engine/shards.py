"""Which of an exchange's connections a stream goes to: fill one up to its limit, then open the next."""

from collections.abc import Collection, Mapping


def shard_for(
    stream: str,
    shards: Mapping[int, Mapping[str, object]],
    max_streams: int | None,
    drained: Collection[int] = (),
) -> int:
    """
    Return the number of the connection that shall carry ``stream``.

    ``shards`` maps numbers to the streams that each carries. A stream stays
    where it is; a new one goes to the lowest number with room. A connection
    carries one at least, whatever the exchange allows; those in ``drained`` get no new one.
    """
    for number, streams in shards.items():
        if stream in streams:
            return number
    number = 0
    while number in drained or _is_full(shards.get(number, {}), max_streams):
        number += 1
    return number


def _is_full(streams: Mapping[str, object], max_streams: int | None) -> bool:
    return max_streams is not None and len(streams) >= max(1, max_streams)
