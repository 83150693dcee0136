"""What the exit status is and what is said on stderr: one sentence, never a traceback."""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from gateway.cli.plain import printable
from gateway.errors import ConfigError, GatewayError, SubscriptionError, UnsafeError

FAILED: Final = 1
USAGE: Final = 2
UNSAFE: Final = 78
INTERRUPTED: Final = 130


def guarded(command: Callable[[], Any]) -> int:
    """Run ``command`` and return its exit status; whatever it raises becomes a sentence and a status."""
    try:
        result = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _hush()
        return 0
    except SystemExit as exc:
        if isinstance(exc.__context__, BrokenPipeError):  # the parser's own way of ending on one
            _hush()
            return 0
        return exc.code if isinstance(exc.code, int) else FAILED
    except Exception as exc:  # noqa: BLE001  # the last line of defence: a sentence for whatever it was
        status, sentence = explained(exc)
        print(f"gateway: {printable(sentence)}", file=sys.stderr)  # noqa: T201  # a command line's way of speaking
        return status
    return result if isinstance(result, int) else 0


def explained(exc: Exception) -> tuple[int, str]:
    """Return the exit status and the sentence for ``exc``."""
    match exc:
        case UnsafeError():
            return UNSAFE, str(exc)
        case ConfigError() | SubscriptionError():
            return USAGE, str(exc)
        case GatewayError() | OSError():
            return FAILED, str(exc)
        case ExceptionGroup(exceptions=(first, *_)):
            return explained(first)
    # The parser's own errors come from typer or from click, whichever the installed typer builds upon.
    say = getattr(exc, "format_message", None)
    if callable(say):
        return int(getattr(exc, "exit_code", USAGE)), " ".join(str(say()).split())
    logging.getLogger("gateway").debug("unexpected", exc_info=exc)
    return FAILED, f"unexpected {type(exc).__name__}: {exc} (a defect of the gateway or of a plugin)"


def _hush() -> None:
    """Send the rest of stdout nowhere: the reader has left, and the interpreter flushes once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
