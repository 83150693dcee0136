"""Who may reach the server, and its certificate."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from gateway.app.doctor import exposure
from gateway.serving.auth.tokens import mint
from gateway.store import TokenFile

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls(authority, tmp_path):
    """Return the tables of a server whose certificate is good until some time."""

    def made(ends, begins=NOW - timedelta(days=400)):
        issued = authority.issue_cert("gateway.example", not_before=begins, not_after=ends)
        key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
        issued.private_key_pem.write_to_path(str(key))
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.chmod(0o600)
        return {"server": {"tls": {"cert": str(cert), "key": str(key)}}}

    return made


def test_loopback_is_well_and_other_addresses_without_tls_are_wrong(case, said):
    assert said(exposure.exposure(case()))[0] == ["only this machine can reach 127.0.0.1:8765"]
    found = list(exposure.exposure(case({"server": {"listen": "0.0.0.0:1"}})))
    [wrong] = said(found)[2]
    assert wrong.startswith("refusing to listen on '0.0.0.0'")
    assert found[0].todo.startswith("set server.tls.cert")


def test_other_addresses_with_tls_but_no_token_are_wrong(case, said, tls):
    tables = tls(NOW + timedelta(days=90))
    tables["server"]["listen"] = "0.0.0.0:1"
    [wrong] = said(exposure.exposure(case(tables)))[2]
    assert wrong.endswith("and no token is good")


@pytest.mark.parametrize("how", ["TLS", "proxy"])
def test_other_addresses_with_tls_and_a_token_are_well(case, said, tls, tmp_path, how):
    tables = tls(NOW + timedelta(days=90)) if how == "TLS" else {"server": {"behind_tls_proxy": True}}
    tables["server"]["listen"] = "0.0.0.0:1"
    store = str(tmp_path / "gateway.db")
    tables["server"]["allowed_hosts"] = ["gateway.example"]
    one = case({**tables, "store": {"path": store}})
    _, kept = mint(["market:read"], name="", now_us=one.now_us(), expires_us=None)
    TokenFile(store).add(kept)
    [well], better, wrong = said(exposure.exposure(one))
    assert well.startswith("others can reach 0.0.0.0:1")
    assert how in well
    assert not better + wrong
    tables["server"]["allowed_hosts"] = []
    [advice] = said(exposure.exposure(case({**tables, "store": {"path": store}})))[1]
    assert advice.startswith("server.allowed_hosts is empty")
    tables["server"]["listen"] = "192.0.2.1:1"
    assert bool(said(exposure.exposure(case({**tables, "store": {"path": store}})))[1]) is (how == "proxy")


def test_a_certificate_that_is_not_there_is_wrong(case, said):
    tables = {"server": {"tls": {"cert": "nope.pem", "key": "nope.key"}}}
    [wrong] = said(exposure.exposure(case(tables)))[2]
    assert wrong.startswith("server.tls.cert: nope.pem cannot be read")
    assert "nope.pem cannot be read" in said(exposure.certificate(case(tables)))[2][0]


def test_without_tls_there_is_no_certificate_to_look_at(case):
    assert list(exposure.certificate(case())) == []


@pytest.mark.parametrize(
    ("begins", "ends", "kind", "word"),
    [
        (-100, 90, 0, "is good until"),
        (-100, 20, 1, "expires on"),
        (-100, -1, 2, "has expired on"),
        (5, 90, 2, "only from"),
    ],
)
def test_a_certificate_is_good_for_a_while_or_not(case, said, tls, begins, ends, kind, word):
    tables = tls(NOW + timedelta(days=ends), NOW + timedelta(days=begins))
    found = said(exposure.certificate(case(tables)))
    assert [word in text for text in found[kind]] == [True]
    assert sum(map(len, found)) == 1


def test_what_is_no_certificate_is_told(case, said, tls):
    tables = tls(NOW + timedelta(days=90))
    Path(tables["server"]["tls"]["cert"]).write_text("nonsense")
    assert "it holds no certificate in PEM" in said(exposure.certificate(case(tables)))[2][0]


@pytest.mark.skipif(os.name != "posix", reason="only there are modes")
def test_a_private_key_that_others_may_read_is_wrong_and_one_that_is_missing_too(case, said, tls):
    tables = tls(NOW + timedelta(days=90))
    key = Path(tables["server"]["tls"]["key"])
    key.chmod(0o640)
    assert said(exposure.certificate(case(tables)))[2] == [f"others may use the private key {key} (mode 0640)"]
    key.unlink()
    assert "cannot be read" in said(exposure.certificate(case(tables)))[2][0]
