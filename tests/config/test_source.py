"""A file that is read again counts once nobody writes it; an empty one never does."""

from pathlib import Path
from threading import Thread
from time import sleep

import pytest

from gateway.config import Source
from gateway.config import source as module
from gateway.errors import ConfigError

WHOLE = "[exchanges.mock]\n[accounts.main]\nexchange = 'mock'\napi_key = 'env:A'\nsecret = 'env:B'\n"


def test_it_is_the_same_as_at_the_first_time(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(WHOLE)
    one = Source(path, {"GATEWAY_LOG__LEVEL": "debug"}, {"server": {"listen": "127.0.0.1:1"}})
    first = one.read()
    assert (first.log.level, first.server.listen, list(first.accounts)) == ("debug", "127.0.0.1:1", ["main"])
    assert one.read_again() == first


def test_without_a_file_it_is_what_was_laid_over_it() -> None:
    assert Source(None, {}, {"log.level": "debug"}).read_again().log.level == "debug"


@pytest.mark.parametrize("parts", [["", WHOLE], [WHOLE[:17], WHOLE], [WHOLE[:17], WHOLE[:40], WHOLE]])
def test_one_that_is_being_written_is_waited_for(tmp_path: Path, parts: list[str]) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(parts[0])

    def write() -> None:
        for part in parts[1:]:
            sleep(module.PAUSE / 2)
            path.write_text(part)

    writer = Thread(target=write)
    writer.start()
    assert list(Source(path, {}, {}).read_again().accounts) == ["main"]
    writer.join()


def test_one_that_is_empty_is_refused(tmp_path: Path) -> None:
    """At the first start it may be: then nothing is lost by it."""
    path = tmp_path / "gateway.toml"
    path.write_text(" \n")
    assert Source(path, {}, {}).read().accounts == {}
    with pytest.raises(ConfigError) as refused:
        Source(path, {}, {}).read_again()
    assert str(refused.value) == f"{path}: is empty"


def test_one_that_never_stays_the_same_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gateway.toml"
    monkeypatch.setattr(module, "PAUSE", 0.0)
    contents = iter(range(10**6))
    monkeypatch.setattr(module, "read_bytes", lambda _: b"%d" % next(contents))
    with pytest.raises(ConfigError) as refused:
        Source(path, {}, {}).read_again()
    assert str(refused.value) == f"{path}: does not stay the same for 0 s"


def test_one_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        Source(tmp_path / "gone", {}, {}).read_again()
