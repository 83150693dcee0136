"""
The gateway between trading programs and exchanges: the public names, each imported when it is first used.

``import gateway.spi``, which plugins do, brings in none of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.app import ConnectionHandle, Gateway, Listening, Reloaded, ThreadedGateway
    from gateway.client import Client
    from gateway.engine.messages import Message, Notice
    from gateway.model.states import ConnectionState
    from gateway.model.subscriptions import Subscription

__all__ = [
    "Client",
    "ConnectionHandle",
    "ConnectionState",
    "Gateway",
    "Listening",
    "Message",
    "Notice",
    "Reloaded",
    "Subscription",
    "ThreadedGateway",
]

_HOMES = {
    "Client": "gateway.client",
    "ConnectionHandle": "gateway.app",
    "ConnectionState": "gateway.model.states",
    "Gateway": "gateway.app",
    "Listening": "gateway.app",
    "Message": "gateway.engine.messages",
    "Notice": "gateway.engine.messages",
    "Reloaded": "gateway.app",
    "Subscription": "gateway.model.subscriptions",
    "ThreadedGateway": "gateway.app",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  # only who asks for a name pays

    return getattr(import_module(_HOMES[name]), name)
