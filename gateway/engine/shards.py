"""Which of an exchange's connections a stream goes to: fill one up to its limit, then open the next."""

from collections.abc import Mapping


def shard_for(stream: str, shards: Mapping[int, Mapping[str, object]], max_streams: int | None) -> int:
    """
    Return the number of the connection that shall carry ``stream``.

    ``shards`` maps numbers to the streams that each carries. A stream stays
    where it is; a new one goes to the lowest number with room. A connection
    carries one at least, whatever the exchange allows.
    """
    for number, streams in shards.items():
        if stream in streams:
            return number
    number = 0
    while max_streams is not None and len(shards.get(number, ())) >= max(1, max_streams):
        number += 1
    return number
