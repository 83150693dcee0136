"""
Other recordings, made of those that there are: other names, symbols, days, packings, pieces, and later fields.

``python variations.py FROM TO`` writes them as a folder of captures. ``GATEWAY_CAPTURES=TO`` has every test look
at them: what is said of recordings has to hold for such as nobody has seen.
"""

import gzip
import json
import lzma
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from captures import Kind, kind_of_content, market_of_content, unpacked, zstd_packed

Lines = list[Any]
"""The lines of a recording; of a frame, what it says."""
DAYS: Final = 400 * 86_400_000
"""By how many milliseconds times are moved."""
TIMES: Final = frozenset({"E", "T"})


def lines_of(content: bytes) -> Lines:
    """Return lines, each frame read that says more than a word."""
    found = []
    for text in content.splitlines():
        line = json.loads(text)
        with suppress(ValueError):
            frame = json.loads(line.get("frame", ""))
            line["frame"] = frame if isinstance(frame, dict | list) else line["frame"]
        found.append(line)
    return found


def written(lines: Lines, *, spaced: bool = False) -> bytes:
    """Return lines as a recorder writes them."""
    separators = (", ", ": ") if spaced else (",", ":")
    said = []
    for line in lines:
        frame = line.get("frame")
        one = dict(line)
        if isinstance(frame, dict | list):
            one["frame"] = json.dumps(frame, separators=separators, ensure_ascii=False)
        said.append(json.dumps(one, separators=(",", ":"), ensure_ascii=False).encode())
    return b"\n".join(said) + b"\n"


def event_of(line: Any) -> dict[str, Any]:
    """Return the event of a line's frame, if it has one."""
    frame = line.get("frame")
    inner = frame.get("data", frame.get("event", frame)) if isinstance(frame, dict) else {}
    return inner if isinstance(inner, dict) else {}


