"""
How the exchange knows an account: its API key, and what proves that a request is the account's own.

After "SIGNED request security" in rest-api.md and web-socket-api.md of the spot
documents, 2026-07-21: HMAC-SHA256 in hexadecimal of either case, RSA (PKCS #1 v1.5,
SHA-256) and Ed25519 in Base64.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


class Proof(Protocol):
    """Knows a signature when it sees one."""

    @property
    def may_log_on(self) -> bool:
        """Say whether a session may be opened with it."""

    def holds(self, payload: bytes, signature: str) -> bool:
        """Say whether ``signature`` is one of ``payload``."""


@dataclass(frozen=True, slots=True)
class Hmac:
    """A secret that both sides have."""

    secret: str
    may_log_on: bool = False

    def holds(self, payload: bytes, signature: str) -> bool:
        """Compare without telling by the time it takes."""
        expected = hmac.new(self.secret.encode(), payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())


@dataclass(frozen=True, slots=True)
class Rsa:
    """The public half of an RSA key."""

    key: "RSAPublicKey"
    may_log_on: bool = False

    def holds(self, payload: bytes, signature: str) -> bool:
        """Verify."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # accounts with a secret do without
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415  # same
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415  # same

        try:
            self.key.verify(base64.b64decode(signature, validate=True), payload, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Ed25519:
    """The public half of an Ed25519 key."""

    key: "Ed25519PublicKey"
    may_log_on: bool = True

    def holds(self, payload: bytes, signature: str) -> bool:
        """Verify."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # accounts with a secret do without

        try:
            self.key.verify(base64.b64decode(signature, validate=True), payload)
        except (InvalidSignature, ValueError):
            return False
        return True


def proof(secret: str) -> Proof:
    """
    Return what knows the signatures of ``secret``: a PEM, of either half of a key, or a plain secret.

    Raises:
        ValueError: If it is a PEM of another kind.
    """
    if "-----BEGIN" not in secret:
        return Hmac(secret)
    from cryptography.hazmat.primitives import serialization as pem  # noqa: PLC0415  # a plain secret does without
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415  # same
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415  # same

    if "PRIVATE" in secret:
        key: object = pem.load_pem_private_key(secret.encode(), None).public_key()
    else:
        key = pem.load_pem_public_key(secret.encode())
    if isinstance(key, Ed25519PublicKey):
        return Ed25519(key)
    if isinstance(key, RSAPublicKey):
        return Rsa(key)
    raise ValueError("it is neither an RSA nor an Ed25519 key")
