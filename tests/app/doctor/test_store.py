"""The store's file and the tokens': looked at, and left as they are."""

import os
import sqlite3
from contextlib import closing

import pytest

from gateway.app.doctor import store as files
from gateway.serving.auth.tokens import mint
from gateway.store import TokenFile, schema
from gateway.store.opening import open_database

DAY_US = 86_400_000_000
posix = pytest.mark.skipif(os.name != "posix", reason="only there are modes")


@pytest.fixture
def place(tmp_path):
    return tmp_path / "gateway.db"


@pytest.fixture
def one(case, place):
    return case({"store": {"path": str(place)}})


@pytest.fixture
def kept(place):
    """A sound file that nobody uses."""
    open_database(str(place), 0).close()
    return place


def contents(room):
    return {path.name: path.read_bytes() for path in room.iterdir()}


def test_memory_keeps_nothing_which_is_worth_advice(case, said):
    assert len(said(files.store(case()))[1]) == 1


def test_a_file_that_is_not_there_can_be_begun_and_is_not(one, said, place):
    assert said(files.store(one)) == ([f"{place} can be begun"], [], [])
    assert not place.exists()


def test_a_sound_file_is_well_and_is_not_touched(one, said, kept):
    before = contents(kept.parent)
    assert said(files.store(one)) == ([f"{kept} is whole, of schema {len(schema.scripts())}"], [], [])
    assert contents(kept.parent) == before


def test_one_that_a_gateway_uses_is_well(one, said, place):
    database = open_database(str(place), 0)
    try:
        assert said(files.store(one))[0] == [f"{place} is in use by a gateway that runs"]
    finally:
        database.close()


def test_a_directory_that_is_not_there_is_wrong(case, said, tmp_path):
    [wrong] = said(files.store(case({"store": {"path": str(tmp_path / "nope" / "gateway.db")}})))[2]
    assert "there is no directory" in wrong


@pytest.mark.parametrize("damage", ["text", "cut", "foreign"])
def test_a_damaged_file_is_wrong_and_is_not_set_aside(one, said, kept, damage):
    if damage == "text":
        kept.write_bytes(b"x" * 4096)
    elif damage == "cut":
        kept.write_bytes(kept.read_bytes()[:-100])
    else:
        with closing(sqlite3.connect(kept)) as connection:
            connection.execute("PRAGMA application_id = 7")
            connection.commit()
    before = contents(kept.parent)
    [wrong] = said(files.store(one))[2]
    assert wrong.startswith(f"{kept} is damaged: ")
    assert contents(kept.parent) == before


def test_a_newer_file_is_wrong(one, said, kept):
    with closing(sqlite3.connect(kept)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
    assert said(files.store(one))[2] == [f"{kept} was written by a newer gateway: its schema is 99"]


@posix
def test_a_file_that_others_may_read_is_wrong(one, said, kept):
    kept.chmod(0o644)
    assert said(files.store(one))[2] == [f"others may use {kept} (mode 0644)"]


# --- tokens


def token(place, *, ends_us, now_us, name=""):
    text, kept = mint(["market:read"], name=name, now_us=now_us, expires_us=ends_us)
    TokenFile(str(place)).add(kept)
    return text, kept


def test_without_a_file_there_is_no_token(one, case, said):
    assert said(files.tokens(one)) == said(files.tokens(case()))
    assert len(said(files.tokens(one))[0]) == 1


def test_good_tokens_are_counted_and_those_that_soon_expire_are_named_by_id(one, said, place):
    now_us = one.now_us()
    token(place, ends_us=None, now_us=now_us)
    secret, soon = token(place, ends_us=now_us + 3 * DAY_US + 10**9, now_us=now_us)
    token(place, ends_us=now_us - 1, now_us=now_us - DAY_US)
    found = list(files.tokens(one))
    assert said(found) == (["2 of 3 tokens are good"], [f"token {soon.id} expires in 3 days"], [])
    assert secret.reveal().rpartition("_")[2] not in repr(found)


def test_tokens_none_of_which_is_good_are_worth_advice(one, said, place):
    token(place, ends_us=1, now_us=0)
    assert said(files.tokens(one))[1] == ["no token is good any more, and one is needed"]


@posix
def test_a_file_of_tokens_that_others_may_read_is_wrong(one, said, place):
    token(place, ends_us=None, now_us=0)
    file = TokenFile(str(place)).place
    file.chmod(0o604)
    assert said(files.tokens(one))[2] == [f"others may use {file} (mode 0604)"]


def test_a_damaged_file_of_tokens_is_wrong(one, said, place):
    token(place, ends_us=None, now_us=0)
    TokenFile(str(place)).place.write_bytes(b"x" * 4096)
    assert "cannot be used" in said(files.tokens(one))[2][0]
