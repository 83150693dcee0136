"""Where the tests keep their file."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # stored, and the processes that are killed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"
