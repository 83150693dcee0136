"""What tests share lies on one import path: no two modules may have one name, and no test is imported."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("tests", "plugins/binance/tests", "plugins/mock/tests", "docs/examples", "bench")
FILES = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "__pycache__" not in file.parts]
PROGRAMS = ROOT / "tests/planted/run.py", ROOT / "bench/run.py"
"""They are run, or loaded from their place; nobody imports them by name."""
SHARED = [
    file for file in FILES if not file.name.startswith(("test_", "conftest", "__init__")) and file not in PROGRAMS
]


def test_no_two_have_one_name() -> None:
    assert len(SHARED) > 20
    assert [name for name, times in Counter(file.name for file in SHARED).items() if times > 1] == []


def test_nothing_is_imported_from_a_test() -> None:
    importing = re.compile(r"^\s*(?:from|import) test_", re.MULTILINE)
    assert [file.relative_to(ROOT).as_posix() for file in FILES if importing.search(file.read_text())] == []
