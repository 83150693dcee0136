"""An account's signatures, and that its secret stays inside."""

import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import AccountSigner, Secret

if TYPE_CHECKING:
    from gateway.spi import Signer

KEY, CANARY = "canary-key", "canary-secret"


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
