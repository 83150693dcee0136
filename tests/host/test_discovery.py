"""What is installed is listed without being imported, whatever else lies on the path."""

import sys

import pytest

from gateway.errors import PluginError
from gateway.host import Installed, PluginHost, installed


def test_the_bundled_plugins_are_installed_like_anyones():
    found = {one.name: one for one in installed()}
    assert found["mock"].distribution == found["binance"].distribution == "exchange-gateway"
    assert found["mock"].value == "gateway_mock.plugin:plugin"
    assert found["mock"].version


def test_nothing_is_imported_to_be_listed(alone):
    alone.install("acme-gateway", "2.1", acme="acme_plugin:plugin", files={"acme_plugin": "raise SystemExit(3)"})
    assert installed() == (Installed("acme", "acme-gateway", "2.1", "acme_plugin:plugin"),)
    assert "acme_plugin" not in sys.modules


def test_they_are_sorted_by_name_and_two_of_one_name_are_both_there(alone):
    alone.install("zz", zeta="z:z", acme="z:a")
    alone.install("aa", mid="a:m", acme="a:a")
    assert [(one.name, one.distribution) for one in installed()] == [
        ("acme", "aa"),
        ("acme", "zz"),
        ("mid", "aa"),
        ("zeta", "zz"),
    ]


def test_a_distribution_that_is_on_the_path_twice_counts_once(alone, tmp_path_factory, monkeypatch):
    alone.install("acme_gateway", "2.0", acme="new:plugin")
    older = type(alone)(tmp_path_factory.mktemp("older"))
    older.install("Acme.Gateway", "1.0", acme="old:plugin")
    monkeypatch.setattr(sys, "path", [str(alone.path), str(older.path)])
    assert [(one.version, one.value) for one in installed()] == [("2.0", "new:plugin")]


def test_other_groups_are_none_of_ours(alone):
    alone.write("acme", "entry_points.txt", "[gateway.venues]\nacme = acme:venue\n[console_scripts]\na = a:a\n")
    assert installed() == ()


@pytest.mark.parametrize("broken", ["[gateway.plugins]\nno equals sign\n", b"\xff\xfe\x00"])
def test_unreadable_metadata_hides_only_its_own_plugins(alone, broken):
    alone.install("good", acme="acme:plugin")
    alone.install("bad")
    place = alone.path / "bad-1.0.dist-info" / "entry_points.txt"
    place.write_bytes(broken if isinstance(broken, bytes) else broken.encode())
    assert [one.name for one in installed()] == ["acme"]
    with pytest.raises(PluginError, match="installed are acme; the entry points of bad cannot be read"):
        PluginHost().load("lost")


def test_distributions_without_metadata_are_listed_and_told_apart(alone):
    for name in ("one", "two"):
        alone.write(name, "entry_points.txt", f"[gateway.plugins]\n{name} = {name}:plugin\n")
    assert installed() == (
        Installed("one", "unknown", "unknown", "one:plugin"),
        Installed("two", "unknown", "unknown", "two:plugin"),
    )


def test_metadata_that_cannot_be_decoded_is_unknown(alone):
    alone.install("acme", acme="acme:plugin")
    (alone.path / "acme-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe")
    assert installed() == (Installed("acme", "unknown", "unknown", "acme:plugin"),)
