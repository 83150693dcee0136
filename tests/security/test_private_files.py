"""N11, N12: what the gateway writes is its owner's alone, whatever the umask, and no link turns it elsewhere."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import resolve
from gateway.errors import ConfigError
from gateway.recording.writing import Writer
from gateway.store import Store, Token, TokenFile

NOW = 1_700_000_000_000_000
ONE = Token(id="t1", digest=bytes(32), scopes=("market:read",), name="", created_us=NOW, expires_us=None)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights of files as POSIX has them")


@pytest.fixture(autouse=True)
def generous() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


def contents(directory: Path) -> set[str]:
    """Return what is in its files, those included that were set aside."""
    return {one.read_bytes().decode(errors="replace") for one in directory.iterdir() if one.is_file()}


def modes(directory: Path) -> dict[str, int]:
    return {one.name: stat.S_IMODE(one.stat().st_mode) for one in directory.rglob("*")}


async def test_the_store_and_all_that_lies_beside_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "gateway.db"))
    await store.open(NOW)
    while_open = modes(tmp_path)
    await store.close()
    assert {"gateway.db", "gateway.db.lock", "gateway.db-wal"} <= while_open.keys()
    assert {name: mode for name, mode in while_open.items() if mode & 0o077} == {}


def test_tokens(tmp_path: Path) -> None:
    TokenFile(str(tmp_path / "gateway.db")).add(ONE)
    assert set(modes(tmp_path).values()) == {0o600}


def test_recordings(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "day", "here", "run", ["mock:trades:BTC-USDT"])
    writer.open(time.monotonic(), NOW)
    writer.put(b"{}\n")
    writer.flush(time.monotonic(), NOW)
    writer.close()
    found = modes(tmp_path)
    assert found.pop("day") == 0o700
    assert found
    assert set(found.values()) == {0o600}


@pytest.mark.parametrize("suffix", ["", ".tokens"])
async def test_a_link_to_somebody_elses_file_leaves_that_as_it_is(tmp_path: Path, suffix: str) -> None:
    (victim := tmp_path / "victim").write_text("what must not be lost\n" * 100)
    (place := tmp_path / "state").mkdir()
    (place / f"gateway.db{suffix}").symlink_to(victim)
    if suffix:
        with pytest.raises(ConfigError):
            TokenFile(str(place / "gateway.db")).add(ONE)
    else:
        store = Store(str(place / "gateway.db"))
        try:
            await store.open(NOW)
        except ConfigError:
            pass
        else:
            await store.close()
    assert "what must not be lost\n" * 100 in contents(tmp_path)


def test_a_secret_behind_a_link_is_judged_by_the_file_that_is_read(tmp_path: Path) -> None:
    (secret := tmp_path / "secret").write_text("canary")
    secret.chmod(0o644)
    (tmp_path / "link").symlink_to(secret)
    with pytest.raises(ConfigError) as refused:
        resolve(f"file:{tmp_path / 'link'}", {})
    assert "canary" not in str(refused.value)
    secret.chmod(0o600)
    assert resolve(f"file:{tmp_path / 'link'}", {}).reveal() == "canary"
