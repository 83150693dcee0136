"""The file of tokens: several processes use it, and whatever is wrong with it opens no door."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from stored import NOW, names, opened

from gateway.errors import ConfigError, StoreError
from gateway.store import Token, TokenFile, TokenState, TokenWatch, tokenrows

SECOND = 1_000_000


def token(number: int = 1, *, expires_us: int | None = None) -> Token:
    return Token(
        id=f"t{number}",
        digest=bytes((number % 256,)) * 32,
        scopes=("account:main:read", "market:read"),
        name="a bot",
        created_us=NOW,
        expires_us=expires_us,
    )


@pytest.fixture
def tokens(path) -> TokenFile:
    return TokenFile(str(path))


def test_what_is_kept_is_read_again_in_its_order(path, tokens):
    assert tokens.read() == ()
    assert names(path.parent) == set(), "reading makes no file"
    tokens.add(token(2, expires_us=NOW + SECOND))
    tokens.add(token(1))
    assert TokenFile(str(path)).read() == (token(2, expires_us=NOW + SECOND), token(1))
    assert names(path.parent) == {"gateway.db.tokens"}
    assert tokens.place.stat().st_mode & 0o777 == 0o600


def test_a_token_is_active_until_it_ends():
    one = token(expires_us=NOW + 1)
    assert [one.state(NOW), one.state(NOW + 1), token().state(2**62)] == [
        TokenState.ACTIVE,
        TokenState.EXPIRED,
        TokenState.ACTIVE,
    ]


def test_one_that_is_revoked_stays_so_and_keeps_its_time(tokens):
    assert tokens.revoke("t1", NOW) is None
    tokens.add(token(1))
    tokens.add(token(2))
    assert tokens.revoke("t3", NOW) is None
    for now_us in (NOW + 5, NOW + 9):
        found = tokens.revoke("t1", now_us)
        assert found is not None
        assert (found.revoked_us, found.state(NOW)) == (NOW + 5, TokenState.REVOKED)
    assert [one.revoked_us for one in tokens.read()] == [NOW + 5, None]


def test_those_that_are_over_can_be_forgotten(tokens):
    assert tokens.forget(NOW) == ()
    for one in (token(1), token(2), token(3, expires_us=NOW)):
        tokens.add(one)
    tokens.revoke("t1", NOW)
    assert tokens.forget(NOW) == ("t1", "t3")
    assert [one.id for one in tokens.read()] == ["t2"]


def test_there_are_only_so_many(tokens, monkeypatch):
    monkeypatch.setattr("gateway.store.tokenrows.MOST", 2)
    tokens.add(token(1))
    tokens.add(token(2))
    with pytest.raises(StoreError, match="there are 2 tokens already: forget those"):
        tokens.add(token(3))
    assert len(tokens.read()) == 2


async def test_the_gateway_that_keeps_the_store_to_itself_is_not_in_the_way(path, tokens):
    async with opened(path):
        tokens.add(token())
        assert tokens.read() == (token(),)


def test_memory_keeps_none():
    with pytest.raises(ConfigError, match=r"^store\.path: is :memory:, and tokens must outlive the process"):
        TokenFile(":memory:")


@pytest.mark.parametrize("content", [b"", b"noise" * 1000, b"\0" * 8192])
def test_a_file_that_is_none_of_ours_is_refused_and_left_as_it_is(tokens, content):
    tokens.place.write_bytes(content)
    watch = TokenWatch(tokens.place)
    for ask in (
        tokens.read,
        lambda: tokens.add(token()),
        lambda: tokens.revoke("t1", NOW),
        watch.look,
    ):
        with pytest.raises(ConfigError, match=r"cannot be used: .*; bring a copy of it back, or move it away"):
            ask()
    watch.leave()
    assert tokens.place.read_bytes() == content


def test_a_digest_that_was_altered_is_found(tokens):
    tokens.add(token())
    whole = tokens.place.read_bytes()
    place = whole.index(bytes((1,)) * 32)
    tokens.place.write_bytes(whole[:place] + b"\2" + whole[place + 1 :])
    with pytest.raises(ConfigError, match="cannot be used"):
        tokens.read()


@pytest.mark.parametrize("change", ["digest = 'text'", "created_us = 'soon'", "name = x'ff'", "revoked_us = 1.5"])
def test_a_row_that_was_never_written_is_refused_and_opens_no_door(tokens, change):
    tokens.add(token(1))
    with closing(sqlite3.connect(tokens.place, isolation_level=None)) as connection:
        connection.execute(f"UPDATE tokens SET {change}")
    for look in (tokens.read, TokenWatch(tokens.place).look):
        with pytest.raises(ConfigError, match="a row makes no sense"):
            look()


def test_a_newer_one_is_refused(tokens):
    tokens.add(token())
    with closing(sqlite3.connect(tokens.place)) as other:
        other.execute("PRAGMA user_version = 9")
    with pytest.raises(ConfigError, match="written by a newer gateway: its schema is 9"):
        tokens.read()


def test_one_that_somebody_else_keeps_is_told(tokens, monkeypatch):
    monkeypatch.setattr("gateway.store.tokenfile.PATIENCE", 0.0)
    tokens.add(token())
    with closing(sqlite3.connect(tokens.place, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="in use by another program"):
            tokens.read()
    assert tokens.read() == (token(),)


ADDS = """
import sys
from gateway.store import Token, TokenFile
for number in range(10):
    TokenFile(sys.argv[1]).add(Token(id=f"{sys.argv[2]}-{number}", digest=b"", scopes=(), name="", created_us=1))
