"""An account's signatures, and that its secret stays inside."""

import base64
import pickle
import subprocess
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as an_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as an_rsa_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import AccountSigner, Secret
from gateway.errors import ConfigError, LoginRefused

if TYPE_CHECKING:
    from gateway.spi import Signer

KEY, CANARY = "canary-key", "canary-secret"


def pem(key: Any, how: KeySerializationEncryption | None = None) -> str:
    made: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how or NoEncryption())
    return made.decode()


SEEDED = pem(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
RSA = pem(an_rsa_key(65537, 2048))


@pytest.fixture
def signer() -> "Signer":
    return AccountSigner(Secret(KEY), Secret(CANARY))


def test_the_digests_are_those_of_rfc_4231() -> None:
    signer = AccountSigner(Secret(KEY), Secret("Jefe"))
    payload = b"what do ya want for nothing?"
    assert signer.hmac_sha256(payload).hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signer.hmac_sha512(payload).hex() == (
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    )


def test_the_key_is_given_in_the_clear(signer: "Signer") -> None:
    assert signer.api_key == KEY
    assert type(signer.api_key) is str


def test_nothing_about_a_signer_shows_what_it_signs_with(signer: "Signer") -> None:
    for shown in (
        repr(signer),
        str(signer),
        f"{signer}",
        repr(vars(signer)),
        pickle.dumps(signer).decode("latin-1"),
    ):
        assert KEY not in shown
        assert CANARY not in shown
    assert repr(signer) == "AccountSigner(***)"


def test_an_error_does_not_carry_the_secret(signer: "Signer") -> None:
    with pytest.raises(TypeError) as caught:
        signer.hmac_sha256("text")  # type: ignore[arg-type]  # what a careless plugin does
    assert CANARY not in repr(caught.value)


@given(st.binary(max_size=200))
def test_every_payload_has_its_digests(payload: bytes) -> None:
    signer = AccountSigner(Secret(KEY), Secret("é"))
    assert len(signer.hmac_sha256(payload)) == 32
    assert len(signer.hmac_sha512(payload)) == 64


# --- private keys


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (
            b"apiKey=demoKey123&timestamp=1764547200000",
            "Klska3B3qZGofivdJTp2UrzkGrBUhH0HUgwNJ8oRYX+sE9KJXtKahq0YxJ9aPdQ01M4wSCRkkd146MIqHhs+Ag==",
        ),
        (
            b"apiKey=demoKey123&recvWindow=5000&timestamp=1764547200000",
            "1upHIHap8uLDSnRJZ+cWPYgCC/PLhxOIVvAB59w04cGs310aUY4Wwu2g2EQPPeVy3t3C0eRGbkZO77bavj22Bg==",
        ),
    ],
)
def test_an_ed25519_key_signs_as_the_exchanges_documents_have_it(payload: bytes, signature: str) -> None:
    signer = AccountSigner(Secret(KEY), Secret(SEEDED))
    assert signer.key_type == "ed25519"
    assert base64.b64encode(signer.ed25519(payload)).decode() == signature


def test_an_rsa_key_signs_as_openssl_does(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(RSA)
    command = ["openssl", "dgst", "-sha256", "-sign", str(tmp_path / "key.pem")]
    theirs = subprocess.run(command, input=b"a=1&b=2", capture_output=True, check=True).stdout
    signer = AccountSigner(Secret(KEY), Secret(RSA))
    assert signer.key_type == "rsa"
    assert signer.rsa_sha256(b"a=1&b=2") == theirs


def test_a_key_that_openssl_made_the_old_way_will_do() -> None:
    """PKCS#1 has a title of its own, and files begin with empty lines at times."""
    command = ["openssl", "genrsa", "-traditional", "2048"]
    made = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert made.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert AccountSigner(Secret(KEY), Secret("\n" + made)).key_type == "rsa"


def test_a_text_that_is_no_pem_is_for_hmac_even_where_it_looks_like_one() -> None:
    assert AccountSigner(Secret(KEY), Secret(CANARY)).key_type == "hmac"
    assert AccountSigner(Secret(KEY), Secret(SEEDED), "hmac").hmac_sha256(b"") != b""


@pytest.mark.parametrize(
    ("secret", "key_type", "problem"),
    [
        (CANARY, "rsa", "is an HMAC secret, and key_type says an RSA key"),
        (CANARY, "ed25519", "is an HMAC secret, and key_type says an Ed25519 key"),
        (SEEDED, "rsa", "is an Ed25519 key, and key_type says an RSA key"),
        (RSA, "ed25519", "is an RSA key, and key_type says an Ed25519 key"),
        ("-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----", None, "is no private key in PEM"),
        ("-----BEGIN canary", None, "is no private key in PEM"),
        (
            pem(an_rsa_key(65537, 2048), BestAvailableEncryption(b"canary")),
            None,
            "is encrypted; need a private key without a password",
        ),
        (pem(an_ec_key(SECP256R1())), None, "is a private key of another kind; need RSA or Ed25519"),
    ],
)
def test_a_secret_that_cannot_sign_is_refused_by_the_settings_name(
    secret: str, key_type: Any, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        AccountSigner(Secret(KEY), Secret(secret), key_type, key="accounts.main.secret")
    assert str(caught.value) == f"accounts.main.secret: {problem}"
    assert caught.value.__context__ is None
    shown = "".join(traceback.format_exception(caught.value))
    assert not [line for line in secret.splitlines()[1:] if len(line) > 20 and line in shown]


@pytest.mark.parametrize(
    ("secret", "method", "text"),
    [
        (CANARY, "rsa_sha256", "the account has an HMAC secret, and an RSA key is needed"),
        (CANARY, "ed25519", "the account has an HMAC secret, and an Ed25519 key is needed"),
        (SEEDED, "rsa_sha256", "the account has an Ed25519 key, and an RSA key is needed"),
        (SEEDED, "hmac_sha256", "the account has an Ed25519 key, and an HMAC secret is needed"),
        (RSA, "ed25519", "the account has an RSA key, and an Ed25519 key is needed"),
        (RSA, "hmac_sha512", "the account has an RSA key, and an HMAC secret is needed"),
    ],
)
def test_a_secret_of_another_type_is_a_login_that_only_a_person_can_mend(
    secret: str, method: str, text: str
) -> None:
    with pytest.raises(LoginRefused, match=text) as caught:
        getattr(AccountSigner(Secret(KEY), Secret(secret)), method)(b"payload")
    assert caught.value.retry_after is None


@pytest.mark.parametrize("secret", [SEEDED, RSA])
def test_a_private_key_is_shown_nowhere(secret: str) -> None:
    signer = AccountSigner(Secret(KEY), Secret(secret))
    shown = repr(vars(signer)) + repr(signer) + pickle.dumps(signer).decode("latin-1")
    assert not [line for line in secret.splitlines()[1:-1] if line in shown]


@pytest.mark.parametrize(
    ("key", "secret", "key_type", "differs"),
    [
        (KEY, CANARY, "hmac", ()),
        ("other", CANARY, None, ("api_key",)),
        (KEY, "other", None, ("secret",)),
        (KEY, RSA, None, ("secret", "key_type")),
    ],
)
def test_what_differs_is_named_and_not_shown(
    key: str, secret: str, key_type: Any, differs: tuple[str, ...]
) -> None:
    one = AccountSigner(Secret(key), Secret(secret), key_type)
    assert one.differs_from(AccountSigner(Secret(KEY), Secret(CANARY))) == differs
