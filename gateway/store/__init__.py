"""What survives a restart: subscriptions made through the API, and until when an exchange forbids us what."""

from gateway.store.records import Added, Ban, StandingSubscription
from gateway.store.store import Store

__all__ = ["Added", "Ban", "StandingSubscription", "Store"]
