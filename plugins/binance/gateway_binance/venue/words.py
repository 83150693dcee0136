"""What a scenario may have Binance's venue do beside the words of every venue."""

from collections.abc import Mapping
from typing import Final

from gateway.testing.words import Word

WORDS: Final[Mapping[str, Word]] = {}
