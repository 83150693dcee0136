"""What another configuration does to exchanges that run: their pace, their accounts, and a second chance."""

from collections.abc import Mapping

from gateway.app.composition import pace_of, usual_pace
from gateway.app.signers import Signers, renewed
from gateway.config import Settings
from gateway.errors import PluginError
from gateway.runtime.exchange import Exchange


def change(exchanges: Mapping[str, Exchange], before: Settings, after: Settings) -> None:
    """Have ``exchanges`` live by ``after``, their accounts aside; each must be in both."""
    for name, exchange in exchanges.items():
        pace = pace_of(after.exchanges[name])
        if pace != pace_of(before.exchanges[name]):
            exchange.change_pace(pace)


def change_accounts(
    exchanges: Mapping[str, Exchange], signers: dict[str, Signers], new: Mapping[str, Signers]
) -> None:
    """Have the accounts of ``new``, which replaces ``signers``; what had stopped for good is tried again."""
    before = dict(signers)
    signers.update(new)
    for name, exchange in exchanges.items():
        others = frozenset(account for account, _ in renewed(before[name], new[name]))
        exchange.change_accounts(frozenset(new[name]), others)
        exchange.links.forgive()


def paces(exchanges: Mapping[str, Exchange]) -> Mapping[str, float]:
    """Return the seconds between two pings that each plugin asks for, as far as it can say."""
    found = {}
    for name, exchange in exchanges.items():
        try:
            found[name] = usual_pace(exchange.ground)
        except PluginError:  # its connections say so
            continue
    return found
