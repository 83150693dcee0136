"""Which file is begun, upgraded, refused; who may use it at all."""

import asyncio
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from stored import NOW, STAMP, fill, fill_and_kill, kept, names, opened, wish

from gateway.errors import ConfigError, StoreError
from gateway.store import Store, opening, places, statements
from gateway.store.opening import open_database
from gateway.store.schema import APPLICATION_ID, pragma

FIRST = "CREATE TABLE things (name TEXT); INSERT INTO things VALUES ('one');"
SECOND = "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 7;"
THIRD = "INSERT INTO things VALUES ('three', 3); CREATE INDEX by_size ON things (size);"


def things(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM things").fetchall()


def begin(path: Path, *migrations: str) -> tuple[str, ...]:
    database = open_database(str(path), NOW, migrations)
    database.close()
    return database.notices


def test_a_fresh_file_is_ours_and_of_the_newest_schema(path):
    assert begin(path, FIRST, SECOND) == ()
    with closing(sqlite3.connect(path)) as connection:
        assert pragma(connection, "application_id") == APPLICATION_ID
        assert pragma(connection, "user_version") == 2
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert things(path) == [("one", 7)]


def test_an_older_file_is_upgraded_and_kept_as_it_was(path):
    begin(path, FIRST)
    before = path.read_bytes()[100:]  # behind the header, which counts changes
    copy = path.with_name(f"gateway.db.schema-1-{STAMP}")
    assert begin(path, FIRST, SECOND, THIRD) == (
        f"{path} was upgraded from schema 1 to 3; as it was before it is kept as {copy}",
    )
    assert things(path) == [("one", 7), ("three", 3)]
    assert copy.read_bytes()[100:] == before
    assert copy.stat().st_mode & 0o077 == 0
    assert names(path.parent) == {"gateway.db", "gateway.db.lock", copy.name}
    assert begin(path, FIRST, SECOND, THIRD) == (), "once is enough"


def test_the_copy_can_be_put_back(path):
    begin(path, FIRST)
    begin(path, FIRST, SECOND)
    path.with_name(f"gateway.db.schema-1-{STAMP}").replace(path)
    assert begin(path, FIRST) == ()
    assert things(path) == [("one",)]


def test_an_earlier_copy_is_not_written_over(path):
    begin(path, FIRST)
    earlier = path.with_name(f"gateway.db.schema-1-{STAMP}")
    earlier.write_text("precious")
    [notice] = begin(path, FIRST, SECOND)
    assert notice.endswith(f"kept as {earlier}-2")
    assert earlier.read_text() == "precious"
    assert things(Path(f"{earlier}-2")) == [("one",)]


def test_what_the_log_holds_is_in_the_copy(path):
    begin(path, FIRST)
    with closing(sqlite3.connect(path)) as other:
        other.execute("INSERT INTO things VALUES ('two')")
        other.commit()
        content = {suffix: path.with_name(f"gateway.db{suffix}").read_bytes() for suffix in ("", "-wal")}
    for suffix, one in content.items():
        path.with_name(f"gateway.db{suffix}").write_bytes(one)
    begin(path, FIRST, SECOND)
    assert things(path.with_name(f"gateway.db.schema-1-{STAMP}")) == [("one",), ("two",)]
    assert things(path) == [("one", 7), ("two", 7)]


def test_an_upgrade_that_fails_changes_nothing_and_leaves_no_copy(path):
    begin(path, FIRST)
    before = path.read_bytes()
    for wrong in ("CREATE TABLE things (name)", "INSERT INTO nowhere VALUES (1)"):
        with pytest.raises(ConfigError, match=r"gateway\.db cannot be used: .*\(SQLITE_ERROR\)"):
            begin(path, FIRST, SECOND, wrong)
    assert path.read_bytes() == before
    assert names(path.parent) == {"gateway.db", "gateway.db.lock"}


@pytest.mark.parametrize("leave", [fill, fill_and_kill])
async def test_a_newer_file_is_refused_and_left_as_it_is(path, leave):
    await leave(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 12")
        content = {one.name: one.read_bytes() for one in path.parent.iterdir() if one.suffix != ".db-shm"}
    for name, one in content.items():
        path.with_name(name).write_bytes(one)
    with pytest.raises(ConfigError) as wrong:
        await Store(str(path)).open(NOW)
    assert str(wrong.value) == (
        f"store.path: {path} was written by a newer gateway: its schema is 12, this one knows up to 1; "
        "run the newer one, or name another file"
    )
    assert {name: path.with_name(name).read_bytes() for name in content} == content
    assert names(path.parent) <= {*content, "gateway.db.lock"}


# --- who may use it


async def test_two_stores_of_one_process_cannot_share_a_file(path, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(path)
    async with opened(path) as store:
        for name in (path, link, f"{tmp_path}/./gateway.db"):
            with pytest.raises(ConfigError) as wrong:
                await Store(str(name)).open(NOW)
            assert str(wrong.value) == f"store.path: {path} is in use by another gateway"
        assert (await store.add_subscription(wish(1), NOW)).is_new, "the first is unharmed"
        with pytest.raises(ConfigError):
            await Store(str(path)).open(NOW)
    assert await kept(path) == ([wish(1)], 0)


OWNER = """
import asyncio, sys
from gateway.store import Store
async def main():
    await Store(sys.argv[1]).open(0)
    print("open", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_two_processes_cannot_share_a_file_and_a_killed_one_blocks_nobody(path):
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(path), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert owner.stdout is not None
        assert await owner.stdout.readline() == b"open\n"
        for _ in range(2):
            with pytest.raises(ConfigError, match="is in use by another gateway"):
                await Store(str(path)).open(NOW)
    finally:
        owner.kill()
        await owner.wait()
    assert await kept(path) == ([], 0)


async def test_many_at_once_and_one_gets_it(path):
    """However they meet, a damaged file is set aside once and no good one is."""
    path.write_bytes(b"noise" * 1024)
    stores = [Store(str(path)) for _ in range(8)]
    outcomes = await asyncio.gather(*(one.open(NOW) for one in stores), return_exceptions=True)
    told = [one for one in outcomes if isinstance(one, tuple)]
    assert [len(one) for one in told] == [1]
    assert {type(one) for one in outcomes} == {tuple, ConfigError}
    await asyncio.gather(*(one.close() for one in stores))
    assert sorted(names(path.parent)) == ["gateway.db", f"gateway.db.aside-{STAMP}", "gateway.db.lock"]


async def test_another_program_cannot_touch_the_file_meanwhile(path):
    async with opened(path):
        with (
            closing(sqlite3.connect(path, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("SELECT * FROM subscriptions")


async def test_a_file_that_another_program_is_writing_to_is_refused(path, monkeypatch):
    await fill(path)
    monkeypatch.setattr("gateway.store.database.PATIENCE", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConfigError) as wrong:
            await Store(str(path)).open(NOW)
        assert str(wrong.value) == f"store.path: {path} is in use by another program"
    assert (await kept(path))[1] == 3


async def test_a_lock_that_cannot_be_had_is_told(path):
    path.with_name("gateway.db.lock").mkdir()
    with pytest.raises(ConfigError, match=r"gateway\.db\.lock cannot be locked: .*\(SQLITE_CANTOPEN"):
        await Store(str(path)).open(NOW)


# --- where nothing can be kept


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing/gateway.db", "there is no directory {0}/missing"),
        ("file/gateway.db", "there is no directory {0}/file"),
        ("folder", "{0}/folder is no regular file"),
        ("", "{0} is no regular file"),
        ("pipe", "{0}/pipe is no regular file"),
        ("a\0b", "'{0}/a\\x00b' cannot be used: "),
        ("loop", "cannot be used: [Errno 40]"),
        ("n" * 300, "cannot be used: [Errno 36] File name too long"),
    ],
)
async def test_a_place_where_nothing_can_be_kept_is_told(tmp_path, name, why):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    before = names(tmp_path)
    with pytest.raises(ConfigError) as wrong:
        await Store(f"{tmp_path}/{name}").open(NOW)
    assert wrong.value.key == "store.path"
    assert why.format(tmp_path) in wrong.value.problem
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("forbidden", "why"), [("gateway.db", "cannot be read and written"), ("", "files cannot be made in")]
)
async def test_without_the_right_to_write_it_is_refused(path, monkeypatch, forbidden, why):
    """Not set aside: there is nothing wrong with it."""
    await fill(path)
    victim = path if forbidden else path.parent
    access = places.os.access
    monkeypatch.setattr(places.os, "access", lambda one, mode: one != victim and access(one, mode))
    with pytest.raises(ConfigError, match=why):
        await Store(str(path)).open(NOW)
    monkeypatch.undo()
    assert (await kept(path))[1] == 3


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_IOERR_READ, StoreError),
        (sqlite3.SQLITE_FULL, StoreError),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, ConfigError),
        (sqlite3.SQLITE_BUSY_RECOVERY, ConfigError),
    ],
)
async def test_a_failing_world_says_nothing_against_the_file(path, monkeypatch, code, kind):
    """A disk that fails today must not cost the subscriptions of yesterday."""
    await fill(path)

    def fail(*_: object) -> int:
        exc = sqlite3.OperationalError("the world failed")
        exc.sqlite_errorcode, exc.sqlite_errorname = code, "SQLITE_WORLD"
        raise exc

    monkeypatch.setattr(opening.schema, "examine", fail)
    with pytest.raises(kind):
        await Store(str(path)).open(NOW)
    monkeypatch.undo()
    assert (await kept(path))[1] == 3


async def test_a_disk_that_fails_at_the_first_change_is_told_and_the_file_let_go(path, monkeypatch):
    await fill(path)

    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(statements, "correct_bans", fail)
    with pytest.raises(StoreError, match="disk I/O error"):
        await Store(str(path)).open(NOW)
    monkeypatch.undo()
    assert (await kept(path))[1] == 3


async def test_a_disk_that_is_full_while_a_copy_is_made_is_told_and_nothing_is_lost(path, monkeypatch):
    await fill_and_kill(path)
    log = path.with_name("gateway.db-wal").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(places.shutil, "copyfile", full)
    with pytest.raises(StoreError, match="No space left on device"):
        await Store(str(path)).open(NOW)
    monkeypatch.undo()
    assert path.with_name("gateway.db-wal").read_bytes() == log
    assert len((await kept(path))[0]) == 50
