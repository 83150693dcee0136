"""
How a plugin's code is run: timed, and whatever it raises turned into an error that names it.

The error tells the exception's type and place, never its text, and does not
carry the exception: a target holds options and a signer, and a text that was
made from them could be a secret.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, TypeVar

from gateway.errors import PluginError

T = TypeVar("T")
PATIENCE: Final = 1.0
"""Seconds for which a plugin may hold the event loop before it is named."""
_SEAM: Final = ("gateway.host.", "pluggy.")


@dataclass(frozen=True, slots=True)
class Watch:
    """
    Runs plugins' code.

    Args:
        slow: told of exchange, hook and seconds after a plugin held the event loop for too long.
        failed: told of errors that nobody else hears of.
        now: monotonic seconds.
    """

    slow: Callable[[str, str, float], None]
    failed: Callable[[str, Exception], None]
    now: Callable[[], float]

    def run(self, exchange: str, hook: str, act: Callable[[], T], *allowed: type[BaseException]) -> T:
        """
        Return what ``act`` returns; what is ``allowed`` may be raised.

        Raises:
            PluginError: In place of everything else, an attempt to exit included.
        """
        started = self.now()
        try:
            return act()
        except BaseException as exc:  # SystemExit and CancelledError are no plugin's to raise
            if isinstance(exc, (KeyboardInterrupt, *allowed)):
                raise
            problem = f"{hook} raised {type(exc).__name__}{_place(exc)}"
        finally:
            took = self.now() - started
            if took > PATIENCE:
                self.slow(exchange, hook, took)
        raise PluginError(exchange, problem)


def _place(exc: BaseException) -> str:
    """Return where in the plugin's own package ``exc`` came from."""
    foreign = [(module, line) for module, line in _frames(exc) if not module.startswith(_SEAM)]
    if not foreign:
        return ""
    package = foreign[0][0].partition(".")[0]
    module, line = [place for place in foreign if place[0].partition(".")[0] == package][-1]
    return f" at {module}:{line}"


def _frames(exc: BaseException) -> Iterator[tuple[str, int]]:
    trace = exc.__traceback__
    while trace is not None:
        yield _module(trace.tb_frame), trace.tb_lineno
        trace = trace.tb_next


def _module(frame: FrameType) -> str:
    name: Any = frame.f_globals.get("__name__")
    return str(name)
