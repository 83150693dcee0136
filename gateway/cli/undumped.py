"""Memory that holds secrets is in no core dump, and no other program of the same user looks into it."""

import ctypes
import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def keep_memory_private() -> None:
    """
    See to it that this process leaves no core dump; on Linux debuggers need root from now on, too.

    What the system refuses is left: it is a second wall, behind the rights of files.
    """
    with suppress(ImportError, OSError, ValueError):  # Windows has none; a filter of system calls may forbid it
        import resource  # noqa: PLC0415  # see there

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        # a limit of 0 is not heeded where dumps go to a program
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
