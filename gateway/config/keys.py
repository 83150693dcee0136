"""Private keys in PEM: which of them can sign, and how each of them does."""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.spi.contract import KeyType

_REFUSALS: Final = (ValueError, TypeError, UnsupportedAlgorithm)


class PrivateKey:
    """
    Signs with an RSA or an Ed25519 key, and shows nothing of it.

    Args:
        pem: the key, not encrypted.

    Raises:
        ValueError: If it is none that can be used; the text says why and nothing of the key.
    """

    def __init__(self, pem: str) -> None:
        problem = ""
        try:
            self._key = load_pem_private_key(pem.encode(), password=None)
        except TypeError:
            problem = "is encrypted; need a private key without a password"
        except _REFUSALS:
            problem = "is no private key in PEM"
        if problem:  # outside: the library's own words stay behind
            raise ValueError(problem)
        if not isinstance(self._key, RSAPrivateKey | Ed25519PrivateKey):
            raise ValueError("is a private key of another kind; need RSA or Ed25519")  # noqa: TRY004  # of its text

    @property
    def key_type(self) -> KeyType:
        """Which of the two it is."""
        return "rsa" if isinstance(self._key, RSAPrivateKey) else "ed25519"

    def sign(self, payload: bytes) -> bytes:
        """Return the signature: PKCS#1 v1.5 over SHA-256, or Ed25519."""
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(payload, PKCS1v15(), hashes.SHA256())
        assert isinstance(self._key, Ed25519PrivateKey)
        return self._key.sign(payload)

    def __repr__(self) -> str:
        return "PrivateKey(***)"

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, ("***",)
