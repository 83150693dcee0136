"""docs/configuration.md tells of every check that ``gateway doctor`` makes."""

import re
from pathlib import Path

from gateway.app.doctor.rounds import CHECKS, OF_CONFIGURATION

PAGE = (Path(__file__).parents[2] / "docs/configuration.md").read_text()


def test_every_check_is_told_and_no_other():
    _, _, section = PAGE.partition("\n## When something is wrong\n")
    rows = re.findall(r"^\| ([^|]+) \| ", section.partition("\n## ")[0], re.MULTILINE)
    _, _, first, *others = (row.split(", ") for row in rows)  # below the heading and its line
    assert first == list(CHECKS)
    assert {name for row in others for name in row} == set(OF_CONFIGURATION)
