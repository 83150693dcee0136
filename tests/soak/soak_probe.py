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
from asyncio import Task
from contextlib import suppress


def look() -> dict[str, int]:
    """Count."""
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
