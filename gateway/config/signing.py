"""How an account's requests are signed: the plugin hands over what is to be signed and never sees the secret."""

import hmac

from gateway.config.credentials import Secret


class AccountSigner:
    """
    Signs with one account's secret, shows neither it nor the key: a ``Signer`` of the contract.

    Args:
        api_key: the public half, still nothing for logs.
        secret: the other one.
    """

    def __init__(self, api_key: Secret, secret: Secret) -> None:
        self._api_key = api_key
        self._secret = secret

    @property
    def api_key(self) -> str:
        """The public half of the credentials, in the clear."""
        return self._api_key.reveal()

    def hmac_sha256(self, payload: bytes) -> bytes:
        """Return the 32 bytes of the digest of ``payload``."""
        return hmac.digest(self._secret.reveal().encode(), payload, "sha256")

    def hmac_sha512(self, payload: bytes) -> bytes:
        """Return the 64 bytes of the digest of ``payload``."""
        return hmac.digest(self._secret.reveal().encode(), payload, "sha512")

    def __repr__(self) -> str:
        return "AccountSigner(***)"
