"""Signatures are those of the documents; what is signed is encoded over REST and is not over the WebSocket API."""

import base64
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from private import KEY, NOW_US, pem, signer, target

from gateway import spi
from gateway_binance.private.signing import signature, signed_params, signed_query, signer_of

PAYLOAD = "apiKey=demoKey123&timestamp=1764547200000"
WITH_WINDOW = "apiKey=demoKey123&recvWindow=5000&timestamp=1764547200000"

DOCUMENTED = signer(
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
)
"""Whose signatures the official documents show; the private keys of their other examples they keep back."""
LIMIT: Any = {"type": "LIMIT", "timeInForce": "GTC"}
ODD = "".join(chr(0xFF10 + digit) for digit in range(1, 7))
"""Six wide digits: a symbol that is not ASCII."""


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


@pytest.mark.parametrize(
    ("at", "params", "expected"),
    [
        (1_649_729_878_532, {}, "1cf54395b336b0a9727ef27d5d98987962bc47aca6e13fe978612d0adee066ed"),
        (
            1_645_423_376_532,
            {
                **LIMIT,
                "symbol": "BTCUSDT",
                "side": "SELL",
                "quantity": "0.01000000",
                "price": "52000.00",
                "recvWindow": 100,
            },
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            1_645_423_376_532,
            {
                **LIMIT,
                "symbol": ODD,
                "side": "BUY",
                "quantity": "1.00000000",
                "price": "0.10000000",
                "recvWindow": 5000,
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_the_documents_requests_over_the_api_are_signed_so(at: int, params: Any, expected: str) -> None:
    assert signed_params(DOCUMENTED, at * 1000, params)["signature"] == expected


def test_parameters_are_signed_sorted_by_name_and_not_encoded() -> None:
    params = signed_params(signer(), NOW_US, {"recvWindow": 5000})
    assert params == {
        "apiKey": KEY,
        "recvWindow": 5000,
        "timestamp": 1_764_547_200_000,
        "signature": "183e372b67ae0832689a7a68dbf32009f7a2d4564f8b21679d27f7895c1c4c3c",
    }
    odd = signed_params(signer(), NOW_US, {"symbol": ODD[:2]})
    assert odd["signature"] == signature(signer(), f"apiKey={KEY}&symbol={ODD[:2]}&timestamp=1764547200000")


# --- REST: encoded first, then signed


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (ODD, "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
def test_the_documents_queries_are_signed_so(symbol: str, expected: str) -> None:
    params = {"symbol": symbol, "side": "BUY", **LIMIT, "quantity": "1", "price": "0.1", "recvWindow": 5000}
    query = signed_query(DOCUMENTED, 1_499_827_319_559_000, params)
    assert query.endswith(f"&timestamp=1499827319559&signature={expected}")


def test_a_query_is_encoded_before_it_is_signed() -> None:
    query = signed_query(signer(), NOW_US, {"symbol": ODD[:2]})
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
