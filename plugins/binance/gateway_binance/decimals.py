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
_END: Final = b"}}"
_FUTURES_END: Final = b',"st":}}'
"""What follows the levels in a depth message, without digits."""
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
    rest = payload.translate(None, _DIGITS)
    end = _FUTURES_END if rest.endswith(_FUTURES_END) else _END
    sides = b',"b":[%b],"a":[%b]%b' % ((_LEVEL * len(bids))[:-1], (_LEVEL * len(asks))[:-1], end)
    # With a third brace those need not be the levels that were decoded.
    if not rest.endswith(sides) or payload.find(b"{", 1) != payload.rfind(b"{") or _BARE_POINT(payload):
        check_levels(bids, asks)
