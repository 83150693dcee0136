"""What has to be known of a market to speak with it, beside what its plugin declares to the gateway."""

from dataclasses import dataclass
from typing import Final

from gateway import spi

REST: Final = "rest"
"""The endpoint of REST requests, in every market."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """
    One market's figures.

    ``api`` begins the paths of REST. ``messages``, ``dials`` and ``weight`` name
    the limits that are drawn on; the other figures are levels of a book's
    snapshot, and what such requests weigh.
    """

    info: spi.ExchangeInfo
    api: str
    messages: str
    dials: str
    weight: str
    levels: int
    levels_weight: int
    info_query: str = ""
    info_weight: int
    time_weight: int = 1
