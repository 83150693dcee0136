"""Where the server may listen: beyond this machine only with tokens, and with TLS that works."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.app.exposure import check_exposure, check_still, tls_of, token_place, tokens_of
from gateway.config import Settings, load
from gateway.errors import ConfigError, UnsafeError
from gateway.store import Token, TokenFile


@pytest.fixture
def server(tmp_path: Path) -> Any:
    """Return settings with these keys of the server, a store, and a certificate as c.pem and k.pem."""
    issued = trustme.CA().issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "c.pem")
    issued.private_key_pem.write_to_path(tmp_path / "k.pem")

    def settings(*, store: str = str(tmp_path / "gateway.db"), **server: Any) -> Settings:
        return load(None, {}, {"server": server, "store": {"path": store}})

    return settings


@pytest.fixture
def tls(server: Any, tmp_path: Path) -> dict[str, str]:
    return {"cert": str(tmp_path / "c.pem"), "key": str(tmp_path / "k.pem")}


def issue(tmp_path: Path, *, expires_us: int | None = None) -> None:
    one = Token(id="a", digest=bytes(32), scopes=(), name="", created_us=1, expires_us=expires_us)
    TokenFile(str(tmp_path / "gateway.db")).add(one)


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_nothing(server: Any, listen: str) -> None:
    address = check_exposure(server(listen=listen, store=":memory:"))
    assert address == {"[::1]:1": "::1"}.get(listen, "127.0.0.1")


OUTSIDE = ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "gateway.example:1"]


@pytest.mark.parametrize("listen", OUTSIDE)
def test_beyond_it_both_are_needed(server: Any, tls: dict[str, str], tmp_path: Path, listen: str) -> None:
    with pytest.raises(UnsafeError, match=r"needs tokens and TLS; set server\.tls\.cert"):
        check_exposure(server(listen=listen))
    with pytest.raises(UnsafeError, match="and no token is good; make one with 'gateway token create'"):
        check_exposure(server(listen=listen, tls=tls))
    issue(tmp_path)
    with pytest.raises(UnsafeError, match=r"needs tokens and TLS; set server\.tls\.cert"):
        check_exposure(server(listen=listen))
    for safe in ({"tls": tls}, {"behind_tls_proxy": True}):
        assert check_exposure(server(listen=listen, **safe)) == listen.removesuffix(":1").strip("[]")
    with pytest.raises(UnsafeError, match="no token is good"):
        check_exposure(server(listen=listen, tls=tls, store=":memory:"))


def test_a_token_that_has_expired_counts_for_nothing(server: Any, tls: dict[str, str], tmp_path: Path) -> None:
    issue(tmp_path, expires_us=5)
    with pytest.raises(UnsafeError, match="no token is good"):
        check_exposure(server(listen="0.0.0.0:1", tls=tls))


def test_behind_a_proxy_a_token_is_needed_on_loopback_too(server: Any, tmp_path: Path) -> None:
    settings = server(listen="127.0.0.1:1", behind_tls_proxy=True)
    with pytest.raises(UnsafeError, match="no token is good"):
        check_exposure(settings)
    issue(tmp_path)
    assert check_exposure(settings) == "127.0.0.1"


def test_one_that_listens_already_is_not_asked_for_tokens_again(server: Any, tls: dict[str, str]) -> None:
    check_still(server(listen="0.0.0.0:1", tls=tls))
    with pytest.raises(UnsafeError):
        check_still(server(listen="0.0.0.0:1"))


def test_tls_is_1_2_or_later(server: Any, tls: dict[str, str]) -> None:
    assert tls_of(server().server) is None
    spoken = tls_of(server(tls=tls).server)
    assert spoken is not None
    assert spoken.context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("c.pem", None, "server.tls.cert"),
        ("k.pem", None, "server.tls.key"),
        ("c.pem", b"canary", "server.tls.cert"),
        ("k.pem", b"canary", "server.tls.cert"),
        ("k.pem", b"another", "server.tls.cert"),
        ("k.pem", b"encrypted", "server.tls.cert"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_shown(
    server: Any, tls: dict[str, str], tmp_path: Path, name: str, content: bytes | None, key: str
) -> None:
    place = tmp_path / name
    match content:
        case None:
            place.unlink()
        case b"another":
            trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(place)
        case b"encrypted":
            place.write_bytes(encrypted(place.read_bytes()))
        case _:
            place.write_bytes(content)
    with pytest.raises(ConfigError) as wrong:
        check_still(server(tls=tls))
    assert wrong.value.key == key
    assert "canary" not in str(wrong.value)


def encrypted(pem: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization as s

    return s.load_pem_private_key(pem, None).private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"x")
    )


def test_where_the_tokens_are(server: Any, tmp_path: Path) -> None:
    assert (token_place(server(store=":memory:")), tokens_of(server(store=":memory:"))) == (None, ())
    issue(tmp_path)
    assert token_place(server()) == tmp_path / "gateway.db.tokens"
    assert [one.id for one in tokens_of(server())] == ["a"]
