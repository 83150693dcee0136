"""What an account's key may do, beyond reading: the gateway needs none of it, and says so where there is more."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """
    What the exchange says of a key; :obj:`None` where it does not say.

    ``withdrawal`` is whatever takes assets out of the account, to another one of
    the same owner too. ``address_bound`` tells that the key works from some
    addresses alone.
    """

    trading: bool | None = None
    withdrawal: bool | None = None
    address_bound: bool | None = None
