"""The page on security names tests that there are, for every row of the catalogue that is about security."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.host.permission import check_listed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = dict(re.findall(r"^\| ([A-Z]\d\d) \|(.*)\|$", PAGE, re.MULTILINE))


def test_every_row_of_the_catalogue_about_security_is_there() -> None:
    assert {f"N{number:02}" for number in range(1, 25)} <= ROWS.keys()


@pytest.mark.parametrize("row", ROWS)
def test_what_is_said_to_be_tested_is(row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", ROWS[row])
    assert named
    for path, name in named:
        assert re.search(rf"^(?:async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{name}"


def test_the_list_of_allowed_plugins_is_spelt_as_the_gateway_reads_it() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    allow = tomllib.loads(example)["plugins"]["allow"]
    for name in ("binance", "acme"):
        check_listed(name, allow)


def test_the_environments_of_tox_that_it_names_are_there() -> None:
    tox = (ROOT / "tox.ini").read_text()
    for name in re.findall(r"^tox -e (\w+)", PAGE, re.MULTILINE):
        assert f"[testenv:{name}]" in tox
