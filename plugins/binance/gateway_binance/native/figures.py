"""
What sets the markets' own protocols apart: the paths of their sockets, and what a book costs.

Sources: "Order book" in rest-api.md, Binance spot API docs, 2026-07-21; "Order Book" of both futures
markets at developers.binance.com, 2026-08-21; the categories of USD-M after its "Important WebSocket
Change Notice", 2026-03-06.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """
    One market's.

    ``places`` come before ``/ws`` and ``/stream``. ``weights`` are pairs of a limit and what a book
    of up to so many levels weighs; ``levels`` is the limit of who gives none. ``is_timed`` says that
    books carry their time, ``is_of_pairs`` that they carry their pair.
    """

    places: Sequence[str] = ("",)
    weights: Sequence[tuple[int, int]]
    levels: int
    is_timed: bool = True
    is_of_pairs: bool = False

    def weight(self, levels: int) -> int:
        """Return what a book of ``levels`` weighs; of more than there can be, the most."""
        return next((weight for most, weight in self.weights if levels <= most), self.weights[-1][1])


_FUTURES: Final = ((50, 2), (100, 5), (500, 10), (1000, 20))

_SPOT: Final = ((100, 5), (500, 25), (1000, 50), (5000, 250))

# The second is for ccxt, which takes for spot what has "/stream" in its URL (4.5.90, is_spot_url).
SPOT_PLACES: Final = ("", "/stream.binance.com")
SPOT_DOORS: Final = Doors(places=SPOT_PLACES, weights=_SPOT, levels=100, is_timed=False)
# Whichever category a client names, or none, as those do that are older than the categories: each stream
# is asked for where it is had.
USDM_DOORS: Final = Doors(places=("", "/public", "/market"), weights=_FUTURES, levels=500)
COINM_DOORS: Final = Doors(weights=_FUTURES, levels=500, is_of_pairs=True)
