"""
Which category of USD-M connections brings which stream.

A connection serves one category. What belongs to another is acknowledged on it
and never comes, without a word: so a stream must not be asked for elsewhere.
After the public and market APIs in binance-connector-python, 2026-08-21;
``trade`` is in no document, and where ccxt and tardis take it from.
"""

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

from gateway_binance.streams import kind_of

Category = Literal["public", "market"]
PUBLIC: Final = "public"
MARKET: Final = "market"

_PUBLIC_KINDS: Final = frozenset({"trade", "bookTicker", "depth", "rpiDepth"})
"""Everything else is of the market category, also what we have not heard of: it has the most kinds."""


def category_of(stream: str, moved: Mapping[str, Category]) -> Category:
    """Return the category of ``stream``; ``moved`` are kinds that the operator knows to have gone elsewhere."""
    kind = kind_of(stream).rstrip("_0123456789")
    return moved.get(kind) or (PUBLIC if kind in _PUBLIC_KINDS else MARKET)


def misplaced(url: str, category: str) -> str:
    """
    Return what is wrong with ``url`` as where ``category`` is had, nothing if it looks right.

    Without the category in its path, or with another, Binance accepts the
    connection and every request on it, and sends nothing.
    """
    last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    if last == category:
        return ""
    return (
        f"the URL of endpoint {category} must end in /{category}: elsewhere its streams are acknowledged and mute"
    )
