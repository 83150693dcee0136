"""The composition root: a configuration goes in, a running gateway comes out."""

from gateway.app.checking import check
from gateway.app.configuration import Reloaded
from gateway.app.ending import last_resort
from gateway.app.gateway import Gateway
from gateway.app.handle import ConnectionHandle
from gateway.app.listening import Listening
from gateway.app.outcome import Outcome
from gateway.app.serve import serve
from gateway.app.threaded import ThreadedGateway

__all__ = [
    "ConnectionHandle",
    "Gateway",
    "Listening",
    "Outcome",
    "Reloaded",
    "ThreadedGateway",
    "check",
    "last_resort",
    "serve",
]
