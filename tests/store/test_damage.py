"""A file that is damaged or not ours is kept as it is, and the gateway starts."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from stored import NOW, STAMP, fill, fill_and_kill, kept, names, opened, wish

from gateway.errors import ConfigError
from gateway.store import Store

PAGE = 4096
WISHES = [wish(number) for number in range(50)]


def cut(size: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(size) if size >= 1 else int(len(content) * size)]


def patch(offset: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content[:offset] + new + content[offset + len(new) :]


def page(number: int, content: bytes) -> bytes:
    return content[(number - 1) * PAGE : number * PAGE]


def swapped(content: bytes) -> bytes:
    return page(1, content) + page(3, content) + page(2, content) + content[3 * PAGE :]


def noise(size: int) -> bytes:
    return Random(1).randbytes(size)


DAMAGES = {
    "cut to a byte": (cut(1), "no database has its size"),
    "cut within the header": (cut(50), "no database has its size"),
    "cut within the first page": (cut(512), ""),
    "cut after the first page": (cut(PAGE), ""),
    "cut in the middle": (cut(0.5), ""),
    "cut by a byte": (lambda content: content[:-1], "no database has its size"),
    "cut by a page": (lambda content: content[:-PAGE], "database disk image is malformed"),
    "noise where the header was": (patch(0, noise(100)), "file is not a database"),
    "noise throughout": (lambda content: noise(len(content)), "file is not a database"),
    "zeros throughout": (lambda content: bytes(len(content)), "file is not a database"),
    "a text": (lambda _: b'[store]\npath = "gateway.db"\n' * 9, "no database has its size"),
    "another application_id": (patch(68, b"\0\0\0\7"), "it is another program's file"),
    "no application_id": (patch(68, bytes(4)), "it is another program's file"),
    "schema 0": (patch(60, bytes(4)), "it says that its schema is 0"),
    "schema below 0": (patch(60, b"\xff" * 4), "it says that its schema is -1"),
    "read-only by its header": (patch(18, b"\3"), "attempt to write a readonly database"),
    "a page of zeros": (patch(PAGE, bytes(PAGE)), ""),
    "a page of noise": (patch(PAGE, noise(PAGE)), ""),
    "two pages swapped": (swapped, ""),
    "another table's name": (
        lambda content: content.replace(b"TABLE bans", b"TABLE bons"),
        "malformed database schema (bans)",
    ),
    "another value": (lambda content: content.replace(b"S17-USDT", b"S17-USDC", 1), "missing from index"),
}


async def opens_afresh(path: Path) -> str:
    """Open a damaged file, check that a fresh one serves, and return what was told."""
    store = Store(str(path))
    [notice] = await store.open(NOW)
    try:
        assert await store.subscriptions() == await store.ban_history() == ()
        assert (await store.add_subscription(wish(7), NOW)).is_new
    finally:
        await store.close()
    assert await kept(path) == ([wish(7)], 0)
    return notice


@pytest.mark.parametrize(("damage", "why"), DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_file_is_set_aside_as_it_is(path, damage, why):
    await fill(path)
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    notice = await opens_afresh(path)
    aside = path.with_name(f"gateway.db.aside-{STAMP}")
    told = re.fullmatch(
        rf"{re.escape(str(path))} could not be used: (.+)\. It is kept as {re.escape(str(aside))}; a new one was "
        r"begun, without the subscriptions made through the API and the ban deadlines that it held",
        notice,
    )
    assert told is not None, notice
    assert why in told[1]
    assert aside.read_bytes() == damaged
    assert names(path.parent) == {"gateway.db", "gateway.db.lock", aside.name}


@pytest.mark.parametrize(
    "table", ["CREATE TABLE notes (text)", "PRAGMA user_version = 1", "PRAGMA application_id = 5"]
)
async def test_another_program_s_database_is_set_aside_as_it_is(path, table):
    """Not even its journal mode is changed."""
    with sqlite3.connect(path) as other:
        other.execute(table)
    other.close()
    before = path.read_bytes()
    assert "it is another program's file" in await opens_afresh(path)
    assert path.with_name(f"gateway.db.aside-{STAMP}").read_bytes() == before


@pytest.mark.parametrize("change", ["DROP INDEX bans_repeated", "ALTER TABLE bans ADD COLUMN more"])
async def test_a_file_whose_schema_somebody_changed_is_set_aside(path, change):
    await fill(path)
    with sqlite3.connect(path) as other:
        other.execute(change)
    other.close()
    assert "schema 1 has another bans" in await opens_afresh(path)


async def test_what_somebody_added_to_the_schema_does_no_harm(path):
    await fill(path)
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    assert await kept(path) == (WISHES, 3)


def die_within_a_transaction(path: Path) -> None:
    """Leave a file with a journal, as a process does that was killed."""
    program = (
        "import os, sqlite3, sys\n"
        "one = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "one.execute('CREATE TABLE notes (text)')\n"
        "one.execute('PRAGMA cache_size = 2')\n"
        "one.execute('BEGIN')\n"
        "one.executemany('INSERT INTO notes VALUES (?)', [('x' * 1000,)] * 1000)\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=30)


async def test_another_program_s_file_with_an_unfinished_change_is_set_aside_with_it(path):
    """To look into it would roll the change back."""
    die_within_a_transaction(path)
    journal = path.with_name("gateway.db-journal")
    before = path.read_bytes(), journal.read_bytes()
    assert len(before[1]) > PAGE
    assert "it is another program's file" in await opens_afresh(path)
    aside = path.with_name(f"gateway.db.aside-{STAMP}")
    assert (aside.read_bytes(), path.with_name(f"{aside.name}-journal").read_bytes()) == before


async def test_what_was_set_aside_before_is_not_written_over(path):
    for number in range(3):
        path.write_bytes(b"noise %d" % number)
        await opens_afresh(path)
    asides = [f"gateway.db.aside-{STAMP}{suffix}" for suffix in ("", "-2", "-3")]
    assert [path.with_name(name).read_bytes() for name in asides] == [b"noise 0", b"noise 1", b"noise 2"]


async def test_a_file_that_was_damaged_before_its_log_was_moved_into_it_takes_the_log_along(path):
    await fill_and_kill(path)
    log = path.with_name("gateway.db-wal")
    path.write_bytes(noise(PAGE))
    before = log.read_bytes()
    await opens_afresh(path)
    aside = path.with_name(f"gateway.db.aside-{STAMP}")
    assert aside.read_bytes() == noise(PAGE)
    assert path.with_name(f"{aside.name}-wal").read_bytes() == before


@pytest.mark.parametrize("how", ["empty", "gone"])
async def test_a_log_without_its_file_is_set_aside(path, how):
    """SQLite alone would delete it, without a word."""
    await fill_and_kill(path)
    log = path.with_name("gateway.db-wal").read_bytes()
    path.write_bytes(b"") if how == "empty" else path.unlink()
    assert "missing or cut short though its write-ahead log is there" in await opens_afresh(path)
    assert path.with_name(f"gateway.db.aside-{STAMP}-wal").read_bytes() == log


async def test_an_empty_file_is_begun(path):
    path.touch()
    assert await kept(path) == ([], 0)


async def test_a_file_whose_beginning_was_broken_off_is_begun(path):
    """Killed before its first table is there, it has a header and nothing that tells whose it is."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert path.stat().st_size == PAGE
    assert await kept(path) == ([], 0)


