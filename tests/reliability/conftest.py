"""What the tests of faults share: the folder's own modules, and silences that are judged in earnest."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # oracles, mapping, page and what they stand on


@pytest.fixture(autouse=True)
def venues_may_be_quiet() -> None:
    """They may not: unlike elsewhere, what is silent is found here."""
