"""Which process runs where: the venue on one core, what is measured alone on another, if there are two."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def free() -> Sequence[int]:
    """Return the cores that may be used; none where processes cannot be pinned."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ()


@contextmanager
def pinned(place: int) -> Iterator[None]:
    """Have processes that are started meanwhile run on core ``place``, counted round; one core pins nothing."""
    cores = free()
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(0, {cores[place % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
