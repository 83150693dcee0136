"""What survives a restart: subscriptions made through the API, until when we are banned, who may come."""

from gateway.store.records import Added, Ban, StandingSubscription
from gateway.store.store import Store
from gateway.store.tokenfile import TokenFile
from gateway.store.tokens import Token, TokenState
from gateway.store.tokenwatch import TokenWatch
from gateway.store.transient import TransientStore, is_transient

__all__ = [
    "Added",
    "Ban",
    "StandingSubscription",
    "Store",
    "Token",
    "TokenFile",
    "TokenState",
    "TokenWatch",
    "TransientStore",
    "is_transient",
]
