"""Secrets: where they are read from, who may have left them lying about, and that nothing shows them."""

import copy
import json
import os
import pickle
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.config import Secret, resolve
from gateway.errors import ConfigError

CANARY = "canary-4711"


def refusal(reference: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the problem with ``reference``, having seen that what was read is nowhere in the error."""
    with pytest.raises(ConfigError) as caught:
        resolve(reference, environ or {}, key="accounts.main.secret")
    assert caught.value.__context__ is None
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.key == "accounts.main.secret"
    return caught.value.problem


@pytest.fixture
def guarded(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(CANARY)
    path.chmod(0o600)
    return path


def test_a_secret_shows_itself_to_nobody_who_does_not_ask() -> None:
    secret = Secret(CANARY)
    shown = [
        *(repr(secret), str(secret), f"{secret}", f"{secret!r:>3}", f"{secret!s}", format(secret, ""), secret[:]),
        *(secret + "", secret.encode().decode(), str.join("", [secret])),
        "%s" % secret,  # noqa: UP031  # the old way of formatting too
        *(json.loads(json.dumps(secret)), pickle.loads(pickle.dumps(secret)), copy.deepcopy(secret)),
    ]
    assert shown == ["***"] * len(shown)
    assert json.dumps({secret: [secret]}) == '{"***": ["***"]}'
    assert repr([secret]) == "[***]"
    assert not hasattr(secret, "__dict__")
    assert CANARY.encode() not in pickle.dumps(secret)
    assert secret.reveal() == CANARY


def test_secrets_are_equal_where_what_they_hide_is() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("***") != "***"
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("b")), "a hash would tell something"


def test_a_variable_is_read_at_that_moment() -> None:
    assert resolve("env:KEY", {"KEY": CANARY}).reveal() == CANARY
    assert refusal("env:KEY") == "env:KEY: this environment variable is not set"
    assert refusal("env:KEY", {"KEY": ""}) == "env:KEY: is empty"
    assert refusal("env:KEY", {"KEY": CANARY + "\udcff"}) == "env:KEY: is no UTF-8 text"


@pytest.mark.parametrize(
    ("content", "hidden"),
    [
        (b"a", "a"),
        (b"a\n", "a"),
        (b"a\r\n", "a"),
        (b"a\n\n", "a\n"),
        (b"a\n\r\n", "a\n"),
        (b"a\r", "a\r"),
        (b" a ", " a "),
        ("é".encode(), "é"),
        (b"x" * 65536, "x" * 65536),
    ],
)
def test_a_file_loses_one_newline_at_its_end(guarded: Path, content: bytes, hidden: str) -> None:
    guarded.write_bytes(content)
    assert resolve(f"file:{guarded}", {}).reveal() == hidden


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_a_file_that_others_may_use_is_refused(guarded: Path, mode: int) -> None:
    guarded.chmod(mode)
    assert refusal(f"file:{guarded}") == f"file:{guarded}: others may use it (mode {mode:04o}): chmod 600 it"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (CANARY.encode() + b"\xff", "is no UTF-8 text"),
        (CANARY.encode() * 6000, "is longer than 65536 bytes"),
    ],
)
def test_a_file_without_a_text_is_refused(guarded: Path, content: bytes, problem: str) -> None:
    guarded.write_bytes(content)
    assert refusal(f"file:{guarded}") == f"file:{guarded}: {problem}"


def test_only_a_regular_file_is_read_and_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    assert refusal(f"file:{tmp_path / 'fifo'}") == f"file:{tmp_path / 'fifo'}: is no regular file"
    assert refusal(f"file:{tmp_path}") == f"file:{tmp_path}: is no regular file"
    absent = tmp_path / "absent"
    assert refusal(f"file:{absent}") == f"file:{absent}: cannot be read: No such file or directory"


def test_no_descriptor_stays_open(guarded: Path, tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc on this system")
    before = descriptors()
    resolve(f"file:{guarded}", {})
    refusal(f"file:{tmp_path}")
    guarded.chmod(0o644)
    refusal(f"file:{guarded}")
    assert descriptors() == before


def test_systemds_credentials_are_read_whatever_their_mode_looks_like(guarded: Path) -> None:
    guarded.chmod(0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(guarded.parent)}
    assert resolve("systemd:secret", environ).reveal() == CANARY
    assert refusal("systemd:other", environ) == "systemd:other: cannot be read: No such file or directory"
    assert refusal("systemd:secret") == (
        "systemd:secret: $CREDENTIALS_DIRECTORY is not set; the unit needs LoadCredential="
    )


def test_the_key_ring_is_asked_for_service_and_name(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {("gateway", "acme/main"): CANARY}
    ring = SimpleNamespace(get_password=lambda service, name: kept.get((service, name)))
    monkeypatch.setitem(sys.modules, "keyring", ring)
    assert resolve("keyring:gateway/acme/main", {}).reveal() == CANARY
    assert refusal("keyring:gateway/else") == "keyring:gateway/else: the key ring has no such entry"


def test_a_key_ring_that_fails_is_told_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_password(service: str, name: str) -> str:
        raise RuntimeError(CANARY)

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=get_password))
    assert refusal("keyring:a/b") == "keyring:a/b: the key ring cannot be read (RuntimeError)"


def test_without_a_key_ring_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert refusal("keyring:a/b") == "keyring:a/b: needs keyring: pip install 'exchange-gateway[keyring]'"


@pytest.mark.parametrize(
    "literal",
    [
        *(
            "",
            CANARY,
            "env",
            "env:",
            "env:A B",
            "env:1A",
            "env:É",
            "file:",
            "file:a\0b",
            "vault:x",
            "ENV:A",
            " env:A",
        ),
        *(
            "systemd:",
            "systemd:a/b",
            "systemd:.",
            "systemd:..",
            "keyring:a",
            "keyring:/a",
            "keyring:a/",
            "env:A\n",
        ),
    ],
)
def test_what_is_no_reference_is_refused_and_not_repeated(literal: str) -> None:
    assert refusal(literal) == "must be a reference: env:NAME, file:PATH, systemd:NAME or keyring:SERVICE/NAME"
