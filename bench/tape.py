"""
What the venue sends: WebSocket frames shaped like those of Binance's combined streams, rendered once.

Everybody who is measured gets the same bytes, made from one seed. Ids have no
holes, so whoever checks sequences has nothing to object to, and the book that
remains at the end is known.
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from wire import text_frame

SYMBOL: Final = "BTCUSDT"
TRADES: Final = f"{SYMBOL.lower()}@aggTrade"
QUOTES: Final = f"{SYMBOL.lower()}@bookTicker"
DEPTH: Final = f"{SYMBOL.lower()}@depth@100ms"
FIRST_ID: Final = 50_000_000_000
STARTED_MS: Final = 1_767_225_600_000
MIDDLE: Final = 6_700_000
"""A price, in hundredths."""
LEVELS: Final = 1000
"""On each side of a snapshot."""
REACH: Final = 400
"""How many levels from the middle a depth update changes."""
TOP: Final = 10
"""Levels of each side that are compared at the end."""

Levels = list[list[str]]
Proof = dict[str, Any]
"""What a reader of the whole tape must have seen last."""


@dataclass(frozen=True, slots=True)
class Tape:
    """
    Frames to be sent in order.

    ``opening`` is what makes a reader ask for a book's snapshot, and older than it;
    ``ends`` is where each message of ``frames`` ends.
    """

    streams: tuple[str, ...]
    opening: bytes
    frames: bytes
    ends: "array[int]"
    snapshot: dict[str, Any] | None
    proof: Proof


def trades_and_quotes(messages: int) -> Tape:
    """Render ``messages`` aggregated trades and best bids and asks, as many of one as of the other."""
    rng = Random(1)
    kinds = [i % 2 for i in range(messages)]
    last_two, kinds[-2:] = kinds[-2:], []
    rng.shuffle(kinds)
    kinds += last_two
    ids = [FIRST_ID, FIRST_ID]
    render: tuple[Callable[[Random, int, int], str], ...] = (_trade, _quote)

    def messages_in_turn() -> Iterator[str]:
        for position, kind in enumerate(kinds):
            ids[kind] += 1
            yield render[kind](rng, ids[kind], STARTED_MS + position // 10)

    frames, ends = _join(messages_in_turn())
    return Tape((TRADES, QUOTES), b"", frames, ends, None, {"trades": ids[0], "quotes": ids[1]})


def depth(messages: int) -> Tape:
    """Render ``messages`` changes of a book, of 40 to 80 levels each, and the snapshot that they follow."""
    rng = Random(2)
    sizes = [_size(rng) for _ in range(997)]
    books = [{_price(sign * tick): rng.choice(sizes) for tick in range(1, LEVELS + 1)} for sign in (-1, 1)]
    prices = [[_price(sign * tick) for tick in range(1, REACH + 1)] for sign in (-1, 1)]
    start = FIRST_ID + 10
    snapshot = {"lastUpdateId": start, "bids": _listed(books[0]), "asks": _listed(books[1])}

    def side(number: int) -> str:
        changes = []
        for price in rng.sample(prices[number], rng.randrange(20, 41)):
            if rng.random() < 0.3:
                books[number].pop(price, None)
                changes.append(f'["{price}","0.00000000"]')
            else:
                size = books[number][price] = rng.choice(sizes)
                changes.append(f'["{price}","{size}"]')
        return ",".join(changes)

    def change(last: int, bids: str, asks: str) -> str:
        return (
            f'{{"stream":"{DEPTH}","data":{{"e":"depthUpdate","E":{STARTED_MS + last % 10**9},"s":"{SYMBOL}",'
            f'"U":{last - 9},"u":{last},"b":[{bids}],"a":[{asks}]}}}}'
        )

    opening = text_frame(change(start, f'["{_price(-1)}","1.00000000"]', "").encode())
    frames, ends = _join(change(start + 10 * (i + 1), side(0), side(1)) for i in range(messages))
    proof = {"book": start + 10 * messages, "top": [best(books[0], -1), best(books[1], 1)]}
    return Tape((DEPTH,), opening, frames, ends, snapshot, proof)


def best(sizes: dict[str, str], sign: int) -> Levels:
    """Return the best levels of one side, the lowest price first where ``sign`` is 1."""
    return _listed(dict(sorted(sizes.items(), key=lambda level: sign * float(level[0]))[:TOP]))


def _listed(sizes: dict[str, str]) -> Levels:
    return [[price, size] for price, size in sizes.items()]


def _join(messages: Iterator[str]) -> "tuple[bytes, array[int]]":
    whole, ends = bytearray(), array("Q")
    for message in messages:
        whole += text_frame(message.encode())
        ends.append(len(whole))
    return bytes(whole), ends


def _price(ticks: int) -> str:
    return f"{(MIDDLE + ticks) / 100:.8f}"


def _size(rng: Random) -> str:
    """Return a size; most are below one, as of anything that costs much."""
    return f"{10 ** rng.uniform(-4, 0.5):.5f}000"


def _trade(rng: Random, number: int, at: int) -> str:
    first = number * 2
    maker = "true" if rng.random() < 0.5 else "false"
    return (
        f'{{"stream":"{TRADES}","data":{{"e":"aggTrade","E":{at},"s":"{SYMBOL}","a":{number},'
        f'"p":"{_price(rng.randrange(-1000, 1000))}","q":"{_size(rng)}","f":{first},"l":{first + 1},"T":{at},'
        f'"m":{maker},"M":true}}}}'
    )


def _quote(rng: Random, number: int, _at: int) -> str:
    ticks = rng.randrange(-1000, 1000)
    return (
        f'{{"stream":"{QUOTES}","data":{{"u":{number},"s":"{SYMBOL}","b":"{_price(ticks)}","B":"{_size(rng)}",'
        f'"a":"{_price(ticks + 1)}","A":"{_size(rng)}"}}}}'
    )
