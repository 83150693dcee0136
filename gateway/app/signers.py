"""Whose secrets are looked up for an exchange, and which of them are others than before."""

from collections.abc import Iterator, Mapping

from gateway.config import AccountSettings, AccountSigner, resolve

Signers = Mapping[str, AccountSigner]
"""Who signs, by account."""


def signers_at(exchange: str, accounts: Mapping[str, AccountSettings], environ: Mapping[str, str]) -> Signers:
    """
    Return who signs for each of the exchange's accounts. Blocks on the disk or the key ring.

    Raises:
        ConfigError: If a secret cannot be had.
    """
    return {
        name: AccountSigner(
            resolve(account.api_key, environ, key=f"accounts.{name}.api_key"),
            resolve(account.secret, environ, key=f"accounts.{name}.secret"),
            account.key_type,
            key=f"accounts.{name}.secret",
        )
        for name, account in accounts.items()
        if account.exchange == exchange
    }


def renewed(before: Signers, after: Signers) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each account that has other credentials than before, and the settings that stand for them."""
    for name, signer in after.items():
        if name in before and (differs := signer.differs_from(before[name])):
            yield name, differs
