"""What the tests of parsers share is found here, and how frames of Binance are bent."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path += [str(HERE), *(str(ROOT / one) for one in ("plugins/binance/tests", "tests/serving"))]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let an example that failed be shown, however long it is."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.filterwarnings("ignore:Generating overly large repr"))
