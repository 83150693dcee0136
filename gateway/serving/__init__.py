"""asyncio towards clients: the stream protocol, REST and who may reach them."""

from gateway.serving.guard import bound, is_exposed
from gateway.serving.limits import Limits
from gateway.serving.listening import Tls
from gateway.serving.server import Server

__all__ = ["Limits", "Server", "Tls", "bound", "is_exposed"]
