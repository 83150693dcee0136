"""Signatures are those of the documents; what is signed is encoded over REST and is not over the WebSocket API."""

import base64
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from private import KEY, NOW_US, pem, signer, target

from gateway import spi
from gateway_binance.private.signing import signature, signed_params, signed_query, signer_of

PAYLOAD = "apiKey=demoKey123&timestamp=1764547200000"
WITH_WINDOW = "apiKey=demoKey123&recvWindow=5000&timestamp=1764547200000"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (WITH_WINDOW, "183e372b67ae0832689a7a68dbf32009f7a2d4564f8b21679d27f7895c1c4c3c"),
        (PAYLOAD, "4fdd7b2f39ae6f8f6b0b433cabfa2f17498834914249372f253f88e77cb6ec28"),
        (
            "symbol=%EF%BC%91%EF%BC%92&timestamp=1764547200000",
            "6a99f6cd3a2167ae97b81a849c4b44ae30d0b8ac29d18041dcc8d2bce6126435",
        ),
    ],
)
def test_hmac_is_hexadecimal(payload: str, expected: str) -> None:
    assert signature(signer(), payload) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (PAYLOAD, "Klska3B3qZGofivdJTp2UrzkGrBUhH0HUgwNJ8oRYX+sE9KJXtKahq0YxJ9aPdQ01M4wSCRkkd146MIqHhs+Ag=="),
        (WITH_WINDOW, "1upHIHap8uLDSnRJZ+cWPYgCC/PLhxOIVvAB59w04cGs310aUY4Wwu2g2EQPPeVy3t3C0eRGbkZO77bavj22Bg=="),
    ],
)
def test_ed25519_is_base64(payload: str, expected: str) -> None:
    assert signature(signer(pem()), payload) == expected


def test_rsa_is_what_openssl_answers(tmp_path: Path) -> None:
    secret = pem(generate_private_key(65537, 2048))
    (tmp_path / "key").write_text(secret)
    command = ["openssl", "dgst", "-sha256", "-sign", str(tmp_path / "key")]
    theirs = subprocess.run(command, input=PAYLOAD.encode(), capture_output=True, check=True).stdout
    assert signature(signer(secret), PAYLOAD) == base64.b64encode(theirs).decode()


# --- the WebSocket API: sorted, and not encoded


def test_parameters_are_signed_sorted_by_name_and_not_encoded() -> None:
    params = signed_params(signer(), NOW_US, {"recvWindow": 5000})
    assert params == {
        "apiKey": KEY,
        "recvWindow": 5000,
        "timestamp": 1_764_547_200_000,
        "signature": "183e372b67ae0832689a7a68dbf32009f7a2d4564f8b21679d27f7895c1c4c3c",
    }
    odd = signed_params(signer(), NOW_US, {"symbol": "１２"})
    assert odd["signature"] == signature(signer(), f"apiKey={KEY}&symbol=１２&timestamp=1764547200000")


# --- REST: encoded first, then signed


def test_a_query_is_encoded_before_it_is_signed() -> None:
    query = signed_query(signer(), NOW_US, {"symbol": "１２"})
    assert query == (
        "symbol=%EF%BC%91%EF%BC%92&timestamp=1764547200000"
        "&signature=6a99f6cd3a2167ae97b81a849c4b44ae30d0b8ac29d18041dcc8d2bce6126435"
    )


def test_a_signature_in_base64_is_encoded_itself() -> None:
    query = signed_query(signer(pem()), NOW_US)
    written = query.rpartition("&signature=")[2]
    assert not {"+", "/", "="} & set(written)
    assert dict(parse_qsl(query))["signature"] == signature(signer(pem()), "timestamp=1764547200000")


# --- who signs


def test_without_credentials_nobody_can_log_in() -> None:
    with pytest.raises(spi.LoginRefused, match="needs credentials") as caught:
        signer_of(target(signer=None))
    assert caught.value.retry_after is None
