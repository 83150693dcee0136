"""What survives a restart: subscriptions made through the API, and until when an exchange forbids us what."""

from gateway.store.records import Added, Ban, StandingSubscription
from gateway.store.store import Store
from gateway.store.transient import TransientStore, is_transient

__all__ = ["Added", "Ban", "StandingSubscription", "Store", "TransientStore", "is_transient"]
