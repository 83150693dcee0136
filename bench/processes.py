"""How the venue and what is measured are started, and what they answer."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cores
from meter import PATIENCE
from progress import WAITING, Progress

HERE: Final = Path(__file__).resolve().parent
VENUE: Final = 1
MEASURED: Final = 0
CLIENT: Final = 2
"""Where there are two cores, the client shares the venue's: both have little to do."""
QUIET: Final = '[log]\nlevel = "error"\n'
NO_MORE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Venue:
    """The venue that is running, and what a whole tape must end in, by tape."""

    port: int
    proofs: dict[str, dict[str, Any]]
    bytes: dict[str, int]
    progress: Path

    def hold(self) -> None:
        """Have it wait for the next reader."""
        Progress(self.progress).tell(WAITING)


@contextmanager
def venue(ticks: int, book: int) -> Iterator[Venue]:
    """Run a venue with tapes of so many messages."""
    with tempfile.TemporaryDirectory() as folder:
        progress = Path(folder) / "progress"
        words = [*_script("feed.py"), "--ticks", str(ticks), "--book", str(book), "--progress", str(progress)]
        with cores.pinned(VENUE), _started(words, stdin=subprocess.PIPE) as process:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            tapes = ("ticks", "book")
            proofs, sizes = (
                dict(zip(tapes, told["proofs"], strict=True)),
                dict(zip(tapes, told["bytes"], strict=True)),
            )
            yield Venue(told["port"], proofs, sizes, progress)


def measure(words: Sequence[str], place: int = MEASURED) -> dict[str, Any]:
    """Run a script that prints a result, and return that, or what went wrong."""
    with cores.pinned(place):
        try:
            ended = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE + 30, check=False)
        except subprocess.TimeoutExpired:
            return {"error": "took too long"}
    for line in ended.stdout.splitlines():
        if line.startswith("RESULT "):
            result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return result
    return {"error": f"status {ended.returncode}: {' '.join(ended.stderr.splitlines()[-1:])}"}


def inside(venue: Venue, tape: str, count: int, *, decimals: bool = False) -> dict[str, Any]:
    """Measure the gateway inside a program."""
    return measure([*_script("inside.py"), *_what(venue, tape, count), *(["--decimals"] if decimals else [])])


def floor(venue: Venue, tape: str, count: int) -> dict[str, Any]:
    """Measure a reader that looks at nothing."""
    return measure([*_script("floor.py"), *_what(venue, tape, count), "--bytes", str(venue.bytes[tape])])


def cryptofeed(python: Path, venue: Venue, tape: str, count: int) -> dict[str, Any]:
    """Measure cryptofeed inside a program of its own environment."""
    return measure([str(python), str(HERE / "peers/cryptofeed_inside.py"), *_what(venue, tape, count)])


def served(  # noqa: PLR0913  # where it may differ
    venue: Venue,
    tape: str,
    count: int,
    *,
    more: str = QUIET,
    environ: Mapping[str, str] = NO_MORE,
    launcher: str = "",
    beside: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> dict[str, Any]:
    """
    Measure the gateway as a process, with one client.

    ``more`` is added to its configuration, ``environ`` to its environment; ``launcher`` is the script that is
    run instead of ``python -m gateway``, and ``beside`` is open meanwhile and told the port. What it logs is read
    by nobody, unless it is only errors.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "gateway.toml"
        config.write_text(
            f'[exchanges.binance.endpoints]\nstream = "ws://127.0.0.1:{venue.port}"\n'
            f'rest = "http://127.0.0.1:{venue.port}"\nallow_plaintext = true\n\n{more}'
        )
        gateway_words = _script(launcher) if launcher else [sys.executable, "-m", "gateway"]
        words = [*gateway_words, "serve", "--config", str(config), "--listen", "127.0.0.1:0"]
        said = None if more == QUIET else subprocess.DEVNULL
        with cores.pinned(MEASURED), _started(words, environ=environ, stderr=said) as gateway:
            assert gateway.stdout is not None
            port = gateway.stdout.readline().rpartition(":")[2].strip()
            if not port:
                return {"error": "the gateway did not start"}
            client = [*_script("outside.py"), "--port", port, "--gateway", str(gateway.pid), "--tape", tape]
            with beside(port):
                return measure([*client, "--count", str(count), "--progress", str(venue.progress)], CLIENT)


def _script(name: str) -> list[str]:
    return [sys.executable, str(HERE / name)]


def _what(venue: Venue, tape: str, count: int) -> list[str]:
    return ["--port", str(venue.port), "--tape", tape, "--count", str(count), "--progress", str(venue.progress)]


@contextmanager
def _started(
    words: Sequence[str],
    stdin: int | None = None,
    stderr: int | None = None,
    environ: Mapping[str, str] = NO_MORE,
) -> Iterator["subprocess.Popen[str]"]:
    whole = {**os.environ, **environ}
    process = subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, text=True, env=whole)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
