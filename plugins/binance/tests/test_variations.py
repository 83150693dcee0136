"""What holds of the recordings holds of others of their kinds: the tests look at whatever is in a folder."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from captures import CAPTURES
from variations import write

HERE = Path(__file__).parent
TESTS = (
    "test_recorded_books.py",
    "test_lost_updates.py",
    "test_recorded_frames.py",
    "test_peers.py",
    "test_private_spot_events.py",
    "test_private_futures_events.py",
    "test_venue_recordings.py",
    "test_instruments.py",
)
LARGE = bool(os.environ.get("GATEWAY_FULL_SIZE"))
MOST = sys.maxsize if LARGE else 150_000
"""Bytes of a recording that is varied."""
PATIENCE = 1800 if LARGE else 120


async def test_other_recordings_are_found_and_hold(tmp_path: Path) -> None:
    if not CAPTURES.is_dir():
        pytest.skip("there are no recordings here: set GATEWAY_CAPTURES to the captures' directory")
    written = write(CAPTURES, tmp_path, MOST)
    assert written
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / one) for one in TESTS)]
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "GATEWAY_CAPTURES": str(tmp_path)},
        cwd=HERE.parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-4000:]
    assert set(re.findall(r"^(\S+\.jsonl?(?:\.\w+)?): ", said.decode(), re.MULTILINE)) == written, (
        "all are counted"
    )