def parts_of(event: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    """Return an event, and what is in it under ``names``."""
    return [event, *(event[name] for name in names if isinstance(event.get(name), dict))]


def is_combined(line: Any) -> bool:
    """Whether a line has a frame with the name of its stream."""
    frame = line.get("frame")
    return isinstance(frame, dict) and "stream" in frame


# --- what is done to lines


def moved(lines: Lines) -> Lines:
    """Move a recording to another day."""
    for line in lines:
        if "recv_ns" in line:
            line["recv_ns"] += DAYS * 1_000_000
        event = event_of(line)
        for part in parts_of(event, "k", "o"):
            for name in TIMES & part.keys():
                if isinstance(part[name], int) and part[name] > 0:
                    part[name] += DAYS
    return lines


def in_microseconds(lines: Lines) -> Lines:
    """Write times as ``timeUnit=MICROSECOND`` has it: spot alone."""
    for line in lines:
        event = event_of(line)
        for name in TIMES & event.keys():
            event[name] *= 1000
        for candle in parts_of(event, "k")[1:]:
            candle |= {"t": candle["t"] * 1000, "T": candle["T"] * 1000}
    return lines


def of_2026(lines: Lines, market: str) -> Lines:
    """Add what futures say since 2026-06-30, and what nobody has heard of."""
    for line in lines:
        event = event_of(line)
        if is_combined(line):
            event["zz"] = {"new": [1, None]}
            if market != "binance":
                event |= {"st": 2 if market == "binance-coinm" else 1, "ps": str(event.get("s", "")).split("_")[0]}
    return lines


def holed(lines: Lines) -> Lines:
    """Lose every 97th line that was received; a recorder's own hole."""
    return [line for place, line in enumerate(lines) if place % 97 != 96 or line.get("dir", "recv") != "recv"]


def bare(lines: Lines) -> Lines:
    """Leave out what was fetched, and how it was connected."""
    return [line for line in lines if is_combined(line)]


def renamed(content: bytes, prefix: str) -> bytes:
    """Give every symbol another name."""
    symbols = set(re.findall(rb'\\"s\\": ?\\"([A-Z0-9_]+)\\"', content))
    pairs = {one.partition(b"_")[0] for one in symbols}
    upper, lower = prefix.upper().encode(), prefix.lower().encode()
    for one in sorted(symbols | pairs, key=len, reverse=True):
        content = re.sub(rb"(?<![A-Z0-9])%b(?![A-Z0-9])" % one, b"\0%b" % one, content)
        content = re.sub(rb"(?<![a-z0-9])%b(?![a-z0-9])" % one.lower(), b"\1%b" % one.lower(), content)
    return content.replace(b"\0", upper).replace(b"\1", lower)


def pieces(lines: Lines, count: int = 3) -> Iterator[Lines]:
    """Cut a recording in pieces."""
    size = -(-len(lines) // count)
    for at in range(0, len(lines), size):
        yield lines[at : at + size]


# --- what is made of files


Made = Iterator[tuple[str, bytes]]


def of_books(name: str, content: bytes, market: str) -> Made:
    """Yield variations of a recording."""
    change: Mapping[str, Callable[[Lines], Lines]] = {
        "moved": moved,
        "holed": holed,
        "bare": bare,
        "of-2026": lambda lines: of_2026(lines, market),
        **({"microseconds": in_microseconds} if market == "binance" else {}),
    }
    for what, how in change.items():
        yield f"{name}-{what}.jsonl", written(how(lines_of(content)))
    yield f"{name}-spaced.jsonl.gz", gzip.compress(written(lines_of(content), spaced=True))
    yield f"{name}-renamed.jsonl.zst", zstd_packed(renamed(content, "x9"))
    yield f"{name}-other-script.jsonl.xz", lzma.compress(renamed(content, "币安"))
    for number, piece in enumerate(pieces(lines_of(content))):
        yield f"{name}-piece-{number}.jsonl", written(piece)
    if b'"dir":"connect"' in content:
        yield f"{name}-twice.jsonl", content + written(moved(lines_of(content)))


def of_frames(name: str, content: bytes, market: str) -> Made:
    """Yield variations of frames that stand by themselves."""
    yield f"{name}-moved.jsonl", written(moved(lines_of(content)))
    yield f"{name}-of-2026.jsonl", written(of_2026(lines_of(content), market))
    yield f"{name}-spaced.jsonl.gz", gzip.compress(written(lines_of(content), spaced=True))
    for number, piece in enumerate(pieces(lines_of(content), 2)):
        yield f"{name}-piece-{number}.jsonl", written(piece)


def of_pairs(name: str, content: bytes, _market: str) -> Made:
    """Yield variations of what peers make of frames: a part of them, with what the peers have not read."""
    if kind_of_content(content) is Kind.CRYPTO_MSG_PARSER:
        yield f"{name}-half.jsonl", b"\n".join(content.splitlines()[::2])
        yield f"{name}-packed.jsonl.zst", zstd_packed(content)
        return
    said = json.loads(content)
    grown = {**said, "pairs": [{**pair, "message_raw": _grown(pair["message_raw"])} for pair in said["pairs"]]}
    yield f"{name}-grown.json", json.dumps(grown, ensure_ascii=False).encode()
    yield f"{name}-less.json", json.dumps({**said, "pairs": said["pairs"][:-2]}).encode()


def _grown(text: str) -> str:
    message = json.loads(text)
    event = message.get("data", message) if isinstance(message, dict) else None
    if isinstance(event, dict):
        event["zz"] = None
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


OF: Final[Mapping[Kind, Callable[[str, bytes, str], Made]]] = {
    Kind.BOOKS: of_books,
    Kind.FRAMES: of_frames,
    **dict.fromkeys((Kind.TARDIS, Kind.CRYPTO_MSG_PARSER, Kind.UNICORN_FY), of_pairs),
}


def write(source: Path, target: Path, most: int = sys.maxsize) -> set[str]:
    """Write variations of what is in ``source`` and no larger than ``most`` bytes; return what they are called."""
    names = set[str]()
    for path in sorted(source.rglob("*")):
        place = path.relative_to(source)
        if not path.is_file() or not any(part.startswith("binance") for part in place.parts[:-1]):
            continue
        content = unpacked(path)
        how = OF.get(kind_of_content(content))
        if how is None or len(content) > most:
            continue
        (target / place.parent).mkdir(parents=True, exist_ok=True)
        for name, varied in how(path.name.partition(".")[0], content, market_of_content(str(place), content)):
            (target / place.parent / name).write_bytes(varied)
            names.add((place.parent / name).as_posix())
    return names


if __name__ == "__main__":
    print(len(write(Path(sys.argv[1]), Path(sys.argv[2]))), "files")  # noqa: T201  # it is a script
