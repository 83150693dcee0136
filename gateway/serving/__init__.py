"""asyncio towards clients: the stream protocol, REST and who may reach them."""

from gateway.serving.guard import loopback
from gateway.serving.limits import Limits
from gateway.serving.server import Server

__all__ = ["Limits", "Server", "loopback"]
