"""The migrations that are shipped."""

import re
import sqlite3
from contextlib import closing
from importlib.resources import files

import pytest

from gateway.store.schema import pragma, scripts, upgrade

FOLDERS = {"migrations": 2, "token_migrations": 1}
"""With the number of tables that they make."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_migrations_are_numbered_without_a_hole(folder):
    found = sorted(one.name for one in files("gateway.store").joinpath(folder).iterdir())
    assert [int(name[:4]) for name in found] == list(range(1, len(found) + 1))
    assert all(re.fullmatch(r"\d{4}_[a-z_]+\.sql", name) for name in found)
    assert len(scripts(folder)) == len(found)


@pytest.mark.parametrize("script", [script for folder in FOLDERS for script in scripts(folder)])
def test_a_migration_leaves_transactions_and_pragmas_alone(script):
    """Else an upgrade that is broken off would be half done."""
    code = re.sub(r"--[^\n]*", "", script)
    assert re.findall(r"(?i)\b(begin|commit|end|rollback|savepoint|pragma|attach|vacuum)\b", code) == []


@pytest.mark.parametrize("start", range(len(scripts()) + 1))
def test_every_version_becomes_the_newest(start):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        upgrade(connection, scripts()[:start])
        assert pragma(connection, "user_version") == start
        upgrade(connection, scripts())
        assert pragma(connection, "user_version") == len(scripts())
        assert not connection.in_transaction


@pytest.mark.parametrize(("folder", "number"), FOLDERS.items())
def test_every_value_stands_twice(folder, number):
    """An integrity check compares tables with their indexes, so it finds one that was altered."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        upgrade(connection, scripts(folder))
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        assert len(tables) == number
        for (table,) in tables:
            columns = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
            indexes = connection.execute(f"PRAGMA index_list({table})").fetchall()
            repeated = [
                {name for _, _, name in connection.execute(f"PRAGMA index_info({index[1]})")} for index in indexes
            ]
            assert columns in repeated
