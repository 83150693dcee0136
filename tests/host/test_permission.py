"""A plugin is let in by its name, and where that is said only from whom and with the files that are expected."""

import sys

import pytest

from gateway.errors import PluginError
from gateway.host import PluginHost, fingerprint
from gateway.host.discovery import find
from gateway.host.permission import check_listed, check_shipped

SUM = "0" * 64


@pytest.fixture
def acme(alone, code):
    """A complete plugin, shipped by acme-gateway, with a list of its files."""
    alone.install("acme-gateway", "2.1", acme="acme_permitted:plugin", files={"acme_permitted": code})
    record(alone)
    return alone


def record(alone, *more):
    (info,) = alone.path.glob("*.dist-info")
    files = [one.relative_to(alone.path).as_posix() for one in sorted(alone.path.rglob("*")) if one.is_file()]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in [*files, *more]))


def test_a_name_alone_lets_in_whoever_ships_it(acme):
    PluginHost().load("acme", ["other", "acme"])


def test_a_distribution_that_is_named_is_the_only_one(acme):
    PluginHost().load("acme", ["acme@Acme.Gateway"])
    with pytest.raises(PluginError, match=r"is shipped by acme-gateway 2\.1, which plugins\.allow"):
        PluginHost().load("acme", ["acme@acme-gatevvay"])


def test_a_package_under_another_name_gets_in_neither_as_the_exchange_nor_beside_it(alone, code):
    alone.install("acme-gatevvay", "2.1", acme="acme_squatted:plugin", acmee="acme_squatted:plugin")
    (alone.path / "acme_squatted.py").write_text(code)
    for exchange, said in (
        ("acme", r"is shipped by acme-gatevvay 2\.1, which plugins\.allow does not let in"),
        ("acmee", r"is not in the list of allowed plugins, which has acme@acme-gateway"),
    ):
        with pytest.raises(PluginError, match=said):
            PluginHost().load(exchange, ["acme@acme-gateway"])
    assert "acme_squatted" not in sys.modules


def test_nothing_is_imported_that_is_not_let_in(acme):
    with pytest.raises(PluginError):
        PluginHost().load("acme", [f"acme@acme-gateway#sha256:{SUM}"])
    assert "acme_permitted" not in sys.modules


def test_the_files_must_be_those_that_were_looked_at(acme):
    entry = f"acme@acme-gateway#sha256:{fingerprint('acme-gateway')}"
    PluginHost().load("acme", [entry])
    code = acme.path / "acme_permitted.py"
    code.write_text(code.read_text() + "\n# one line more")
    with pytest.raises(PluginError, match="does not let in as it is"):
        PluginHost().load("acme", [entry])
    PluginHost().load("acme", [entry, f"acme@acme-gateway#sha256:{fingerprint('acme-gateway')}"])


def test_what_an_installer_writes_is_not_counted(acme):
    before = fingerprint("acme-gateway")
    assert before is not None
    (info,) = acme.path.glob("*.dist-info")
    (info / "INSTALLER").write_text("pip\n")
    record(acme, "../bin/acme", "__pycache__/acme_permitted.cpython-311.pyc")
    assert fingerprint("acme-gateway") == before


def test_files_that_cannot_be_seen_have_no_fingerprint(acme):
    record(acme, "lost.py")
    assert fingerprint("acme-gateway") is None
    assert fingerprint("nowhere") is None
    with pytest.raises(PluginError):
        PluginHost().load("acme", [f"acme@acme-gateway#sha256:{SUM}"])


@pytest.mark.parametrize("record", [b"a\0b,,\n", b"x" * 140_000 + b",,", b"\xff"], ids=["zero", "long", "no text"])
def test_files_whose_list_is_unreadable_have_no_fingerprint(acme, record):
    (info,) = acme.path.glob("*.dist-info")
    (info / "RECORD").write_bytes(record)
    assert fingerprint("acme-gateway") is None


def test_code_that_is_elsewhere_has_no_fingerprint(acme):
    (info,) = acme.path.glob("*.dist-info")
    (info / "direct_url.json").write_text('{"dir_info": {"editable": true}, "url": "file:///x"}')
    assert fingerprint("acme-gateway") is None


@pytest.mark.parametrize(
    "entry", ["acme@", "acme#sha256:" + SUM, "acme@x#sha256:1", "acme @x", "ACME", "acme@x#md5:1"]
)
def test_what_is_spelt_wrong_lets_nothing_in(entry):
    with pytest.raises(PluginError, match="is not in the list of allowed plugins"):
        check_listed("acme", [entry])


@pytest.mark.usefixtures("acme")
def test_without_a_list_all_are_let_in():
    check_listed("acme", None)
    check_shipped(find("acme"), None)
