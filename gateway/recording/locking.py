"""One recorder for each directory: two would tear each other's recording apart."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def locked(directory: Path) -> int:
    """
    Return a descriptor that keeps others off ``directory`` until it is closed, or -1 where that cannot be had.

    The process may end as it likes: nothing is left behind.

    Raises:
        BlockingIOError: If another recorder is at work there.
    """
    if sys.platform == "win32":
        return -1
    opened = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(opened)
        raise BlockingIOError(exc.errno, "another recorder is at work there") from None
    except OSError:
        return opened  # a file system without locks
    return opened