"""


async def test_many_processes_that_begin_it_at_once_lose_nothing(path, tokens):
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", ADDS, str(path), str(number))
        for number in range(4)
    ]
    assert [await one.wait() for one in started] == [0] * 4
    assert {one.id for one in tokens.read()} == {f"{a}-{b}" for a in range(4) for b in range(10)}
    assert names(path.parent) == {"gateway.db.tokens"}


# --- noticing that it has changed


def test_a_watch_tells_what_has_changed_and_nothing_else(tokens):
    watch = TokenWatch(tokens.place)
    assert watch.look() == ()
    assert watch.look() is None
    tokens.add(token(1))
    assert watch.look() == (token(1),)
    assert watch.look() is None
    tokens.add(token(2))
    tokens.revoke("t1", NOW)
    looked = watch.look()
    assert looked is not None
    assert [one.revoked_us for one in looked] == [NOW, None]
    tokens.read()
    assert watch.look() is None, "reading is no change"
    watch.leave()


def test_a_watch_follows_a_file_that_is_removed_or_replaced(path, tokens):
    tokens.add(token(1))
    watch = TokenWatch(tokens.place)
    assert watch.look() == (token(1),)
    kept = tokens.place.rename(path.with_name("kept"))
    assert watch.look() == (), "nobody is let in by what is gone"
    assert watch.look() is None
    kept.rename(tokens.place)
    assert watch.look() == (token(1),)
    other = TokenFile(str(path.with_name("other.db")))
    other.add(token(7))
    other.place.replace(tokens.place)
    assert watch.look() == (token(7),)
    watch.leave()


def test_a_watch_that_could_not_look_tells_the_change_later(tokens, monkeypatch):
    monkeypatch.setattr("gateway.store.tokenwatch.PATIENCE", 0.0)
    tokens.add(token(1))
    watch = TokenWatch(tokens.place)
    with closing(sqlite3.connect(tokens.place, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError):
            watch.look()
    assert watch.look() == (token(1),)
    watch.leave()


def test_a_directory_that_cannot_be_had_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no directory"):
        TokenFile(str(tmp_path / "nowhere" / "gateway.db"))


def test_a_watch_that_is_left_during_a_look_lets_go_of_the_file_afterwards(
    tokens: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens.add(token())
    watch = TokenWatch(tokens.place)
    read = tokenrows.every

    def leaving(connection: sqlite3.Connection) -> tuple[Token, ...]:
        watch.leave()
        assert connection.execute("SELECT 1").fetchone() == (1,), "it is still in use"
        return read(connection)

    monkeypatch.setattr(tokenrows, "every", leaving)
    assert watch.look() == (token(),)
    assert watch._connection is None
