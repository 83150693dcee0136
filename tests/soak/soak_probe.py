"""
What the gateway's process holds and shows nobody, told by a thread of its own, over a socket in the file system.

The harness has the gateway execute this before anything else. uvloop tells nobody of its timers, so
that all objects are looked through, once for each fault, which takes some 50 ms. Garbage is collected before.
"""

import gc
import json
import socket
import sys
import threading
import time
from asyncio import Task
from contextlib import suppress

UNDISTURBED = 5.0
"""Seconds for which no thread takes its turn from another: a look has long ended by then."""


def look() -> dict[str, int]:
    """
    Count, while the event loop waits for something to do and cannot go on.

    Whoever counts holds what is counted: a tuple that somebody is in the middle of making cannot be made to its
    end then (a SystemError).
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(UNDISTURBED)
    try:
        time.sleep(0.01)  # from its end on the new interval holds for the event loop's thread, and for this one
        return _counted()
    finally:
        sys.setswitchinterval(usual)


def _counted() -> dict[str, int]:
    gc.collect()
    tasks = timers = objects = 0
    for one in gc.get_objects():
        objects += 1
        kind = type(one)
        if kind.__name__ == "TimerHandle":
            timers += not one.cancelled()
        elif issubclass(kind, Task):
            tasks += not one.done()
    return {"tasks": tasks, "timers": timers, "objects": objects, "blocks of memory": sys.getallocatedblocks()}


def tell(path: str) -> None:
    """Answer everybody who connects to ``path``, for as long as the process lives."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        while True:
            asking, _ = listening.accept()
            with asking, suppress(OSError):
                asking.sendall(json.dumps(look()).encode())


def begin(path: str) -> None:
    """Begin to answer."""
    threading.Thread(target=tell, args=(path,), name="soak probe", daemon=True).start()
