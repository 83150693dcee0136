"""
Which recordings there are, whatever they are called: what a file is of is told by what is in it.

``GATEWAY_CAPTURES`` says where they are. Files may be packed with gzip, zstd or xz.
"""

import gzip
import json
import lzma
import os
import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from functools import cache
from pathlib import Path
from typing import Any, Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CAPTURES: Final = Path(
    os.environ.get("GATEWAY_CAPTURES", Path(__file__).parents[4] / "shared" / "captures")
).resolve()
FUTURES_CHANGE: Final = re.compile(rb'"pu\\?":')
COINM_SYMBOL: Final = re.compile(rb'"(?:s|symbol)\\?": ?\\?"[A-Z0-9]+USD_(?:PERP|\d{6})\\?"')
CHANGE: Final = re.compile(rb'\\"stream\\": ?\\"[^"@]+@depth(?:@\d+ms)?\\"')


class Kind(Enum):
    """What a file holds."""

    BOOKS = auto()
    """What connections received, changes of books among it."""
    TARDIS = auto()
    CRYPTO_MSG_PARSER = auto()
    UNICORN_FY = auto()
    FRAMES = auto()
    """Frames one by one."""
    OTHER = auto()


_UNPACKED: Final[Mapping[bytes, Any]] = {
    b"\x1f\x8b": gzip.decompress,
    b"\x28\xb5\x2f\xfd": zstd.decompress,
    b"\xfd7zX": lzma.decompress,
}


def unpacked(path: Path) -> bytes:
    """Return what is in a file, whatever it is packed with."""
    content = path.read_bytes()
    for magic, unpack in _UNPACKED.items():
        if content.startswith(magic):
            return bytes(unpack(content))
    return content


def zstd_packed(content: bytes) -> bytes:
    """Pack with zstd."""
    return bytes(zstd.compress(content))


def json_lines(path: Path) -> Iterator[Any]:
    """Yield the lines of a file."""
    for line in unpacked(path).splitlines():
        if line.strip():
            yield json.loads(line)


def kind_of_content(content: bytes) -> Kind:
    """Tell what a file holds."""
    if b'"peer_checks"' in content:
        return Kind.CRYPTO_MSG_PARSER
    if b'"pairs"' in content[:4096]:
        return Kind.UNICORN_FY if b'"decoder"' in content else Kind.TARDIS
    if CHANGE.search(content) and b'"recv_ns"' in content[:4096]:
        return Kind.BOOKS
    return Kind.FRAMES if b'"frame"' in content[:65536] else Kind.OTHER


def market_of_content(name: str, content: bytes) -> str:
    """Return whose protocol a file is in: by what only futures have, else by where it is."""
    if kind_of_content(content) is Kind.BOOKS:
        if not FUTURES_CHANGE.search(content):
            return "binance"
        return "binance-coinm" if COINM_SYMBOL.search(content) else "binance-usdm"
    for exchange in ("binance-coinm", "binance-usdm"):
        if exchange in name:
            return exchange
    return "binance"


@cache
def all_of_them() -> Mapping[str, tuple[Kind, str]]:
    """Return what every file of Binance's is, and of which market, by its name below the captures."""
    found: dict[str, tuple[Kind, str]] = {}
    for path in sorted(CAPTURES.rglob("*")) if CAPTURES.is_dir() else ():
        name = path.relative_to(CAPTURES).as_posix()
        if path.is_file() and any(part.startswith("binance") for part in name.split("/")[:-1]):
            content = unpacked(path)
            found[name] = kind_of_content(content), market_of_content(name, content)
    return found


def named(kind: Kind, *known: str) -> tuple[str, ...]:
    """
    Return the names of all files of a kind.

    Without captures those that are ``known``, so that tests say what they have skipped.
    """
    if not CAPTURES.is_dir():
        return known
    return tuple(name for name, (one, _) in all_of_them().items() if one is kind)


def market_of(name: str) -> str:
    """Return the id of the plugin that speaks with what was recorded; of what is not here, by its name."""
    return all_of_them()[name][1] if CAPTURES.is_dir() else market_of_content(name, b"")
