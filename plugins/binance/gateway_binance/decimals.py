"""
Which of Binance's texts are numbers: digits and at most one point, nothing else.

As good as every number has its point among digits. So what is checked first, many
numbers in one go, is whether nothing but points is left without the digits.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from gateway import spi

_DIGITS: Final = b"0123456789"
_LEVEL: Final = b'[".","."],'
"""A level of a depth message, without its digits."""
_BRACES: Final = 2
"""That a depth message opens: its own and that of its data."""
_BARE_POINT: Final = re.compile(rb'"\."').search
_DECIMAL: Final = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+").fullmatch


def check_two(one: str, two: str) -> None:
    """
    Refuse whatever is no plain decimal number, such as ``nan``, ``1e5`` or an empty text.

    Raises:
        ValueError: If one of them is none.
    """
    joined = f",{one},{two},"
    if joined.encode().translate(None, _DIGITS) != b",.,.," or ",.," in joined:
        check_decimals((one, two))


def check_four(one: str, two: str, three: str, four: str) -> None:
    """
    Refuse what is no number, as :func:`check_two` does.

    Raises:
        ValueError: If one of them is none.
    """
    joined = f",{one},{two},{three},{four},"
    if joined.encode().translate(None, _DIGITS) != b",.,.,.,.," or ",.," in joined:
        check_decimals((one, two, three, four))


def check_decimals(texts: Iterable[str]) -> None:
    """
    Refuse what is no number, one after the other.

    Raises:
        ValueError: If one of ``texts`` is none.
    """
    if not all(map(_DECIMAL, texts)):
        raise ValueError("a price or size is no decimal number")


def check_signed(*texts: str) -> None:
    """
    Refuse what is no number, which may be negative.

    Raises:
        ValueError: If one of ``texts`` is none.
    """
    check_decimals(text.removeprefix("-") for text in texts)


def check_levels(*sides: Iterable[spi.Level]) -> None:
    """
    Refuse levels that are no numbers.

    Raises:
        ValueError: If there are any.
    """
    check_decimals(chain.from_iterable(chain.from_iterable(sides)))


def check_depth(payload: bytes, bids: Sequence[spi.Level], asks: Sequence[spi.Level]) -> None:
    """
    Refuse levels that are no numbers, by the bytes of the message that they were decoded from.

    Raises:
        ValueError: If there are any.
    """
    sides = b',"b":[%b],"a":[%b]' % ((_LEVEL * len(bids))[:-1], (_LEVEL * len(asks))[:-1])
    rest = payload.translate(None, _DIGITS)
    # More than the message's own braces: those levels need not be the ones that were decoded.
    looks_right = rest.endswith((sides + b"}}", sides + b',"st":}}')) and payload.count(b"{") == _BRACES
    if not looks_right or _BARE_POINT(payload):
        check_levels(bids, asks)
