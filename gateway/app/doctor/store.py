"""Whether what is to survive a restart can be kept: the store's file, which is not changed, and the tokens'."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, advice, well, wrong
from gateway.app.exposure import token_file
from gateway.errors import ConfigError, StoreError
from gateway.store import TokenState, is_transient, schema
from gateway.store.codes import told
from gateway.store.places import LOGS, beside, flaw, lock, place_of

SOON_US: Final = 14 * 86_400 * 1_000_000
NAME_ANOTHER: Final = "name another file, or make that one usable"


def store(case: Case) -> Iterator[Finding]:
    """Tell whether the store can be written, is whole, and is not newer than we are."""
    path = case.given.store.path
    if is_transient(path):
        yield advice("nothing survives a restart: store.path is :memory:", "name a file, where something should")
        return
    try:
        place = place_of(path)
    except ConfigError as problem:
        yield wrong(str(problem), NAME_ANOTHER)
        return
    yield from _owned(place, 0o600)
    if _is_in_use(place):
        yield well(f"{place} is in use by a gateway that runs")
    elif not place.exists():
        yield well(f"{place} can be begun")
    else:
        yield _whole(place)


def tokens(case: Case) -> Iterator[Finding]:
    """Tell how many tokens are good and which soon will not be, and who may read their file."""
    try:
        file = token_file(case.given)
        if file is None or not file.place.exists():
            yield well("there is no token; none is needed as long as only this machine can reach us")
            return
        every = file.read()
    except (ConfigError, StoreError) as problem:
        yield wrong(str(problem), "bring a copy of it back, or move it away and make new tokens")
        return
    yield from _owned(file.place, 0o600)
    now_us = case.now_us()
    good = [one for one in every if one.state(now_us) is TokenState.ACTIVE]
    if every and not good:
        yield advice("no token is good any more, and one is needed", "gateway token create")
    for one in good:
        if one.expires_us is not None and one.expires_us - now_us < SOON_US:
            days = (one.expires_us - now_us) // 86_400_000_000
            yield advice(f"token {one.id} expires in {days} days", "make another in time: gateway token create")
    yield well(f"{len(good)} of {len(every)} tokens are good")


def _owned(place: Path, mode: int) -> Iterator[Finding]:
    if os.name == "posix" and place.exists():
        found = stat.S_IMODE(place.stat().st_mode)
        if found & ~mode & 0o077:
            yield wrong(f"others may use {place} (mode {found:04o})", f"chmod {mode:o} {place}")


def _is_in_use(place: Path) -> bool:
    if not beside(place, ".lock").exists():  # to look for who holds it would make it
        return False
    try:
        lock(place).close()
    except ConfigError:
        return True
    return False


def _whole(place: Path) -> Finding:
    """Return what is to be said of a file that nobody uses just now."""
    try:
        version = _version(place)
    except schema.NewerError as newer:
        text = f"{place} was written by a newer gateway: its schema is {newer.version}"
        return wrong(text, "run the newer one, or name another file")
    except (schema.DamageError, sqlite3.Error) as exc:
        how = told(exc) if isinstance(exc, sqlite3.Error) else str(exc)
        todo = "bring a copy of it back; else the next start keeps it aside and begins a new one"
        return wrong(f"{place} is damaged: {how}", todo)
    return well(f"{place} is whole, of schema {version}")


def _version(place: Path) -> int:
    """Return the schema of a copy: to look into the file itself could change it."""
    if (told_by_size := flaw(place)) is not None:
        raise schema.DamageError(told_by_size)
    with TemporaryDirectory(prefix="gateway-doctor-") as room:
        copy = Path(room, place.name)
        for suffix in ("", *LOGS):
            if (original := beside(place, suffix)).exists():
                shutil.copyfile(original, beside(copy, suffix))
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            return schema.examine(connection, schema.scripts())
