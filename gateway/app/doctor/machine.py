"""Whether the machine has what the gateway may need: descriptors, room on the disk, a clock that is right."""

import ctypes
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import gateway
from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, advice, well, wrong
from gateway.store import is_transient

SPARE: Final = 256
"""Descriptors for exchanges, files and the rest."""
MIB: Final = 1 << 20
LEAST, LITTLE = 100 * MIB, 1024 * MIB
"""Bytes that must be free, and that should be."""
UNSYNCHRONISED: Final = 5
"""What Linux's ``adjtimex`` returns while nobody keeps the clock right (``TIME_ERROR``)."""
ENOUGH: Final = 512
"""More bytes than ``struct timex`` has on any system."""


def descriptors(case: Case, soft: Callable[[], int] | None = None) -> Iterator[Finding]:
    """Tell whether as many sockets can be open as ``server.limits.sockets`` allows."""
    allowed = (soft or _soft)()
    wanted = case.given.server.limits.sockets + SPARE
    text = f"{allowed} files may be open, and server.limits.sockets allows {wanted - SPARE} sockets for one client"
    if 0 <= allowed < wanted:
        todo = f"allow {wanted}: LimitNOFILE= of the unit, or ulimit -n; or lower server.limits.sockets"
        yield advice(text, todo)
    else:
        yield well(text if allowed >= 0 else "any number of files may be open")


def disk(case: Case, free: Callable[[Path], int] | None = None) -> Iterator[Finding]:
    """Tell whether there is room for the store."""
    path = case.given.store.path
    if is_transient(path) or not (room := Path(path).absolute().parent).is_dir():
        return
    left = (free or _free)(room)
    text = f"{left // MIB} MiB are free in {room}"
    if left < LEAST:
        yield wrong(text, "make room: what is to survive a restart could not be kept")
    elif left < LITTLE:
        yield advice(text, "make room before it runs out")
    else:
        yield well(text)


def clock(case: Case, kept: Callable[[], bool | None] | None = None) -> Iterator[Finding]:
    """Tell whether the clock may be right: not before this gateway was installed, and kept so by somebody."""
    now = datetime.fromtimestamp(case.now_us() / 1e6, UTC)
    built = datetime.fromtimestamp(Path(gateway.__file__).stat().st_mtime, UTC)
    todo = "have it kept by chrony, systemd-timesyncd or ntpd: exchanges refuse requests whose time is off"
    if now < built:
        yield wrong(f"the clock says {now:%Y-%m-%d %H:%M}, and this gateway is from {built:%Y-%m-%d %H:%M}", todo)
    elif (kept or _kept)() is False:
        yield advice("the system says that nobody keeps its clock right", todo)
    else:
        yield well(f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC, which may be")


def _soft() -> int:
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return -1
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return -1 if soft == resource.RLIM_INFINITY else soft


def _free(room: Path) -> int:
    return shutil.disk_usage(room).free


def _kept() -> bool | None:
    """Return what Linux says of its clock; other systems do not say."""
    if not sys.platform.startswith("linux"):
        return None
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return None
    state = int(adjtimex(ctypes.create_string_buffer(ENOUGH)))  # all zeros: nothing is adjusted
    return None if state < 0 else state != UNSYNCHRONISED
