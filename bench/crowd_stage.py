"""A venue, a gateway before it and a crowd of clients, each a process of its own that is told what to do."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cores
from meter import cpu_of

HERE: Final = Path(__file__).resolve().parent
GATEWAY: Final = 0
OTHERS: Final = 1
"""Where there are two cores, the gateway has one to itself."""
MEBI: Final = 1 << 20
CONFIGURATION: Final = """
[exchanges.mock.endpoints]
stream = "ws://127.0.0.1:{port}"
private = "ws://127.0.0.1:{port}/private"
rest = "http://127.0.0.1:{port}"
allow_plaintext = true
[accounts.main]
exchange = "mock"
api_key = "env:BENCH_KEY"
secret = "env:BENCH_SECRET"
[log]
level = "error"
"""


class Asked:
    """
    A process that answers each line of JSON by one line.

    Args:
        words: its command line.
        place: the core that it has.
    """

    def __init__(self, words: Sequence[str], place: int, environ: Mapping[str, str] | None = None) -> None:
        with cores.pinned(place):
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **(environ or {})},
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def line(self) -> str:
        """
        Return the next line that it says.

        Raises:
            ChildProcessError: If it has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"{self._process.args!r} ended")
        return line.strip()

    def tell(self, **order: Any) -> str:
        """Give an order and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self.line()

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """Give an order that is answered by JSON."""
        answer: dict[str, Any] = json.loads(self.tell(do=do, **order))
        return answer

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used, 0 where the system does not tell."""
        return cpu_of(self.pid) or 0.0

    def resident(self) -> int:
        """Return the bytes of memory that it has, 0 where the system does not tell."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return 0

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True, slots=True)
class Stage:
    """The three; ``port`` is the server's."""

    venue: Asked
    server: Asked
    crowd: Asked
    port: int

    def measure(self, seconds: float) -> dict[str, Any]:
        """Let the crowd listen for so long; return what it heard, and each process's share of a core."""
        before = {one: one.cpu() for one in (self.venue, self.server)}
        told = self.crowd.ask("listen", seconds=seconds)
        shares = {
            name: (one.cpu() - before[one]) for name, one in (("venue", self.venue), ("server", self.server))
        }
        shares["clients"] = told.pop("cpu")
        told["cpu"] = {name: used / told["seconds"] for name, used in shares.items()}
        return told


def losses(settled: dict[str, Any]) -> list[str]:
    """Return what is wrong with what a crowd got."""
    wrong = [f"{settled[name]} {name}" for name in ("behind", "jumps", "dropped") if settled[name]]
    return wrong + [f"{times} ended: {how}" for how, times in settled["ended"].items()]


@contextmanager
def gateway(symbols: int = 0) -> Iterator[Stage]:
    """Run a gateway with its venue, and clients of ``/v1/ws``."""
    with ExitStack() as stack:
        venue, port = _venue(stack, symbols)
        config = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "gateway.toml"
        config.write_text(CONFIGURATION.format(port=port))
        words = [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--listen", "127.0.0.1:0"]
        keys = {"BENCH_KEY": "mock-key", "BENCH_SECRET": "mock-secret"}
        yield _with_crowd(stack, venue, Asked(words, GATEWAY, keys))


@contextmanager
def plain(symbols: int = 0) -> Iterator[Stage]:
    """Run a server that only passes on, with the same venue and clients."""
    with ExitStack() as stack:
        venue, port = _venue(stack, symbols)
        yield _with_crowd(stack, venue, Asked([sys.executable, str(HERE / "plain.py"), "--port", port], GATEWAY))


def _venue(stack: ExitStack, symbols: int) -> tuple[Asked, str]:
    venue = Asked([sys.executable, str(HERE / "pulse.py"), "--symbols", str(symbols)], OTHERS)
    stack.callback(venue.end)
    return venue, venue.line()


def _with_crowd(stack: ExitStack, venue: Asked, server: Asked) -> Stage:
    stack.callback(server.end)
    port = server.line().rpartition(":")[2]
    crowd = Asked([sys.executable, str(HERE / "crowd.py"), "--port", port], OTHERS)
    stack.callback(crowd.end)
    return Stage(venue, server, crowd, int(port))
