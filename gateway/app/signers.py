"""Whose secrets are looked up for an exchange, and which of them are others than before."""

from collections.abc import Iterator, Mapping

from gateway.config import AccountSettings, AccountSigner, resolve
from gateway.telemetry import SCRUBBER

Signers = Mapping[str, AccountSigner]
"""Who signs, by account."""


def signers_at(exchange: str, accounts: Mapping[str, AccountSettings], environ: Mapping[str, str]) -> Signers:
    """
    Return who signs for each of the exchange's accounts. Blocks on the disk or the key ring.

    What is read is hidden from the log from then on.

    Raises:
        ConfigError: If a secret cannot be had.
    """
    return {
        name: _signer(name, account, environ) for name, account in accounts.items() if account.exchange == exchange
    }


def _signer(name: str, account: AccountSettings, environ: Mapping[str, str]) -> AccountSigner:
    api_key = resolve(account.api_key, environ, key=f"accounts.{name}.api_key")
    secret = resolve(account.secret, environ, key=f"accounts.{name}.secret")
    SCRUBBER.know((api_key.reveal(), secret.reveal()))
    return AccountSigner(api_key, secret, account.key_type, key=f"accounts.{name}.secret")


def renewed(before: Signers, after: Signers) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each account that has other credentials than before, and the settings that stand for them."""
    for name, signer in after.items():
        if name in before and (differs := signer.differs_from(before[name])):
            yield name, differs