@pytest.mark.parametrize("seed", range(3))
async def test_a_flipped_bit_is_harmless_or_found(path, seed):
    """Whichever it is: never other data than what was kept, never a gateway that cannot start."""
    await fill(path)
    sound, random = path.read_bytes(), Random(seed)
    found = 0
    for _ in range(100):
        place = random.choice([random.randrange(100), random.randrange(len(sound))])
        flipped = bytearray(sound)
        flipped[place] ^= 1 << random.randrange(8)
        path.write_bytes(flipped)
        store = Store(str(path))
        if 60 <= place < 64 and int.from_bytes(flipped[60:64], signed=True) > 1:
            with pytest.raises(ConfigError, match="written by a newer gateway"):
                await store.open(NOW)
            assert path.read_bytes() == flipped
            continue
        notices = await store.open(NOW)
        content = [one.subscription for one in await store.subscriptions()], len(await store.ban_history())
        await store.close()
        assert content == (([], 0) if notices else (WISHES, 3)), f"bit of byte {place}"
        if notices:
            found += 1
            aside = path.with_name(f"gateway.db.aside-{STAMP}")
            assert aside.read_bytes() == flipped, f"bit of byte {place}"
            aside.unlink()
    assert found > 20


@pytest.mark.parametrize("seed", range(3))
async def test_a_flipped_bit_in_the_log_costs_what_came_after_it_and_no_more(path, seed):
    await fill_and_kill(path)
    file, log, random = path.read_bytes(), path.with_name("gateway.db-wal").read_bytes(), Random(seed)
    lengths = set()
    for _ in range(30):
        flipped = bytearray(log)
        flipped[random.randrange(len(log))] ^= 1 << random.randrange(8)
        path.write_bytes(file)
        path.with_name("gateway.db-wal").write_bytes(flipped)
        async with opened(path) as store:
            found = [one.subscription for one in await store.subscriptions()]
        assert found == WISHES[: len(found)]
        lengths.add(len(found))
    assert len(lengths) > 5


async def test_the_log_alone_holds_all_that_was_acknowledged(path):
    """The other tests' ground: what a killed process leaves is read again."""
    await fill_and_kill(path)
    assert path.with_name("gateway.db-wal").stat().st_size > 0
    assert await kept(path) == (WISHES, 0)
