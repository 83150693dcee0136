"""How an account's requests are signed: the plugin hands over what is to be signed and never sees the secret."""

import hmac
from typing import TYPE_CHECKING, Final

from gateway.config.credentials import Secret
from gateway.errors import ConfigError, LoginRefused
from gateway.spi.contract import KeyType

if TYPE_CHECKING:
    from gateway.config.keys import PrivateKey

_PEM: Final = "-----BEGIN "
_NAMES: Final = {"hmac": "an HMAC secret", "rsa": "an RSA key", "ed25519": "an Ed25519 key"}


class AccountSigner:
    """
    Signs with one account's secret, shows neither it nor the key: a ``Signer`` of the contract.

    Args:
        api_key: the public half, still nothing for logs.
        secret: the other one: a text for HMAC, or a private key in PEM.
        key_type: what the secret must be; :obj:`None` for whatever it is.
        key: the setting that errors name.

    Raises:
        ConfigError: If the secret is none of that type, or a private key that cannot be used.
    """

    def __init__(
        self, api_key: Secret, secret: Secret, key_type: KeyType | None = None, *, key: str = "secret"
    ) -> None:
        self._api_key = api_key
        self._secret = secret
        self._private = None if key_type == "hmac" else _private_key(secret, key)
        if key_type is not None and self.key_type != key_type:
            raise ConfigError(key, f"is {_NAMES[self.key_type]}, and key_type says {_NAMES[key_type]}")

    @property
    def api_key(self) -> str:
        """The public half of the credentials, in the clear."""
        return self._api_key.reveal()

    @property
    def key_type(self) -> KeyType:
        """What the secret is."""
        return "hmac" if self._private is None else self._private.key_type

    def hmac_sha256(self, payload: bytes) -> bytes:
        """Return the 32 bytes of the digest of ``payload``."""
        self._check("hmac")
        return hmac.digest(self._secret.reveal().encode(), payload, "sha256")

    def hmac_sha512(self, payload: bytes) -> bytes:
        """Return the 64 bytes of the digest of ``payload``."""
        self._check("hmac")
        return hmac.digest(self._secret.reveal().encode(), payload, "sha512")

    def rsa_sha256(self, payload: bytes) -> bytes:
        """Return the signature of ``payload``: PKCS#1 v1.5 over SHA-256."""
        return self._signed("rsa", payload)

    def ed25519(self, payload: bytes) -> bytes:
        """Return the 64 bytes of the signature of ``payload``."""
        return self._signed("ed25519", payload)

    def _signed(self, needed: KeyType, payload: bytes) -> bytes:
        self._check(needed)
        assert self._private is not None
        return self._private.sign(payload)

    def _check(self, needed: KeyType) -> None:
        """Refuse a secret of another type: only the operator can help with that."""
        if self.key_type != needed:
            raise LoginRefused(f"the account has {_NAMES[self.key_type]}, and {_NAMES[needed]} is needed")

    def differs_from(self, other: "AccountSigner") -> tuple[str, ...]:
        """Return the settings that are not as in ``other``: a reference may stand for another secret by now."""
        same = {
            "api_key": self._api_key == other._api_key,  # noqa: SLF001  # one of its own kind
            "secret": self._secret == other._secret,  # noqa: SLF001  # same
            "key_type": self.key_type == other.key_type,
        }
        return tuple(name for name, is_same in same.items() if not is_same)

    def __repr__(self) -> str:
        return "AccountSigner(***)"


def _private_key(secret: Secret, key: str) -> "PrivateKey | None":
    """Return the private key that the secret is; :obj:`None` if it is no PEM."""
    if not secret.reveal().lstrip().startswith(_PEM):
        return None
    from gateway.config.keys import PrivateKey  # noqa: PLC0415  # who has no such key pays no import

    try:
        return PrivateKey(secret.reveal())
    except ValueError as unusable:
        problem = str(unusable)
    raise ConfigError(key, problem)  # outside: nothing that was read hangs on the traceback
