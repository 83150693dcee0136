"""Who is near the memory that it may have says so in time; how much that is, each system says its own way."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from gateway.app.memory import EVERY, MemoryAlarm, limit, resident
from gateway.engine.observer import Observers
from gateway.telemetry import Logs
from gateway.testing.virtual import virtually

GIB = 1 << 30
UNBOUNDED = "9223372036854771712"


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/system.slice/gateway.service", {"system.slice/gateway.service/memory.max": str(GIB)}, GIB),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": str(GIB), "memory.max": str(2 * GIB)}, GIB),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "max"}, None),
        ("0::/seen/from/outside", {"memory.max": str(GIB)}, GIB),
        ("5:cpu,memory:/a\n0::/", {"memory/a/memory.limit_in_bytes": str(GIB)}, GIB),
        ("5:memory:/a", {"memory/a/memory.limit_in_bytes": UNBOUNDED}, None),
        ("5:memory:/outside", {"memory/memory.limit_in_bytes": str(GIB)}, GIB),
        ("4:cpu:/a", {"cpu/a/memory.limit_in_bytes": str(GIB)}, None),
        ("0::/a", {"a/memory.max": "much"}, None),
        ("nonsense", {}, None),
        ("0::/a", {}, None),
    ],
)
def test_it_may_have_what_its_group_or_one_above_says(
    tmp_path: Path, cgroup: str, files: Mapping[str, str], expected: int | None
) -> None:
    (tmp_path / "cgroup").write_text(cgroup + "\n")
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert limit(tmp_path, tmp_path / "groups") == expected


def test_where_nobody_says_anything_nothing_is_known(tmp_path: Path) -> None:
    assert (limit(tmp_path, tmp_path), resident(tmp_path)) == (None, None)
    (tmp_path / "statm").write_text("1000 250 3 4 0 6 0\n")
    assert resident(tmp_path) == 250 * os.sysconf("SC_PAGE_SIZE")


@virtually
async def test_it_is_told_once_and_again_when_it_was_less_meanwhile() -> None:
    used, logger = [0], CapturingLogger()
    alarm = MemoryAlarm(0.8, Observers([Logs(logger=logger)]), lambda: 1000, lambda: used[-1])
    told = []
    async with alarm.watched():
        await asyncio.sleep(EVERY / 2)
        for now in (100, 799, 800, 950, 990, 790, 900, 719, 799, 801, 802):
            used.append(now)
            await asyncio.sleep(EVERY)
            told.append(len(logger.calls))
    assert told == [0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2]
    [first, _] = logger.calls
    assert (first.method_name, first.args) == ("warning", ("memory_short",))
    assert first.kwargs == {"connection": "gateway", "epoch": 0, "used": 800, "limit": 1000, "percent": 80}


@pytest.mark.parametrize(("share", "most", "has"), [(0.0, 1000, 999), (0.8, None, 999), (0.8, 1000, None)])
@virtually
async def test_it_is_told_to_nobody_who_did_not_ask_or_where_nothing_is_known(
    share: float, most: int | None, has: int | None
) -> None:
    logger = CapturingLogger()
    async with MemoryAlarm(share, Observers([Logs(logger=logger)]), lambda: most, lambda: has).watched():
        await asyncio.sleep(3 * EVERY)
    assert not logger.calls
